//! What the user's own configuration does to the way to a machine, and what it doesn't.

use super::Cluster;
use crabbox_tests::{Left, Ran, Typist, until};
use serde_json::Value;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

const SURE: &str = "Are you sure you want to continue connecting";

/// Ends the connections of leases, as when this machine was asleep for long.
fn hang_up(cluster: &Cluster) {
    for entry in fs::read_dir(cluster.world.root().join("run/crabbox")).expect("a folder") {
        let socket = entry.expect("an entry").path().join("0");
        let mut ssh = Command::new("ssh");
        ssh.arg("-S").arg(socket).args(["-O", "exit", "desk"]).stderr(Stdio::null());
        assert!(ssh.status().expect("ssh runs").success());
    }
}

#[test]
fn who_only_looks_ends_nothing_of_who_works() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    hang_up(&cluster);
    let at = |name: &str| cluster.world.root().join(name);
    let (looking, looked, started, go) = (at("looking"), at("looked"), at("started"), at("go"));
    // `ssh` reads this before it goes there: who looks is held up until the run is at work.
    cluster.prefers(&format!(
        "Match exec \"[ x$LOOKS = x ] || {{ touch {0}; until [ -e {1} ];do sleep 0.02;done; }}\"\n",
        looking.display(),
        looked.display()
    ));
    let mut look = cluster.command(&["list", "--refresh"]);
    let look = look.env("LOOKS", "1").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    until("somebody looks", || looking.exists());
    let line =
        format!("touch {}; until [ -e {} ];do sleep 0.02;done", started.display(), go.display());
    let mut run = cluster.command(&["run", "--keep", "--shell", &line]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    until("the command", || started.exists());
    fs::write(&looked, "").expect("a file");
    let look: Ran = look.expect("it starts").wait_with_output().expect("it ends").into();
    assert!(look.stdout.contains("busy") && look.stdout.contains("ready"), "{look:?}");
    // By another way, which a file that was just edited names.
    let key = cluster.machine("desk").user_key().display().to_string();
    cluster.configure(&["desk"], &format!("identity-file = '{key}'"));
    cluster.done(&["list", "--refresh"]);
    fs::write(&go, "").expect("a file");
    let run: Ran = run.wait_with_output().expect("it ends").into();
    assert_eq!(run.code, 0, "{run:?}");
    let left = fs::read_dir(cluster.world.root().join("run/crabbox")).expect("a folder");
    assert_eq!(left.count(), 1, "who looks leaves no connection");
}

#[test]
fn a_host_on_the_way_that_asks_does_so_where_somebody_answers() {
    let Some(cluster) = Cluster::of(&["desk", "jump"]) else { return };
    cluster.configure(&["desk"], "");
    fs::write(cluster.known_hosts(), format!("{}\n", cluster.machine("desk").known()))
        .expect("writes");
    cluster.prefers("Host desk\n  ProxyJump jump\n");
    let ran = cluster.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("hint: crabbox warmup"), "{ran:?}");
    let mut typist = Typist::before(&cluster.command(&["warmup"]));
    typist.reads(SURE);
    typist.types("yes\n");
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(0), "{shown}");
    cluster.done(&["run", "--", "true"]);
}

#[test]
fn no_key_is_taken_unseen_whatever_is_configured() {
    for policy in ["no", "accept-new"] {
        let Some(cluster) = Cluster::of(&["desk"]) else { return };
        cluster.prefers(&format!("Host desk\n  StrictHostKeyChecking {policy}\n"));
        fs::write(cluster.known_hosts(), "").expect("writes");
        let ran = cluster.crabbox(&["run", "--json", "--", "true"]);
        assert_eq!(ran.code, 125, "{policy}: {ran:?}");
        assert!(ran.stderr.contains("its host key isn't known here"), "{policy}: {ran:?}");
        let document: Value = serde_json::from_str(&ran.stdout).expect("a document");
        let of = |field: &str, name: &str| document[field][name].as_str().map(str::to_owned);
        let transport = Some("transport".to_owned());
        assert_eq!((of("outcome", "origin"), of("error", "code")), (transport.clone(), transport));
        assert_eq!(fs::read_to_string(cluster.known_hosts()).expect("reads"), "", "{policy}");
        // At a terminal, they are asked.
        let mut typist = Typist::before(&cluster.command(&["warmup"]));
        typist.reads(SURE);
        typist.types("yes\n");
        let Left { code, shown } = typist.leaves();
        assert_eq!(code, Some(0), "{policy}: {shown}");
    }
}

