//! What there is to read where a box can't be reached, each on a lease that stood ready; it can be used again as soon as
//! the way leads there.

use crabbox_tests::ssh::{Hang, Reached, Refuse, Server, SshHost, SshHostBuilder};
use crabbox_tests::{Ran, led_by, until};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A lease that stands ready, whose connection has ended, as after a night.
fn ready() -> Reached {
    let reached = Reached::on(Server::Russh).expect("a host");
    reached.warm_up();
    reached.hang_up();
    reached
}

fn host(kind: impl FnOnce(SshHostBuilder) -> SshHostBuilder) -> SshHost {
    kind(SshHost::with(Server::Russh)).build().expect("a host")
}

/// The way leads to another host from now on.
fn leads_to(reached: &Reached, host: &SshHost) {
    reached.say("port", Value::Null);
    let transport = host.transport();
    for (name, value) in transport.as_object().expect("an object") {
        reached.say(name, value.clone());
    }
}

/// What a run says that fails on the way there. The lease is none the worse for it: once the way is right, it is used.
fn failed(reached: &Reached) -> String {
    let ran = reached.crabbox(&["run", "--json", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(document["outcome"]["origin"], "transport", "{document}");
    is_used(reached);
    told(reached, &ran)
}

/// By the right way the only lease is used.
fn is_used(reached: &Reached) {
    let slug = reached.world.only_slug();
    leads_to(reached, &reached.host);
    let again = reached.crabbox(&["run", "--keep", "--", "true"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(reached.world.only_slug(), slug);
}

/// What was said, without what is the same in each case, and what differs from run to run.
fn told(reached: &Reached, ran: &Ran) -> String {
    let text = ran.snapshot(&reached.world);
    let user = reached.host.user();
    let stderr = text.split_once("--- stderr\n").expect("a snapshot").1;
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("crabbox: "));
    let lines = lines.filter(|line| !line.starts_with("warning: providers in"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let identity = reached.host.transport()["identity_file"].as_str().unwrap_or("-").to_owned();
    text.replace(&format!("{user}@"), "USER@").replace(&identity, "[KEY]")
}

fn proxy(reached: &Reached, line: &str) {
    reached.say("proxy", json!(["sh", "-c", line]));
}

#[test]
fn nobody_listens() {
    let reached = ready();
    reached.say("proxy", json!([]));
    reached.say("host", json!("127.0.0.1"));
    reached.say("port", json!(9));
    assert_snapshot!(failed(&reached), @r"
    error: `127.0.0.1` can't be reached by ssh: the connection is refused; it said: ssh: connect to host 127.0.0.1 port 9: Connection refused
      hint: ssh -v -p 9 -i [KEY] USER@127.0.0.1 true
      hint: crabbox status [SLUG]
      hint: crabbox run --json --fresh -- true
    ");
}

/// Who looks at the lease afterwards, or visits its box, learns what the run has learned, until the next one gets there.
#[test]
fn a_lease_that_was_not_reached_says_why() {
    let reached = ready();
    let slug = reached.world.only_slug();
    let status = || -> Value {
        let ran = reached.crabbox(&["status", "@last", "--json"]);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
    };
    assert_eq!(status()["lease"]["trouble"], Value::Null);
    proxy(&reached, "echo 'no such workspace' >&2; exit 1");
    assert_eq!(reached.crabbox(&["run", "--", "true"]).code, 125);
    let lease = status()["lease"].clone();
    assert_eq!(lease["state"], "ready", "{lease}");
    let why = lease["trouble"].as_str().expect("a reason").to_owned();
    assert!(why.contains("no such workspace"), "{why}");
    let listed = reached.crabbox(&["list"]);
    assert!(listed.stdout.contains("ready, in doubt"), "{listed:?}");
    assert!(listed.stderr.contains(&why), "{listed:?}");
    let visited = reached.crabbox(&["ssh", "@last", "--", "true"]);
    assert_eq!(visited.code, 5, "{visited:?}");
    let said = format!("error: `{slug}` wasn't reached the last time: {why}");
    assert!(visited.stderr.contains(&said), "{visited:?}");
    is_used(&reached);
    assert_eq!(status()["lease"]["trouble"], Value::Null);
    // A box that stood ready is left so.
    assert_eq!(status()["lease"]["state"], "ready");
}

#[test]
fn the_name_is_nobodys() {
    let reached = ready();
    reached.say("proxy", json!([]));
    reached.say("host", json!("nowhere.invalid"));
    assert_snapshot!(failed(&reached), @r"
    error: `nowhere.invalid` can't be reached by ssh: its name can't be resolved; it said: ssh: Could not resolve hostname nowhere.invalid: Name or service not known
      hint: ssh -v -i [KEY] USER@nowhere.invalid true
      hint: crabbox status [SLUG]
      hint: crabbox run --json --fresh -- true
    ");
}

#[test]
fn no_way_leads_there() {
    let flag = if rustix::process::geteuid().is_root() { "-n" } else { "-rn" };
    let can = Command::new("unshare").args([flag, "true"]).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        let _ = writeln!(std::io::stderr(), "skipped: there is no network to be without");
        return;
    }
    let reached = ready();
    reached.say("proxy", json!([]));
    reached.say("host", json!("192.0.2.1"));
    let run = reached.command(&["run", "--json", "--", "true"]);
    let ran = Ran::of(led_by(&["unshare", flag], &run).stdin(Stdio::null()));
    assert_eq!(ran.code, 125, "{ran:?}");
    assert_snapshot!(told(&reached, &ran), @r"
    error: `192.0.2.1` can't be reached by ssh: there is no way there; it said: ssh: connect to host 192.0.2.1 port 22: Network is unreachable
      hint: ssh -v -i [KEY] USER@192.0.2.1 true
      hint: crabbox status [SLUG]
      hint: crabbox run --json --fresh -- true
    ");
    is_used(&reached);
}

#[test]
fn no_key_is_taken() {
    let reached = ready();
    let other = host(|host| host.refuse(Refuse::Auth));
    leads_to(&reached, &other);
    assert_snapshot!(failed(&reached), @r"
    error: `box` can't be reached by ssh: it doesn't let us in; it said: USER@box: Permission denied (publickey).
      note: on a terminal, that can ask for a passphrase, a PIN or a password
      hint: crabbox warmup
    ");
}

/// What only a run takes is none of the line's that asks.
#[test]
fn the_line_that_asks_can_be_typed() {
    let reached = ready();
    let other = host(|host| host.refuse(Refuse::Auth));
    leads_to(&reached, &other);
    let options = ["--env", "A=b", "--env=C=d", "--timeout", "5m", "--clean-env", "--dir", "."];
    let run = |more: &[&str]| {
        let ran = reached.crabbox(&[&["run"], more, &options, &["--shell", "true; true"]].concat());
        assert_eq!(ran.code, 125, "{ran:?}");
        let hint = ran.stderr.lines().find_map(|line| line.split_once("hint: "));
        hint.map(|(_, line)| line.to_owned()).expect("a hint")
    };
    assert_eq!(run(&["--keep"]), "crabbox warmup --keep");
    let ran = reached.crabbox(&["warmup", "--keep"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    // It can't be asked for a certain lease.
    let slug = reached.world.only_slug();
    let login = run(&["--id", &slug, "--no-wait"]);
    assert_eq!(login, "ssh box true");
    is_used(&reached);
}

#[test]
fn a_key_has_a_passphrase_and_nobody_is_asked() {
    let reached = ready();
    let other = host(|host| host.passphrase("secret"));
    leads_to(&reached, &other);
    assert_snapshot!(failed(&reached), @r"
    error: `box` can't be reached by ssh: it doesn't let us in; it said: USER@box: Permission denied (publickey).
      note: on a terminal, that can ask for a passphrase, a PIN or a password
      hint: crabbox warmup
    ");
}

#[test]
fn a_changed_key_ends_it_with_one_connection() {
    let reached = ready();
    let other = host(|host| host);
    leads_to(&reached, &other);
    reached.say("host_key", json!({ "kind": "pinned", "key": reached.host.host_key() }));
    let before = reached.calls().len();
    let ran = reached.crabbox(&["run", "--json", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    let key = ran.stderr.split_whitespace().find(|word| word.starts_with("SHA256:"));
    assert_eq!(key.map(str::to_owned), Some(fingerprint(&other)), "{ran:?}");
    assert_eq!(other.counts().connections, 1);
    assert_eq!(reached.calls().len(), before + 1, "it was resolved once");
    let text = told(&reached, &ran).replace(&fingerprint(&other), "SHA256:KEY");
    assert_snapshot!(text, @r"
    error: `box` can't be reached by ssh: its host key isn't the one that is known: unless the machine was installed anew, this may be an attack; it said: the key that it shows is SHA256:KEY
      note: the one that is known is named by the provider or its settings, as by `host-key` of `ssh`
    ");
}

#[test]
fn an_unknown_key_is_shown_and_not_taken() {
    let reached = ready();
    let other = host(|host| host);
    leads_to(&reached, &other);
    reached.say("host", json!("nobody-knows.invalid"));
    reached.say("host_key", json!({ "kind": "known" }));
    let ran = reached.crabbox(&["run", "--json", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert_eq!(other.counts().logins, 0);
    let text = told(&reached, &ran).replace(&fingerprint(&other), "SHA256:KEY");
    assert_snapshot!(text, @r"
    error: `nobody-knows.invalid` can't be reached by ssh: its host key isn't known here; it said: the key that it shows is ssh-ed25519 SHA256:KEY
      note: on a terminal, that shows the key and asks
      hint: crabbox warmup
    ");
}

fn fingerprint(host: &SshHost) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    fs::write(&file, host.host_key()).expect("a file");
    let output = std::process::Command::new("ssh-keygen").arg("-lf").arg(file).output();
    let text = String::from_utf8(output.expect("ssh-keygen runs").stdout).expect("text");
    text.split_whitespace().nth(1).expect("a fingerprint").to_owned()
}

#[test]
fn the_providers_command_is_missing() {
    let reached = ready();
    reached.say("proxy", json!(["no-such-program"]));
    assert_snapshot!(failed(&reached), @r"
    error: `box` can't be reached by ssh: the command that leads there failed; it said: there is no program `no-such-program` on `PATH`
      hint: crabbox status [SLUG]
      hint: crabbox run --json --fresh -- true
    ");
}

/// What is in a checkout is whoever's wrote it.
#[test]
fn the_providers_command_is_never_one_of_the_checkout() {
    let reached = ready();
    let script = reached.world.root().join("script");
    let evil = reached.world.root().join("evil");
    fs::write(&script, format!("#!/bin/sh\n:>'{}'\n", evil.display())).expect("a script");
    let program = reached.world.executable("checkout/bin/lead-there", &script);
    reached.say("proxy", json!(["lead-there"]));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [program.parent().expect("a folder").to_owned()];
    let folders = folders.into_iter().chain(std::env::split_paths(&path));
    let mut command = reached.command(&["run", "--", "true"]);
    command.env("PATH", std::env::join_paths(folders).expect("folders"));
    let ran = crabbox_tests::Ran::of(&mut command);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("only found inside the checkout"), "{ran:?}");
    assert!(!evil.exists());
}

#[test]
fn the_providers_command_says_why() {
    let reached = ready();
    proxy(&reached, "echo 'no such workspace' >&2; exit 1");
    assert_snapshot!(failed(&reached), @r"
    error: `box` can't be reached by ssh: the command that leads there failed; it said: no such workspace; kex_exchange_identification: Connection closed by remote host
      hint: crabbox status [SLUG]
      hint: crabbox run --json --fresh -- true
    ");
}

/// What it says meanwhile is the reason; nothing of it is left.
#[test]
fn the_providers_command_hangs() {
    let reached = ready();
    let pid = reached.world.root().join("pid");
    let line =
        format!("echo 'the box is starting' >&2; echo $$ >{}; exec sleep 300", pid.display());
    proxy(&reached, &line);
    reached.ssh_with(&["ConnectTimeout=3"]);
    assert_snapshot!(failed(&reached), @r"
    error: `box` can't be reached by ssh: it doesn't answer in time; it said: the box is starting; Connection timed out during banner exchange
      hint: ssh -v box true
      hint: crabbox status [SLUG]
      hint: crabbox run --json --fresh -- true
    ");
    let pid = fs::read_to_string(pid).expect("a number");
    until("its end", || !Path::new("/proc").join(pid.trim()).exists());
}

/// For the first word of a server there is a deadline of ssh's, and for all that comes after it one of ours. A connection
/// on which nothing is answered isn't kept for those who come later.
#[test]
fn a_server_stops_answering_on_the_way() {
    for place in [Hang::Auth, Hang::Exec] {
        let reached = ready();
        let other = host(|host| host.hang(place));
        leads_to(&reached, &other);
        let mut run = reached.command(&["run", "--json", "--", "true"]);
        let ran = Ran::of(run.env("CRABBOX_FAULT", "<3000"));
        assert_eq!(ran.code, 125, "{ran:?}");
        let told = told(&reached, &ran);
        let first = told.lines().next();
        assert_eq!(first, Some("error: `box` can't be reached by ssh: it doesn't answer in time"));
        assert!(told.contains("hint: ssh -v box true"), "{told}");
        assert_eq!(other.counts().connections, 1, "{place:?}");
        until("the server's end", || other.processes().is_empty());
        is_used(&reached);
    }
}

#[test]
fn what_the_way_says_reaches_no_terminal() {
    let reached = ready();
    proxy(&reached, "printf '\\033]0;title\\007\\033[2Jgone\\r\\n' >&2; exit 1");
    let told = failed(&reached);
    assert!(!told.contains('\u{1b}') && !told.contains('\u{7}'), "{told:?}");
    assert_snapshot!(told, @r"
    error: `box` can't be reached by ssh: the command that leads there failed; it said: \u{1b}]0;title\u{7}\u{1b}[2Jgone; kex_exchange_identification: Connection closed by remote host
      hint: crabbox status [SLUG]
      hint: crabbox run --json --fresh -- true
    ");
}

#[test]
fn the_providers_command_speaks_no_ssh() {
    let reached = ready();
    proxy(&reached, "yes 'HTTP/1.1 400 Bad Request' | head -n 2000; echo 'a warning' >&2");
    assert_snapshot!(failed(&reached), @r"
    error: `box` can't be reached by ssh: the command that leads there failed; it said: a warning; kex_exchange_identification: No SSH version received in first 1024 lines from server
      hint: crabbox status [SLUG]
      hint: crabbox run --json --fresh -- true
    ");
}

#[test]
fn text_before_the_server_speaks_is_skipped() {
    let reached = ready();
    let other = host(|host| host.noise("starting").noise("started").home(&reached.home()));
    leads_to(&reached, &other);
    let ran = reached.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_command_is_refused() {
    let reached = ready();
    let other = host(|host| host.refuse(Refuse::Exec));
    leads_to(&reached, &other);
    assert_snapshot!(failed(&reached), @r"
    error: `box` can't be reached by ssh: it ended the session without a word
      hint: crabbox status [SLUG]
      hint: crabbox run --json --fresh -- true
    ");
}

#[test]
fn a_channel_is_refused() {
    let reached = ready();
    let other = host(|host| host.refuse(Refuse::Channel));
    leads_to(&reached, &other);
    assert_snapshot!(failed(&reached), @r"
    error: `box` can't be reached by ssh: it lets us in, and runs nothing; it said: mux_client_request_session: session request failed: Session open refused by peer; Failed to connect to new control master
      hint: crabbox status [SLUG]
      hint: crabbox run --json --fresh -- true
    ");
}

#[test]
fn the_line_breaks_in_the_middle_of_a_sync() {
    let reached = ready();
    let mut seed: u32 = 1;
    let noise = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from(seed >> 28).expect("four bits"))
    });
    reached.world.write("big", &noise.take(4 << 20).collect::<String>());
    let (home, cache) = (reached.home(), reached.home().join(".cache").display().to_string());
    let other = host(|host| host.home(&home).env("XDG_CACHE_HOME", &cache).drop_after(1_000_000));
    leads_to(&reached, &other);
    let told = failed(&reached);
    // Who of the two sees it first isn't settled.
    assert!(told.starts_with("error: the connection to the box "), "{told}");
}

/// The command that leads there gets what the provider's manifest declares, and what is in its way to that.
#[test]
fn the_providers_command_gets_what_is_declared() {
    let reached = ready();
    let seen = reached.world.root().join("seen");
    proxy(&reached, &format!("env >{}; exit 1", seen.display()));
    let mut command = reached.command(&["run", "--", "true"]);
    command.env("ROUTE_DECLARED", "yes").env("ROUTE_OTHER", "no").env("SSH_AUTH_SOCK", "/none");
    assert_eq!(Ran::of(&mut command).code, 125);
    let text = fs::read_to_string(seen).expect("variables");
    let names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert!(names.contains(&"ROUTE_DECLARED"), "{names:?}");
    let others = names.into_iter().filter(|name| !["PATH", "ROUTE_DECLARED"].contains(name));
    // Those that the shell sets itself.
    let others: Vec<&str> =
        others.filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name)).collect();
    assert_eq!(others, Vec::<&str>::new());
}
