//! What others do with a workspace while a run uses it: the result says so, and nothing else is touched.

use crabbox_test_coder::{State, Transition, Workspace};
use crabbox_tests::{Coder, Ran, until};
use std::fs;
use std::process::Stdio;

/// What a run comes to in whose middle that happens; its command ends only in one that goes on.
fn happens(
    coder: &Coder,
    name: &str,
    goes_on: bool,
    meanwhile: impl FnOnce(&mut State, &str),
) -> Ran {
    let (started, go) = (coder.world.root().join("started"), coder.world.root().join("go"));
    for file in [&started, &go] {
        let _ = fs::remove_file(file);
    }
    let line = format!(
        "touch '{}'; until [ -e '{}' ]; do sleep 0.02; done; echo over",
        started.display(),
        go.display()
    );
    let mut command = coder.command(&["run", "--shell", &line]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    until("the command runs", || started.exists());
    coder.deployment.change(|state| meanwhile(state, name));
    if goes_on {
        fs::write(&go, "").expect("a file");
    }
    Ran::from(child.wait_with_output().expect("it ends"))
}

fn builds(state: &mut State, name: &str, transition: Transition, reason: &str) {
    reason.clone_into(&mut state.builds(name, transition).build.reason);
}

#[test]
fn one_that_stops_by_itself_is_the_result_of_the_run() {
    let (coder, name) = Coder::warm();
    let ran = happens(&coder, &name, false, |state, name| {
        builds(state, name, Transition::Stop, "autostop");
    });
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("because: its box was stopped meanwhile"), "{ran:?}");
    // It is started again by the next.
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    assert_eq!(coder.deployment.state().names(), [&*name]);
}

/// Whoever only visits a box starts none: the line that does is the hint.
#[test]
fn one_that_stops_by_itself_is_made_ready_by_the_hint_of_a_visit() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| builds(state, &name, Transition::Stop, "autostop"));
    until("the connection is gone", || coder.processes().is_empty());
    let slug = coder.world.only_slug();
    let line = format!("run --id {slug} --keep -- true");
    let from = format!("{slug}:hello.txt");
    for visit in [&["ssh", &slug, "--", "pwd"][..], &["cp", &from, "back"]] {
        let ran = coder.crabbox(visit);
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains("workspace must be started"), "{ran:?}");
        assert!(ran.stderr.ends_with(&format!("hint: crabbox {line}\n")), "{ran:?}");
    }
    assert_eq!(coder.crabbox(&line.split(' ').collect::<Vec<_>>()).code, 0);
    let ran = coder.crabbox(&["ssh", &slug, "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
}

#[test]
fn one_that_is_renamed_goes_on() {
    let (coder, name) = Coder::warm();
    let ran = happens(&coder, &name, true, |state, name| {
        "renamed".clone_into(&mut state.workspace(name).name);
    });
    assert_eq!((ran.code, &*ran.stdout), (0, "over\n"), "{ran:?}");
    assert_eq!(coder.crabbox(&["stop", "@last", "--delete", "--yes"]).code, 0);
    assert!(coder.deployment.state().names().is_empty());
}

#[test]
fn one_that_is_given_away_is_left_to_its_new_owner() {
    let (coder, name) = Coder::warm();
    let ran = happens(&coder, &name, true, |state, name| {
        let bob = state.user("bob").id.clone();
        state.workspace(name).owner = bob;
    });
    assert_eq!((ran.code, &*ran.stdout), (0, "over\n"), "{ran:?}");
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert_eq!(coder.deployment.state().doing(&name), "running");
}

/// By then somebody else's has its name, which is never touched.
#[test]
fn one_that_is_replaced_ends_the_run_and_the_new_one_stays() {
    let (coder, name) = Coder::warm();
    let ran = happens(&coder, &name, false, |state, name| {
        builds(state, name, Transition::Delete, "initiator");
        let alice = state.user("alice").id.clone();
        let other = Workspace::new(name, &alice, state.template("demo"));
        state.workspaces.push(other);
    });
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("because: its resource was deleted"), "{ran:?}");
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    let state = coder.deployment.state();
    assert_eq!((state.names().len(), state.doing(&name)), (2, "running"));
}

#[test]
fn one_that_is_deleted_ends_the_run_and_its_claim() {
    let (coder, name) = Coder::warm();
    let ran = happens(&coder, &name, false, |state, name| {
        builds(state, name, Transition::Delete, "initiator");
    });
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("because: its resource was deleted"), "{ran:?}");
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    until("nothing of coder is left", || coder.processes().is_empty());
}

#[test]
fn one_whose_agent_dies_ends_the_run() {
    let (coder, name) = Coder::warm();
    let ran = happens(&coder, &name, false, |state, name| {
        state.workspace(name).lost = vec!["main".to_owned()];
    });
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("the agent `main` is lost"), "{ran:?}");
    assert_eq!(coder.world.leases(&[]).len(), 1);
    assert_eq!(coder.deployment.state().doing(&name), "running");
}
