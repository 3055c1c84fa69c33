//! The script for a real deployment, run against the stand-in: what it checks is so here, and it leaves nothing.

use crabbox_tests::{Coder, Ran, built, until};
use rustix::process::{Pid, Signal, kill_process};
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
