//! A workspace is stopped or deleted as its claim says, once, and only it.

use crabbox_test_coder::Transition;
use crabbox_tests::{Coder, until};
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn parking_stops_and_deleting_deletes_by_the_immutable_id() {
    let (coder, name) = Coder::warm();
    let id = coder.deployment.state().workspace(&name).id.clone();
    assert_eq!(coder.crabbox(&["stop", "@last"]).code, 0);
    assert!(coder.calls().contains(&format!("stop {id} --yes")), "{:?}", coder.calls());
    assert_eq!(coder.crabbox(&["stop", "@last", "--delete", "--yes"]).code, 0);
    assert!(coder.calls().contains(&format!("delete {id} --yes")), "{:?}", coder.calls());
    assert!(coder.deployment.state().names().is_empty());
}

/// Another stop would be a build for nothing.
#[test]
fn a_stopped_one_is_not_stopped_again() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| {
        let alice = state.user("alice").id.clone();
        let template = state.template("demo").clone();
        state.workspace(&name).builds(Transition::Stop, &alice, &template);
    });
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(coder.deployment.state().workspace(&name).build.number, 2);
    assert!(coder.calls().iter().all(|call| !call.starts_with("stop")), "{:?}", coder.calls());
}

#[test]
fn another_build_is_waited_out() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| state.trouble.busy = 1);
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(coder.deployment.state().doing(&name), "stopped");
}

/// The build goes on without whoever asked for it.
#[test]
fn what_is_made_when_the_user_leaves_is_stopped_once_it_is_there() {
    let coder = Coder::with(|state| state.held = true);
    let mut child = coder.command(&["warmup"]).spawn().expect("it runs");
    until("the workspace is made", || !coder.deployment.state().names().is_empty());
    let _ = kill_process(Pid::from_child(&child), Signal::INT);
    let by_name = || coder.calls().iter().filter(|call| call.contains("name:")).count();
    until("it is looked for", || by_name() >= 2);
    coder.deployment.change(|state| state.held = false);
    child.wait().expect("it ends");
    let state = coder.deployment.state();
    assert_eq!(state.doing(state.names()[0]), "stopped");
}
