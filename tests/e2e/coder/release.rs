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
        state.builds(&name, Transition::Stop);
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

fn stops(coder: &Coder) -> Vec<String> {
    coder.calls().into_iter().filter(|call| call.starts_with("stop ")).collect()
}

/// The version that has leased it took ids; this one doesn't find what they are of.
#[test]
fn an_older_coder_than_the_one_that_leased_it_stops_it_by_its_name() {
    let (coder, name) = Coder::warm();
    let id = coder.deployment.state().workspace(&name).id.clone();
    coder.deployment.change(|state| "v2.31.0+1234567".clone_into(&mut state.client));
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("another build"), "{ran:?}");
    assert_eq!(coder.deployment.state().doing(&name), "stopped");
    assert_eq!(stops(&coder), [format!("stop {id} --yes"), format!("stop alice/{name} --yes")]);
}

#[test]
fn one_that_is_seen_and_may_not_be_stopped_is_told_of_in_the_words_of_coder() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| state.trouble.unbuilt = u32::MAX);
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("Resource not found or you do not have access"), "{ran:?}");
    assert_eq!(stops(&coder).len(), 2, "{:?}", coder.calls());
    assert_eq!(coder.deployment.state().doing(&name), "running");
    assert_eq!(coder.world.leases(&[]).len(), 1);
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
