//! What a helper leaves behind that was killed.

use crate::machine::{Machine, Session, is_gone, patiently, shell};
use crabbox_wire::frame::{ToHelper, ToHost};
use crabbox_wire::message::{FailureCode, Fate, Marker, Outcome, Request, Signal};
use crabbox_wire::text::Text;
use crabbox_wire::tree::Hash;
use std::fs;
use std::process::{Command, Stdio};

#[test]
fn the_kernel_ends_the_command_with_its_helper_and_the_next_session_the_rest() {
    let machine = Machine::new();
    // One in the command's own group, one that has left it, one that holds a pipe.
    let line =
        "trap '' TERM HUP INT; sleep 300 & one=$!; setsid sleep 300 >/dev/null 2>&1 & two=$!;
        echo $$ $one $two; exec sleep 300";
    let run = shell(line);
    let mut session = Session::open(&machine.request_to_run(run.clone()));
    let pids = session.until_line();
    let pids: Vec<&str> = pids.split(' ').collect();
    session.helper.kill().expect("kills");
    session.helper.wait().expect("ends");
    patiently("the command ends with its helper", || is_gone(pids[0]));
    assert!(!is_gone(pids[1]) && !is_gone(pids[2]), "nobody has looked for these yet");

    let log = machine.run(shell("true"), |_, _| {});
    assert_eq!(log.outcome, Some(Outcome::Exited(0)));
    assert!(pids.iter().all(|pid| is_gone(pid)), "{pids:?}");
    let end = fs::read_to_string(machine.run_file(&run.id, "exit")).expect("a record");
    assert_eq!(end, r#"{"outcome":"lost"}"#);
}

#[test]
fn a_run_in_another_workspace_is_left_alone() {
    let machine = Machine::new();
    let run = shell("echo on; exec sleep 300");
    let mut other = machine.request_to_run(run.clone());
    other.workspace = Text::from("other");
    let mut other = Session::open(&other);
    assert_eq!(other.until_line(), "on");
    assert_eq!(machine.run(shell("true"), |_, _| {}).outcome, Some(Outcome::Exited(0)));
    assert!(!machine.run_file(&run.id, "exit").exists());
    assert!(other.helper.try_wait().expect("looks").is_none());
    other.send(&ToHelper::Signal(Signal::Kill));
    assert_eq!(other.finish(|_, _| {}).outcome, Some(Outcome::Signaled(9)));
}

/// Asks for the fate of a run, and for nothing else.
fn look(machine: &Machine, run: &str, marker: Marker) -> (Option<Fate>, Option<FailureCode>) {
    let request = machine.request_to_run(shell("true"));
    let look = Some(run.to_owned());
    let request = Request { look, marker, sync: None, run: None, ..request };
    let mut fate = None;
    let log = machine.open(&request).finish(|frame, _| {
        if let ToHost::Fate(said) = frame {
            fate = Some(*said);
        }
    });
    (fate, log.failed())
}

#[test]
fn a_run_goes_on_until_its_end_is_recorded_or_its_session_is_gone() {
    let machine = Machine::new();
    let run = shell("echo on; exec sleep 300");
    let mut session = Session::open(&machine.request_to_run(run.clone()));
    assert_eq!(session.until_line(), "on");
    let marker = fs::read(machine.root().join(".crabbox/leases/cbx_0123456789ab/marker"));
    let hash = Hash::of(&marker.expect("a marker")).to_string();
    let expected = || Marker::Expect { hash: hash.clone() };
    assert_eq!(look(&machine, &run.id, expected()).0, Some(Fate::GoesOn));
    assert_eq!(look(&machine, &run.id, Marker::Write), (None, Some(FailureCode::Request)));
    assert_eq!(look(&machine, "run_../x", expected()), (None, Some(FailureCode::Request)));
    let another = Marker::Expect { hash: String::new() };
    assert_eq!(look(&machine, &run.id, another), (None, Some(FailureCode::Marker)));
    session.send(&ToHelper::Signal(Signal::Kill));
    assert_eq!(session.finish(|_, _| {}).outcome, Some(Outcome::Signaled(9)));
    assert_eq!(look(&machine, &run.id, expected()).0, Some(Fate::Over));

    // Ended in the middle: there is no record, and nobody works there.
    let lost = shell("echo on; exec sleep 300");
    let mut session = Session::open(&machine.request_to_run(lost.clone()));
    session.until_line();
    let marker = fs::read(machine.root().join(".crabbox/leases/cbx_0123456789ab/marker"));
    let hash = Hash::of(&marker.expect("a marker")).to_string();
    session.helper.kill().expect("kills");
    session.helper.wait().expect("ends");
    assert_eq!(look(&machine, &lost.id, Marker::Expect { hash }).0, Some(Fate::Over));
    assert!(!machine.run_file(&lost.id, "exit").exists(), "whoever looks records nothing");
}

/// What stands in a note: pid, start time, boot.
fn note(pid: u32, start: u64, boot: &str) -> String {
    format!(r#"{{"pid":{pid},"start_time":{start},"boot_id":"{boot}"}}"#)
}

fn start_time(pid: u32) -> u64 {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let fields = line.rsplit(") ").next().expect("fields");
    fields.split(' ').nth(19).expect("a time").parse().expect("a number")
}

/// A session on a box where a killed helper has left this note of its run.
fn with_lost_run(note: &str) {
    let machine = Machine::new();
    let run = shell("true");
    assert_eq!(machine.run(run.clone(), |_, _| {}).outcome, Some(Outcome::Exited(0)));
    fs::remove_file(machine.run_file(&run.id, "exit")).expect("removes");
    fs::write(machine.run_file(&run.id, "pid"), note).expect("writes");
    assert_eq!(machine.run(shell("true"), |_, _| {}).outcome, Some(Outcome::Exited(0)));
    assert!(machine.run_file(&run.id, "exit").exists(), "{note}");
}

#[test]
fn a_process_that_was_given_the_number_since_is_left_alone() {
    let stranger = Command::new("sleep").arg("300").stdout(Stdio::null()).spawn().expect("starts");
    let mut stranger = Killed(stranger);
    let pid = stranger.0.id();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("an id");
    let start = start_time(pid);
    let boot = boot.trim();
    let another_boot = "00000000-0000-4000-8000-000000000000";
    for note in [note(pid, start - 1, boot), note(pid, start, another_boot), "{".to_owned()] {
        with_lost_run(&note);
        assert!(stranger.0.try_wait().expect("looks").is_none(), "{note}");
    }
    // The test itself: the right note does end it.
    with_lost_run(&note(pid, start, boot));
    patiently("the noted process ends", || is_gone(&pid.to_string()));
}

/// A process that doesn't outlive the test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
