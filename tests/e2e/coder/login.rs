//! The command line alone is used, and the login stays where that keeps it.

use crabbox_tests::{Coder, Ran};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// All files below a folder that hold this text.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn no_token_is_stored_or_printed() {
    let coder = Coder::new();
    fs::remove_dir_all(coder.login()).expect("a login");
    let say = |arguments: &[&str]| {
        let mut command = coder.command(arguments);
        command.env("CODER_URL", "http://coder.example.test");
        command.env("CODER_SESSION_TOKEN", "token-of-alice");
        Ran::of(&mut command)
    };
    for line in [&["-vv", "run", "--", "true"][..], &["warmup"], &["doctor"], &["stop", "@last"]] {
        let ran = say(line);
        assert_eq!(ran.code, 0, "{line:?}: {ran:?}");
        assert!(!format!("{ran:?}").contains("token-of-alice"), "{line:?}: {ran:?}");
    }
    for folder in ["state", "data", "cache", "config", "run"] {
        let found = holding(&coder.world.root().join(folder), "token-of-alice");
        assert_eq!(found, [""; 0]);
    }
    assert!(!coder.calls().join("\n").contains("token-of-alice"));
}

/// Somebody hands it on with a report.
#[test]
fn no_token_is_on_a_cassette() {
    let coder = Coder::new();
    fs::remove_dir_all(coder.login()).expect("a login");
    let cassette = coder.world.root().join("cassette.toml");
    let mut command = coder.command(&["run", "--", "true"]);
    command.env("CODER_URL", "http://coder.example.test");
    command.env("CODER_SESSION_TOKEN", "token-of-alice");
    command.env("CRABBOX_CASSETTE_RECORD", &cassette);
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 0, "{ran:?}");
    let recorded = fs::read_to_string(cassette).expect("a cassette");
    assert!(recorded.contains("whoami") && !recorded.contains("token-of-alice"), "{recorded}");
}

#[test]
fn what_would_change_our_meaning_does_not_arrive_and_the_users_own_does() {
    let coder = Coder::new();
    let noted = coder.world.root().join("noted");
    let script = format!(
        "#!/bin/sh\nenv >>'{}'\nexec '{}' \"$@\"\n",
        noted.display(),
        coder.program().display()
    );
    let made = coder.world.root().join("noting.sh");
    fs::write(&made, script).expect("a script");
    let program = coder.world.executable("noting/coder", &made).display().to_string();
    let mut command = coder.command(&["run", "--coder-cli", &program, "--", "true"]);
    let unwanted = [
        "CODER_TEMPLATE_NAME",
        "CODER_PRESET_NAME",
        "CODER_RICH_PARAMETER",
        "CODER_SSH_WAIT",
        "CODER_WORKSPACE_USE_PARAMETER_DEFAULTS",
    ];
    for name in unwanted {
        command.env(name, "evil");
    }
    let wanted = [
        "CODER_HEADER",
        "CODER_HEADER_COMMAND",
        "CODER_CLIENT_TLS_CA_FILE",
        "CODER_CLIENT_TLS_CERT_FILE",
        "CODER_CLIENT_TLS_KEY_FILE",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTPS_PROXY",
        "no_proxy",
    ];
    for name in wanted {
        command.env(name, "/x=y");
    }
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 0, "{ran:?}");
    let noted = fs::read_to_string(noted).expect("calls");
    assert!(!noted.contains("evil"), "{noted}");
    for name in wanted {
        assert!(noted.contains(&format!("\n{name}=/x=y\n")), "{name}: {noted}");
    }
}

#[test]
fn a_repository_does_not_choose_the_program() {
    let coder = Coder::new();
    coder.world.write(".crabbox.toml", "[provider.coder]\ncli = '/tmp/evil'\n");
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("cli"), "{ran:?}");
    assert_eq!(coder.calls(), [""; 0]);
}

