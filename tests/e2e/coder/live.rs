//! The script for a real deployment, run against the stand-in: what it checks is so here, and it leaves nothing.

use crabbox_tests::{Coder, Ran, built, until};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn script(coder: &Coder) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("live/coder.sh");
    let mut command = coder.coder(&[]);
    let mut dressed = Command::new("sh");
    dressed.arg(script).arg("demo").env_clear().stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        dressed.env(name, value.unwrap_or_default());
    }
    let _ = command.stdin(Stdio::null());
    dressed.env("CRABBOX", &built().crabbox).current_dir(coder.world.root());
    dressed
}

#[test]
fn the_script_for_a_real_deployment_does_what_it_says() {
    let coder = Coder::with(|state| state.template("demo").start_ms = 300);
    let ran = Ran::of(&mut script(&coder));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.ends_with("checks: 24, workspaces left: 0\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("example.test") && !ran.stdout.contains("alice"), "{ran:?}");
    until("nothing of coder is left", || coder.processes().is_empty());
}

#[test]
fn the_script_leaves_nothing_when_it_is_interrupted() {
    let coder = Coder::new();
    let child = script(&coder).stdout(Stdio::piped()).spawn().expect("it runs");
    until("a workspace is there", || !coder.deployment.state().names().is_empty());
    let _ = kill_process(Pid::from_child(&child), Signal::TERM);
    let output = child.wait_with_output().expect("it ends");
    assert_ne!(output.status.code(), Some(0));
    assert!(coder.deployment.state().names().is_empty(), "{output:?}");
}

/// Nothing is there that could be deleted, and something is about to be.
#[test]
fn the_script_leaves_nothing_when_it_is_interrupted_while_something_is_to_be_made() {
    let coder = Coder::new();
    let mut child = script(&coder).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let is_it = |line: &String| line.ends_with("the other one is left alone");
    assert!(lines.any(|line| is_it(&line.expect("text"))));
    coder.deployment.change(|state| state.trouble.plans_held = true);
    let creates = || coder.calls().iter().filter(|call| call.starts_with("create ")).count();
    let before = creates();
    until("another is to be made", || creates() > before);
    let _ = kill_process(Pid::from_child(&child), Signal::TERM);
    assert_ne!(child.wait().expect("it ends").code(), Some(0));
    let is_left = |line: Result<String, _>| line.is_ok_and(|line| line.ends_with("left: 0"));
    assert!(lines.any(is_left));
    until("nothing of coder is left", || coder.processes().is_empty());
    coder.deployment.change(|state| state.trouble.plans_held = false);
    assert!(coder.deployment.state().names().is_empty());
}