#[test]
fn a_changed_key_ends_it_and_the_line_that_forgets_the_old_one_works() {
    let Some(mut cluster) = Cluster::of(&["desk"]) else { return };
    cluster.prefers("Host desk\n  StrictHostKeyChecking no\n");
    cluster.done(&["run", "--", "true"]);
    let desk = cluster.machine_mut("desk");
    desk.off();
    desk.change_key();
    desk.on();
    let id = cluster.lease()["id"].as_str().expect("an id").to_owned();
    let before = cluster.machine("desk").connections();
    let ran = cluster.crabbox(&["run", "--id", &id, "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("host key isn't the one that is known"), "{ran:?}");
    assert_eq!(cluster.machine("desk").connections(), before);
    let doctor = cluster.crabbox(&["doctor"]);
    for said in [&ran.stderr, &format!("{}{}", doctor.stdout, doctor.stderr)] {
        assert!(
            said.contains("unless the machine was installed anew, this may be an attack"),
            "{said}"
        );
    }
    let hint = ran.stderr.lines().find_map(|line| line.split_once("hint: ssh-keygen "));
    let (_, line) = hint.unwrap_or_else(|| panic!("{ran:?}"));
    let typed = Ran::of(Command::new("sh").args(["-c", &format!("ssh-keygen {line}")]));
    assert_eq!(typed.code, 0, "{line}: {typed:?}");
    assert_eq!(fs::read_to_string(cluster.known_hosts()).expect("reads").trim(), "");
}

#[test]
fn what_would_break_a_session_of_ours_does_not_reach_it() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.prefers(
        "IgnoreUnknown NobodysOption\nHost desk\n  NobodysOption yes\n  SessionType none\n  \
         StdinNull yes\n  ForkAfterAuthentication yes\n  LogLevel QUIET\n  Compression yes\n",
    );
    let ran = cluster.done(&["run", "--keep", "--shell", "echo here"]);
    assert_eq!(ran.stdout, "here\n");
    let ran = cluster.done(&["ssh", "@last", "--", "echo", "here"]);
    assert_eq!(ran.stdout, "here\n");
    hang_up(&cluster);
    fs::remove_file(cluster.machine("desk").user_key()).expect("a key");
    let ran = cluster.crabbox(&["run", "--", "true"]);
    assert!(ran.stderr.contains("Permission denied (publickey"), "{ran:?}");
}

/// What somebody has set for their own sessions there.
#[test]
fn what_is_not_for_us_is_off_on_our_connections() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    let free = || TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let [near, far, both] = [free(), free(), free()].map(|free| free.expect("an address").port());
    let evil = cluster.world.root().join("evil");
    cluster.prefers(&format!(
        "Host desk\n  PermitLocalCommand yes\n  LocalCommand touch {0}\n  RemoteCommand touch {0}\n  \
         RequestTTY force\n  LocalForward {near} 127.0.0.1:1\n  RemoteForward {far} 127.0.0.1:1\n  \
         DynamicForward {both}\n  ForwardX11 yes\n",
        evil.display()
    ));
    // The first one makes the connection, the next one rides it.
    for _ in 0..2 {
        let ran = cluster.crabbox(&["run", "--keep", "--shell", "tty; exit 0"]);
        assert_eq!((ran.code, &*ran.stdout), (0, "not a tty\n"), "{ran:?}");
        for port in [near, far, both] {
            assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "{port}");
        }
    }
    let mut shell = cluster.command(&["ssh", "@last", "--", "sh", "-c", "echo ${DISPLAY-none}"]);
    let ran = Ran::of(shell.env("DISPLAY", "127.0.0.1:99"));
    assert_eq!((ran.code, &*ran.stdout), (0, "none\n"), "{ran:?}");
    assert_eq!(cluster.machine("desk").connections(), 1);
    assert!(!evil.exists());
}

#[test]
fn a_run_sees_the_same_variables_whether_it_makes_the_connection_or_rides_one() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.prefers("Host desk\n  SendEnv LC_SENT\n  SetEnv LC_SET=one\n");
    let variables = || {
        let mut command = cluster.command(&["run", "--keep", "--shell", "env"]);
        let ran = Ran::of(command.env("LC_SENT", "two"));
        assert_eq!(ran.code, 0, "{ran:?}");
        let differ = ["CRABBOX_RUN=", "SSH_CLIENT=", "SSH_CONNECTION="];
        let mut lines: Vec<_> = ran.stdout.lines().map(str::to_owned).collect();
        lines.retain(|line| !differ.iter().any(|name| line.starts_with(name)));
        lines.sort();
        lines
    };
    let cold = variables();
    assert_eq!(cold, variables());
    assert!(!cold.iter().any(|line| line.starts_with("LC_S")), "{cold:?}");
}

#[test]
fn the_block_for_editors_leaves_the_users_own_name_alone() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    let block = cluster.done(&["ssh", "@last", "--config"]).stdout;
    let named: Vec<_> = block.lines().filter_map(|line| line.strip_prefix("Host ")).collect();
    let ours = format!("crabbox-{}", cluster.slug());
    assert_eq!(named, [&*ours], "{block}");
    assert!(!block.to_lowercase().contains("control"), "{block}");
    // It is read where the user's configuration isn't, and leads there all the same.
    let file = cluster.world.root().join("block");
    fs::write(&file, &block).expect("writes");
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(file).args(["-o", "BatchMode=yes", &ours, "echo here"]);
    let ran = Ran::of(ssh.stdin(Stdio::null()));
    assert_eq!((ran.code, &*ran.stdout), (0, "here\n"), "{block}: {ran:?}");
}

#[test]
fn a_place_that_stood_ready_is_gone_to_before_its_provider_is_asked() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    let starts = || {
        let audit = cluster.world.root().join("state/crabbox/audit.jsonl");
        let audit = fs::read_to_string(audit).expect("an audit log");
        audit.lines().filter(|line| line.contains("\"start\"")).count()
    };
    let asked = starts();
    hang_up(&cluster);
    cluster.done(&["run", "--", "true"]);
    assert_eq!(starts(), asked, "nobody was asked");
    // What the user changes of the way counts from the next run on.
    let key = cluster.machine("desk").user_key().display().to_string();
    cluster.configure(&["desk"], &format!("identity-file = '{key}'"));
    cluster.done(&["run", "--", "true"]);
    assert!(starts() > asked, "its provider was asked for the way");
}

#[test]
fn a_machine_that_is_off_is_tried_once() {
    let Some(mut cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    hang_up(&cluster);
    cluster.machine_mut("desk").off();
    let ran = cluster.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    assert!(!ran.stderr.contains("isn't as it was left"), "{}", ran.stderr);
    cluster.machine_mut("desk").on();
    cluster.done(&["run", "--", "true"]);
}
