//! Nothing of `coder` is left, however a command ends.

use crabbox_tests::{Coder, processes, until};
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn nothing_is_left_of_a_command_that_was_interrupted() {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let coder = Coder::with(|state| state.held = true);
        let mut child = coder.command(&["warmup"]).spawn().expect("it runs");
        until("the workspace is made", || !coder.deployment.state().names().is_empty());
        let _ = kill_process(Pid::from_child(&child), signal);
        coder.deployment.change(|state| state.held = false);
        child.wait().expect("it ends");
        until("nothing of coder is left", || coder.processes().is_empty());
    }
}

#[test]
fn nothing_is_left_of_a_connection_once_its_box_is_let_go_of() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["warmup"]).code, 0);
    assert!(!coder.processes().is_empty());
    assert_eq!(coder.crabbox(&["stop", "@last"]).code, 0);
    until("nothing of coder is left", || coder.processes().is_empty());
}

/// The agent is gone, and `coder ssh` waits for it for ever.
#[test]
fn nothing_is_left_of_a_connection_that_was_never_made() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["warmup"]).code, 0);
    let name = coder.deployment.state().names()[0].to_owned();
    coder.deployment.change(|state| state.workspace(&name).lost = vec!["main".to_owned()]);
    until("the connection is gone", || coder.processes().is_empty());
    let mut child = coder.command(&["run", "--", "true"]).spawn().expect("it runs");
    until("it tries", || !coder.processes().is_empty());
    let _ = kill_process(Pid::from_child(&child), Signal::KILL);
    child.wait().expect("it ends");
    until("nothing of coder is left", || coder.processes().is_empty());
}

/// It holds the connection, and nobody tells `coder` that it is gone.
#[test]
fn nothing_is_left_of_a_connection_whose_ssh_was_killed() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["warmup"]).code, 0);
    let runtime = coder.world.root().join("run").display().to_string();
    let masters = processes(|_, words| words.contains("[mux]") && words.contains(&runtime));
    assert_eq!(masters.len(), 1);
    let _ = kill_process(masters[0], Signal::KILL);
    until("nothing of coder is left", || coder.processes().is_empty());
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
}

/// Of each end of a run, the connection that is kept for the next is left, and that ends with the lease.
#[test]
fn nothing_is_left_of_a_run_that_was_ended() {
    let (coder, _) = Coder::warm();
    let started = coder.world.root().join("started");
    let line = format!("touch '{}'; sleep 300", started.display());
    let kept = coder.processes().len();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::KILL] {
        let mut child = coder.command(&["run", "--shell", &line]).spawn().expect("it runs");
        until("the command runs", || started.exists());
        let _ = kill_process(Pid::from_child(&child), signal);
        child.wait().expect("it ends");
        std::fs::remove_file(&started).expect("removes");
        until("a connection is left", || coder.processes().len() <= kept);
    }
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(coder.crabbox(&["stop", "@last"]).code, 0);
    until("nothing of coder is left", || coder.processes().is_empty());
}