#[test]
fn one_that_is_too_old_changes_nothing() {
    let coder = Coder::with(|state| "v2.28.3+0000000".clone_into(&mut state.client));
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("2.28") && ran.stderr.contains("2.29"), "{ran:?}");
    assert!(coder.deployment.state().names().is_empty());
    let doctor = coder.crabbox(&["doctor"]);
    assert!(doctor.stdout.contains("2.29") || doctor.stderr.contains("2.29"), "{doctor:?}");
}

/// `create` takes no defaults yet, and workspaces are named by owner and name.
#[test]
fn the_oldest_that_is_used_knows_less() {
    let coder = Coder::with(|state| "v2.29.0+ba71b32".clone_into(&mut state.client));
    for line in [&["warmup"][..], &["stop", "@last"], &["run", "--", "cat", "hello.txt"]] {
        let ran = coder.crabbox(line);
        assert_eq!(ran.code, 0, "{line:?}: {ran:?}");
    }
    let ran = coder.crabbox(&["stop", "@last", "--delete", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let all = coder.calls();
    // Another one may have the name by then: it is looked at right before.
    let looks = |at: usize| all[at - 1].starts_with("list -o json --search id:");
    let ends = |call: &&String| call.starts_with("stop ") || call.starts_with("delete ");
    let ended: Vec<usize> = (1..all.len()).filter(|at| ends(&&all[*at])).collect();
    assert!(ended.len() >= 3 && ended.into_iter().all(looks), "{all:?}");
    let calls = all.join("\n");
    assert!(calls.contains("ssh --stdio --disable-autostart --wait=no alice/crabbox-"), "{calls}");
    assert!(!calls.contains("--use-parameter-defaults"), "{calls}");
    assert!(calls.contains("delete alice/crabbox-"), "{calls}");
    assert!(coder.deployment.state().names().is_empty());
}

#[test]
fn a_login_that_is_missing_and_one_that_is_over_are_told_apart() {
    let coder = Coder::new();
    coder.log_in_to("http://coder.example.test", "expired");
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("hint: coder login"), "{ran:?}");
    fs::remove_dir_all(coder.login()).expect("a login");
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("You are not logged in"), "{ran:?}");
}

/// It is one file from then on, wherever a later command is typed.
#[test]
fn the_program_is_one_file_wherever_it_is_named_from() {
    let coder = Coder::new();
    coder.world.write("below/file", "");
    let below = coder.world.checkout().join("below");
    let relative = "../bin/coder";
    assert_eq!(coder.crabbox(&["warmup", "--coder-cli", relative]).code, 0);
    let program = coder.world.checkout().join(relative).display().to_string();
    let lease = coder.crabbox(&["inspect", "@last", "--json"]);
    let lease: Value = serde_json::from_str(&lease.stdout).expect("JSON");
    let way = &lease["record"]["stage"]["way"]["endpoint"]["transport"]["proxy"];
    assert_eq!(way[0], *program, "{lease}");
    assert_eq!(coder.crabbox(&["stop", "@last"]).code, 0);
    let mut command = coder.command(&["run", "--coder-cli", &program, "--", "true"]);
    assert_eq!(Ran::of(command.current_dir(&below)).code, 0);
    // From there the same words name another one, which isn't there.
    let mut command = coder.command(&["run", "--coder-cli", relative, "--", "true"]);
    let ran = Ran::of(command.current_dir(&below));
    assert_eq!(ran.code, 125, "{ran:?}");
    let missing = below.join(relative).display().to_string();
    assert!(ran.stderr.contains(&missing), "{ran:?}");
}

/// What a connection is made with is a file, not a name that is looked for again.
#[test]
fn a_program_on_the_path_is_one_file_for_its_connection() {
    let (coder, _) = Coder::warm();
    let program = format!("[\"{}\",", coder.program().display());
    assert_eq!(holding(&coder.world.root().join("run"), &program).len(), 1);
}
