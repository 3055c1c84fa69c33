//! Settings: what holds, where it comes from, and what is said of what is wrong.

use crabbox_tests::{Ran, World};
use insta::assert_snapshot;
use serde_json::Value;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|_| panic!("JSON: {}{}", ran.stdout, ran.stderr))
}

/// Both files hold something, and a variable is set.
fn layered() -> World {
    let world = World::new();
    world.write(".crabbox.toml", "[lease]\nidle = '10m'\n[sync]\nexclude = ['*.tmp']\n");
    world.configure("[lease]\nidle = '20m'\nrelease = 'delete'\n[sync]\nexclude = ['*.log']\n");
    world
}

#[test]
fn every_value_has_its_origin() {
    let world = layered();
    let mut command = world.command(&["config", "show"]);
    command.env("CRABBOX_RUN_TIMEOUT", "90s");
    let shown = Ran::of(&mut command);
    assert_snapshot!(shown.snapshot(&world), @r"
    exit 0
    --- stdout
    KEY                 VALUE         FROM
    lease.provider      local         default
    lease.ttl           8h            default
    lease.idle          10m           [WORLD]/checkout/.crabbox.toml:2
    lease.linger        -             default
    lease.parked_ttl    14d           default
    lease.release       delete        [WORLD]/config/crabbox/config.toml:3
    run.timeout         1m [TIME]        CRABBOX_RUN_TIMEOUT
    run.env             -             default
    sync.exclude        *.tmp, *.log  [WORLD]/checkout/.crabbox.toml:4, [WORLD]/config/crabbox/config.toml:5
    history.keep_for    30d           default
    history.keep        1000          default
    history.size        1GiB          default
    history.log_size    32MiB         default
    results.junit       -             default
    artifacts.max_size  1GiB          default
    providers.path      -             default
    --- stderr
    ");
    let shown = json(&Ran::of(command.args(["--json", "--provider-path", "/nowhere"])));
    assert_eq!(shown["schema_version"], 1);
    let of = |key: &str| {
        let settings = shown["settings"].as_array().expect("a list");
        settings.iter().find(|setting| setting["key"] == key).expect(key).clone()
    };
    assert_eq!(of("lease.idle")["value"], 600_000);
    assert_eq!(of("lease.idle")["origins"][0]["line"], 2);
    assert_eq!(of("run.timeout")["origins"][0]["name"], "CRABBOX_RUN_TIMEOUT");
    assert_eq!(of("providers.path")["origins"][0]["name"], "--provider-path");
    assert_eq!(of("sync.exclude")["value"], serde_json::json!(["*.tmp", "*.log"]));
}

#[test]
fn the_chain_of_a_key_says_which_layer_wins() {
    let world = layered();
    let idle = world.crabbox(&["config", "explain", "lease.idle"]);
    assert_snapshot!(idle.snapshot(&world), @r"
    exit 0
    --- stdout
    lease.idle: 10m
      what it is         how long a box stays ready without use
      value              a duration in ms, s, m, h, d or w, such as `90s` or `1h 30m`
      in .crabbox.toml   yes

    LAYER       VALUE                        FROM
    flag        -                            --idle isn't given
    variable    -                            CRABBOX_LEASE_IDLE isn't set
    repository  10m    wins                  [WORLD]/checkout/.crabbox.toml:2
    user        20m    loses to: repository  [WORLD]/config/crabbox/config.toml:2
    system      -                            not set
    default     30m    loses to: repository  default
    --- stderr
    ");
    let release = world.crabbox(&["config", "explain", "lease.release"]);
    assert_snapshot!(release.snapshot(&world), @r"
    exit 0
    --- stdout
    lease.release: delete
      what it is         what becomes of a box at the end
      value              one of `park`, `delete`
      in .crabbox.toml   if you grant it: it would choose what is deleted

    LAYER       VALUE                   FROM
    flag        -                       --release isn't given
    variable    -                       CRABBOX_LEASE_RELEASE isn't set
    repository  -                       not set
    user        delete  wins            [WORLD]/config/crabbox/config.toml:3
    system      -                       not set
    default     park    loses to: user  default
    --- stderr
    ");
    let exclude = json(&world.crabbox(&["config", "explain", "sync.exclude", "--json"]));
    assert_eq!(exclude["adds_up"], true);
    assert_eq!(exclude["layers"][2]["verdict"], "added");
    let typo = world.crabbox(&["config", "explain", "lease.idel"]);
    assert_eq!(typo.code, 2);
    assert!(typo.stderr.contains("hint: crabbox config explain lease.idle"), "{}", typo.stderr);
}

#[test]
fn the_files_that_are_read_are_named_also_those_that_are_absent() {
    let world = World::new();
    world.configure("");
    let paths = world.crabbox(&["config", "path"]);
    assert_snapshot!(paths.snapshot(&world), @r"
    exit 0
    --- stdout
    FILE        STATE   PATH
    system      absent  [WORLD]/etc/config.toml
    user        there   [WORLD]/config/crabbox/config.toml
    repository  absent  [WORLD]/checkout/.crabbox.toml
    --- stderr
    ");
    let files = json(&world.crabbox(&["config", "path", "--json"]));
    assert_eq!(files["files"][2]["exists"], false);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_line() {
    let world = World::new();
    world.write(
        ".crabbox.toml",
        "[lease]\nproivder = 'x'\n[trust.'/']\n[providers]\npath = ['.']\n",
    );
    world.configure(
        "[lease]\nidle = 5\nidle = '1m'\nrelease = 'burn'\n[provider]\nlocal = 'x'\n\
        [provider.lcoal]\n[provider.docker]\ntemplate = 't'\n",
    );
    let mut command = world.command(&["config", "check"]);
    command.env("CRABBOX_LEASE_IDLE", "soon");
    let checked = Ran::of(&mut command);
    assert_snapshot!(checked.snapshot(&world), @r"
    exit 2
    --- stdout
    --- stderr
    crabbox: error: CRABBOX_LEASE_IDLE: `lease.idle` must be a duration in ms, s, m, h, d or w, such as `90s` or `1h 30m`, not `soon`
    crabbox:   hint: crabbox config explain lease.idle
    crabbox: error: [WORLD]/checkout/.crabbox.toml:2: unknown key `lease.proivder`
    crabbox:   hint: did you mean `lease.provider`?
    crabbox: error: [WORLD]/checkout/.crabbox.toml:3: a repository can't set `trust`: it would choose what it is granted
    crabbox:   hint: set `trust` in your own config.toml if you want it
    crabbox: error: [WORLD]/checkout/.crabbox.toml:5: a repository can't set `providers.path`: it would choose what code runs on this machine
    crabbox:   hint: set `providers.path` in your own config.toml if you want it
    crabbox: error: [WORLD]/config/crabbox/config.toml:2: `lease.idle` must be a duration in ms, s, m, h, d or w, such as `90s` or `1h 30m`, not `5`
    crabbox:   hint: crabbox config explain lease.idle
    crabbox: error: [WORLD]/config/crabbox/config.toml:3: duplicate key `idle`
    crabbox: error: [WORLD]/config/crabbox/config.toml:4: `lease.release` must be one of `park`, `delete`, not `'burn'`
    crabbox:   hint: crabbox config explain lease.release
    crabbox: error: [WORLD]/config/crabbox/config.toml:6: `provider.local` must be a table of settings, not a string
    crabbox:   note: `[provider.local]` holds its settings; `lease.provider` chooses one
    crabbox: error: [WORLD]/config/crabbox/config.toml:7: there is no provider `lcoal`
    crabbox:   hint: did you mean `local`?
    crabbox: warning: [WORLD]/config/crabbox/config.toml:8: the provider `docker` isn't installed here: nothing of it can be checked
    crabbox:   hint: crabbox provider list
    crabbox: [WORLD]/checkout/.crabbox.toml and [WORLD]/config/crabbox/config.toml and the environment: 9 errors
    ");
    let problems = json(&Ran::of(command.arg("--json")));
    let problems = problems["problems"].as_array().expect("a list").clone();
    assert_eq!(problems.len(), 10);
    let warnings = problems.iter().filter(|problem| problem["severity"] == "warning");
    assert_eq!(warnings.count(), 1);
    // A run stops at the first, and names the command that shows the rest.
    let run = Ran::of(world.command(&["run", "--", "true"]).env("CRABBOX_LEASE_IDLE", "soon"));
    assert_eq!(run.code, 125);
    assert!(run.stderr.contains("CRABBOX_LEASE_IDLE: `lease.idle` must be"), "{}", run.stderr);
    assert!(run.stderr.contains("crabbox config check"), "{}", run.stderr);
}

#[test]
fn what_is_right_is_said_so() {
    let world = layered();
    assert_eq!(world.crabbox(&["config", "check"]).code, 0);
    world.write(".crabbox.toml", "");
    let checked = world.crabbox(&["config", "check", "--json"]);
    assert_eq!((checked.code, &json(&checked)["problems"]), (0, &serde_json::json!([])));
    let missing = world.crabbox(&["config", "check", "nowhere.toml"]);
    assert_eq!(missing.code, 4, "{}", missing.stderr);
    // The name says whose rules hold.
    world.write("sub/.crabbox.toml", "[providers]\npath = ['/p']\n");
    world.write("mine.toml", "[providers]\npath = ['/p']\n");
    assert_eq!(world.crabbox(&["config", "check", "sub/.crabbox.toml"]).code, 2);
    assert_eq!(world.crabbox(&["config", "check", "mine.toml"]).code, 0);
}

/// The one line that a run says of this user's file.
fn refused(text: &str) -> (World, Ran) {
    let world = World::new();
    world.configure(text);
    let ran = world.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{text}: {}", ran.stderr);
    (world, ran)
}

#[test]
fn a_run_names_origin_and_line_of_what_is_wrong() {
    let cases = [
        ("[lease]\nidel = '1m'", ":2: unknown key `lease.idel`", "did you mean `lease.idle`?"),
        ("[lease]\n\nidle = 1", ":3: `lease.idle` must be a duration", ""),
        ("[lease]\nidle = '1m'\nidle = '2m'", ":3: duplicate key `idle`", ""),
        ("[lease]\nidle = ", ":2: ", ""),
        ("[provider.lcoal]\n", ":1: there is no provider `lcoal`", "did you mean `local`?"),
        ("[provider]\nlocal = 'x'", ":2: `provider.local` must be a table of settings", ""),
        (
            "[provider.local]\nfoo = 1",
            ":2: the provider `local` has no setting `foo`",
            "it has none",
        ),
    ];
    for (text, expected, hint) in cases {
        let (_world, ran) = refused(text);
        let place = format!("config/crabbox/config.toml{expected}");
        assert!(ran.stderr.contains(&place), "{text}: {}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{text}: {}", ran.stderr);
    }
}

#[test]
fn settings_of_a_provider_that_is_not_here_stop_nothing() {
    let world = World::new();
    world.configure("[provider.docker]\ntemplate = 't'\n[provider.local2]\nx = 1\n");
    let ran = world.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!(ran.stdout, "hello\n", "{}", ran.stderr);
    let checked = world.crabbox(&["config", "check"]);
    assert_eq!(checked.code, 0);
    assert!(
        checked.stderr.contains(":1: the provider `docker` isn't installed"),
        "{}",
        checked.stderr
    );
}

#[test]
fn a_providers_settings_are_those_of_its_manifest() {
    let world = World::new();
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    let run = ["run", "--provider-path", &path, "--provider", "misbehaving", "--", "true"];
    let refused = |text: &str| {
        world.configure(text);
        let ran = world.crabbox(&run);
        assert_eq!(ran.code, 125);
        assert!(world.crabbox(&["list", "--all"]).stdout.is_empty(), "nothing was begun");
        ran.stderr
    };
    let typo = refused("[provider.misbehaving]\nlaese = 'refuse'\n");
    assert!(
        typo.contains("config.toml:2: the provider `misbehaving` has no setting `laese`"),
        "{typo}"
    );
    assert!(typo.contains("did you mean `lease`?"), "{typo}");
    let kind = refused("[provider.misbehaving]\n\nlease = 7\n");
    assert!(
        kind.contains("config.toml:3: `provider.misbehaving.lease` must be a string, not `7`"),
        "{kind}"
    );
    let secret = refused("[provider.misbehaving]\ntoken = 4711\n");
    assert!(secret.contains("must be a string") && !secret.contains("4711"), "{secret}");
    // A repository's settings are judged, too.
    world.configure("");
    world.write(".crabbox.toml", "[provider.misbehaving]\nnew = 1\n");
    let ran = world.crabbox(&run);
    assert!(ran.stderr.contains(".crabbox.toml:2: the provider"), "{}", ran.stderr);
}

#[test]
fn secrets_are_never_shown() {
    let world = World::new();
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    world.configure(
        "[provider.misbehaving]\nlease = 'refuse'\ntoken = 'hunter2'\n\
        [provider.away]\ntoken = 'hunter2'\n",
    );
    let all = ["--provider-path", &path];
    for line in [
        &["config", "show", "--provider", "misbehaving"][..],
        &["config", "show", "--provider", "misbehaving", "--json"],
        &["config", "show", "--provider", "away", "--json"],
        &["config", "explain", "provider.misbehaving.token"],
        &["config", "explain", "provider.away.token", "--json"],
    ] {
        let shown = world.crabbox(&[line, &all].concat());
        assert_eq!(shown.code, 0, "{line:?}: {}", shown.stderr);
        assert!(!shown.stdout.contains("hunter2"), "{line:?}: {}", shown.stdout);
        assert!(shown.stdout.contains("token"), "{line:?}: {}", shown.stdout);
    }
    let lease =
        world.crabbox(&[&["config", "explain", "provider.misbehaving.lease"], &all[..]].concat());
    assert!(lease.stdout.contains("wins  "), "{}", lease.stdout);
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let world = World::new();
    for (name, value) in [
        ("CRABBOX_LEASE_RELEASE", "burn".into()),
        ("CRABBOX_RUN_TIMEOUT", "0s".into()),
        ("CRABBOX_PROVIDER", std::ffi::OsString::from_vec(b"loc\xff".to_vec())),
    ] {
        let ran = Ran::of(world.command(&["run", "--", "true"]).env(name, value));
        assert_eq!(ran.code, 125, "{name}");
        assert!(ran.stderr.contains(&format!("error: {name}: ")), "{}", ran.stderr);
    }
    let ran = Ran::of(world.command(&["run", "-q", "--", "true"]).env("CRABBOX_LEASE_RELEASE", ""));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "an empty one counts as unset");
}

#[test]
fn a_file_that_can_not_be_read_is_an_error_that_names_it() {
    let world = World::new();
    let file = world.checkout().join(".crabbox.toml");
    let expect = |expected: &str| {
        let ran = world.crabbox(&["run", "--", "true"]);
        assert_eq!(ran.code, 125);
        assert!(ran.stderr.contains(".crabbox.toml"), "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    };
    fs::write(&file, b"[lease]\nidle = '\xff'\n").expect("a file");
    expect(".crabbox.toml:2: it isn't UTF-8");
    fs::write(&file, "# long\n".repeat(200_000)).expect("a file");
    expect("it is larger than 1024 KiB");
    fs::remove_file(&file).expect("removes");
    fs::create_dir(&file).expect("a folder");
    expect("it is no regular file");
    fs::remove_dir(&file).expect("removes");
    for target in ["/dev/zero", "nowhere", "hello.txt"] {
        symlink(target, &file).expect("a link");
        expect("it is a link: a repository's own file can't be one");
        fs::remove_file(&file).expect("removes");
    }
    let made = Command::new("mkfifo").arg(&file).status().expect("mkfifo runs");
    assert!(made.success());
    // Waiting for a writer would take for ever.
    expect("it is no regular file");
    fs::remove_file(&file).expect("removes");
    let _socket = std::os::unix::net::UnixListener::bind(&file).expect("a socket");
    expect("it is no regular file");
    fs::remove_file(&file).expect("removes");
    assert_eq!(world.crabbox(&["run", "-q", "--", "true"]).code, 0, "absent is no error");
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn a_file_of_somebody_else_or_without_the_right_to_read_it_is_refused() {
    let world = World::new();
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    let file = world.checkout().join(".crabbox.toml");
    fs::write(&file, "").expect("a file");
    std::os::unix::fs::chown(&file, Some(12345), None).expect("gives it away");
    let ran = world.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("it belongs to user 12345"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: chown"), "{}", ran.stderr);

    world.configure("");
    let user = world.root().join("config/crabbox/config.toml");
    let checked = as_nobody(&world, &user, &["config", "check", &user.display().to_string()]);
    assert_eq!(checked.code, 2, "{}", checked.stderr);
    assert!(
        checked.stderr.contains("config.toml: it can't be read: Permission denied"),
        "{}",
        checked.stderr
    );
}

/// Runs as a user without rights; the file is made unreadable to them.
fn as_nobody(world: &World, unreadable: &Path, arguments: &[&str]) -> Ran {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    mode(world.root(), 0o755);
    mode(unreadable, 0o600);
    let copy = world.executable("crabbox", &crabbox_tests::built().crabbox);
    let mut command = world.command_of(Path::new("setpriv"), &[]);
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(copy)
        .args(arguments)
        .current_dir("/");
    Ran::of(&mut command)
}

#[test]
fn the_reference_is_made_from_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let page = root.join("docs/reference/config.md");
    if std::env::var_os("CRABBOX_UPDATE").is_some() {
        fs::write(&page, crabbox::config::reference()).expect("writes");
    }
    let written = fs::read_to_string(&page).expect("reads");
    assert!(
        written == crabbox::config::reference(),
        "docs/reference/config.md isn't what the table of keys says; to write it anew: \
        CRABBOX_UPDATE=1 cargo test -p crabbox-tests --test e2e the_reference_is_made_from_the_table"
    );
}

#[test]
fn the_chosen_provider_is_checked_too() {
    let world = World::new();
    world.configure("[lease]\nprovider = 'lokal'\n");
    let checked = world.crabbox(&["config", "check"]);
    assert_eq!(checked.code, 2);
    assert!(
        checked.stderr.contains("config.toml:2: there is no provider `lokal`"),
        "{}",
        checked.stderr
    );
    world.configure("[lease]\nprovider = 'docker'\n");
    let checked = world.crabbox(&["config", "check"]);
    assert_eq!(checked.code, 0);
    assert!(
        checked.stderr.contains("config.toml:2: the provider `docker` isn't installed"),
        "{}",
        checked.stderr
    );
}

#[test]
fn terminal_escapes_of_a_repository_are_shown_not_obeyed() {
    let world = World::new();
    world.write(".crabbox.toml", "[sync]\nexclude = ['a', \"\\u001b[2J\"]\n");
    for line in [&["config", "show"][..], &["config", "explain", "sync.exclude"]] {
        let shown = world.crabbox(line);
        assert!(!shown.stdout.contains('\u{1b}'), "{line:?}: {:?}", shown.stdout);
        assert!(shown.stdout.contains("\\u{1b}[2J"), "{line:?}: {}", shown.stdout);
    }
}

#[test]
fn an_error_in_a_variable_is_counted_as_none_of_a_file() {
    let world = World::new();
    world.configure("[lease]\nidle = '1m'\n");
    for (name, value, said) in [
        ("CRABBOX_LEASE_IDLE", "x", "CRABBOX_LEASE_IDLE: `lease.idle` must be a duration"),
        ("CRABBOX_PROVIDER", "nope", "CRABBOX_PROVIDER: the provider `nope` isn't installed here"),
    ] {
        let ran = Ran::of(world.command(&["config", "check"]).env(name, value));
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(ran.stderr.contains("config.toml and the environment: 1 error"), "{}", ran.stderr);
    }
}
