//! The way to a workspace: nothing is started by it, no other one is reached by it, and it is quiet.

use crabbox_test_coder::Script;
use crabbox_tests::{Coder, until};
use std::fs;
use std::process::Stdio;

#[test]
fn the_way_names_the_immutable_id() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["warmup"]).code, 0);
    let id = coder.deployment.state().workspaces[0].id.clone();
    let calls = coder.calls();
    let way: Vec<_> = calls.iter().filter(|call| call.contains("ssh --stdio")).collect();
    let end = format!("ssh --stdio --disable-autostart --wait=no {id}.main");
    assert!(!way.is_empty() && way.iter().all(|call| call.ends_with(&end)), "{calls:?}");
}

#[test]
fn what_it_says_on_each_connection_is_nobodys_business() {
    let coder = Coder::with(|state| {
        state.template("demo").agents[0].script = Some(Script::Fails);
        "v2.34.0+0000000".clone_into(&mut state.client);
    });
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("startup scripts"), "{ran:?}");
    assert!(!ran.stderr.contains("version mismatch"), "{ran:?}");
}

/// OpenSSH drops it, and it is the reason.
#[test]
fn what_it_says_last_is_the_error_where_the_connection_fails() {
    let (coder, _) = Coder::parked();
    coder.deployment.change(|state| {
        state.trouble.limited = 99;
        state.trouble.limited_command = Some("ssh".to_owned());
    });
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("You've been rate limited"), "{ran:?}");
    until("nothing of coder is left", || coder.processes().is_empty());
}

/// The box says itself which workspace it is.
#[test]
fn another_workspace_at_the_end_of_the_way_is_refused() {
    let coder = Coder::with(|state| {
        state.trouble.shows = Some("00000000-0000-4000-8000-000000000000".to_owned());
    });
    let touched = coder.world.root().join("touched");
    let ran = coder.crabbox(&["run", "--", "touch", &touched.display().to_string()]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(
        ran.stderr.contains("this is not the box that was leased") && !touched.exists(),
        "{ran:?}"
    );
}

#[test]
fn a_workspace_that_stops_during_a_run_ends_it() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["warmup"]).code, 0);
    let started = coder.world.root().join("started");
    let line = format!("touch '{}'; sleep 300", started.display());
    let mut command = coder.command(&["run", "--shell", &line]);
    let child = command.stderr(Stdio::piped()).spawn().expect("it runs");
    until("the command runs", || started.exists());
    let name = coder.deployment.state().names()[0].to_owned();
    let mut stop = coder.coder(&["stop", &name, "--yes"]);
    assert!(stop.status().expect("it runs").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(125), "{output:?}");
}

/// One file of ours for each lease, which has one workspace for all its life; the user's own file isn't touched.
#[test]
fn what_is_known_of_a_key_is_of_one_workspace() {
    let coder = Coder::new();
    for line in [&["warmup"][..], &["warmup", "--fresh"]] {
        assert_eq!(coder.crabbox(line).code, 0);
    }
    let folder = coder.world.root().join("state/crabbox/known-hosts");
    let mut known = Vec::new();
    for lease in coder.world.leases(&[]) {
        let id = lease["id"].as_str().expect("an id");
        let text = fs::read_to_string(folder.join(id)).expect("a file of its own");
        let name = text.split(' ').next().expect("a name").to_owned();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(name.ends_with(&id[4..]), "{name}: {lease}");
        known.push(name);
    }
    assert_ne!(known[0], known[1]);
    assert!(!coder.world.root().join("home/.ssh").exists());
    // What is known of it goes with it.
    assert_eq!(coder.crabbox(&["stop", "@last", "--delete", "--yes"]).code, 0);
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
}
