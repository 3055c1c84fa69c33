//! A deployment that is asked too often says so: it is asked again once it counts anew, and not for ever. Its inventory is
//! asked for by one at a time.

use crabbox_test_coder::Answers;
use crabbox_tests::{Coder, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::process::{Child, Command};

const ASK: [&str; 6] = ["provider", "call", "coder", "resolve", "--id", "@last"];

/// So often a call is made again: `host/src/provider/again.rs`.
const AGAIN: usize = 4;

/// What it says is in a file.
fn begin(coder: &Coder, mut command: Command, said: &str) -> Child {
    let said = File::create(coder.world.root().join(said)).expect("a file");
    command.stderr(said).spawn().expect("it runs")
}

fn until_said(coder: &Coder, file: &str, words: &str) {
    let path = coder.world.root().join(file);
    until(words, || fs::read_to_string(&path).is_ok_and(|said| said.contains(words)));
}

fn interrupt(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("an id");
    kill_process(pid, Signal::INT).expect("it is there");
}

#[test]
fn a_429_backs_off() {
    let (coder, _) = Coder::warm();
    coder.deployment.change(|state| state.trouble.limited = 2);
    let ran = coder.crabbox(&ASK);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(coder.calls().len(), 3, "{:?}", coder.calls());
    let again = "512 requests in 0s.; asking again in 0s (2 of 4)";
    assert!(ran.stderr.contains(again), "{ran:?}");
}

#[test]
fn a_429_ends_no_command_that_can_wait() {
    let (coder, name) = Coder::parked();
    coder.deployment.change(|state| state.trouble.limited = 1);
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    coder.deployment.change(|state| state.trouble.limited = 2);
    let ran = coder.crabbox(&["stop", "@last", "--delete", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(coder.deployment.state().doing(&name), "gone");
    // Also where nothing is there yet.
    coder.deployment.change(|state| state.trouble.limited = 1);
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(coder.deployment.state().names().len(), 1);
}

/// Has each kind of build asked for, after `before`; so often the deployment is asked for it.
fn ask_for_each_build(coder: &Coder, times: usize, before: impl Fn(&str)) {
    for (command, line) in [
        ("create", &["run", "--", "true"][..]),
        ("start", &["warmup"]),
        ("stop", &["stop", "@last"]),
        ("delete", &["stop", "@last", "--delete", "--yes"]),
    ] {
        before(command);
        let ran = coder.crabbox(line);
        assert_eq!(ran.code, 0, "{command}: {ran:?}");
        let calls = coder.calls();
        let asked = calls.iter().filter(|call| call.split(' ').next() == Some(command)).count();
        assert_eq!(asked, times, "{calls:?}");
    }
}

/// What is refused before a build was asked for has done nothing.
#[test]
fn a_429_of_what_makes_starts_or_stops_is_asked_for_again() {
    let coder = Coder::new();
    let limited = |command: &str| {
        coder.deployment.forget_calls();
        coder.deployment.change(|state| {
            state.trouble.limited = 2;
            state.trouble.limited_command = Some(command.to_owned());
        });
    };
    ask_for_each_build(&coder, 3, limited);
    assert_eq!(coder.deployment.state().workspaces.len(), 1, "one was made");
}

/// A build that was asked for goes on without whoever follows it: it is looked at, and not asked for again.
#[test]
fn a_429_of_a_build_that_is_under_way_has_it_looked_at() {
    let coder = Coder::new();
    ask_for_each_build(&coder, 1, |_| {
        coder.deployment.forget_calls();
        coder.deployment.change(|state| state.trouble.unfollowed = 1);
    });
    assert_eq!(coder.deployment.state().workspaces.len(), 1, "one was made");
}

/// A second call for the same lease takes up what the first has made.
#[test]
fn a_429_after_a_create_makes_no_second_one() {
    let coder = Coder::with(|state| state.trouble.limits_after_create = 2);
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    assert_eq!(coder.deployment.state().workspaces.len(), 1, "one was made");
    let creates = coder.calls().iter().filter(|call| call.starts_with("create ")).count();
    assert_eq!(creates, 1, "{:?}", coder.calls());
}

#[test]
fn a_429_that_does_not_end_ends_the_command() {
    let (coder, _) = Coder::warm();
    coder.deployment.change(|state| state.trouble.answers = Answers::TooOften);
    let ran = coder.crabbox(&ASK);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert_eq!(coder.calls().len(), 1 + AGAIN);
    assert_eq!(coder.world.leases(&[]).len(), 1);
}

#[test]
fn whoever_does_not_want_to_wait_need_not() {
    let (coder, _) = Coder::warm();
    coder.deployment.change(|state| {
        state.trouble.answers = Answers::TooOften;
        "1h0m0s".clone_into(&mut state.trouble.window);
    });
    let mut child = begin(&coder, coder.command(&["stop", "@last"]), "said");
    until_said(&coder, "said", "(1 of 4)");
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(coder.calls().len(), 1, "{:?}", coder.calls());
    assert_eq!(coder.world.leases(&[]).len(), 1);
}

/// The first one hangs, and the second asks when it has ended.
#[test]
fn the_inventory_is_asked_for_by_one_at_a_time() {
    let (coder, _) = Coder::warm();
    coder.deployment.change(|state| state.trouble.answers = Answers::Silent);
    let mut first = begin(&coder, coder.command(&ASK), "first");
    until("it asks", || coder.calls().len() == 1);
    let mut second = begin(&coder, coder.command(&[&["-vv"][..], &ASK].concat()), "second");
    until_said(&coder, "second", &format!("waits for crabbox (process {})", first.id()));
    assert_eq!(coder.calls().len(), 1);
    coder.deployment.change(|state| state.trouble.answers = Answers::Well);
    interrupt(&first);
    first.wait().expect("it ends");
    assert_eq!(second.wait().expect("it ends").code(), Some(0));
    assert_eq!(coder.calls().len(), 2);
}
