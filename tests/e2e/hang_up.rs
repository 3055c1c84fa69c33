//! The terminal is gone, or whoever started crabbox wants it to end: the command ends with all that it
//! has started, the box is released, and nothing hangs, whoever still reads.

use crabbox_tests::{Pty, World, built, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

/// Starts something in a session of its own that only SIGKILL ends, and then talks without end.
const LINE: &str = "setsid sh -c 'trap \"\" INT TERM HUP; echo $$ >pid; exec sleep 300' &
    while [ ! -s pid ]; do sleep 0.01; done; echo up; while echo talk; do sleep 0.01; done; sleep 300";

/// The claims' states.
fn states(world: &World) -> Vec<String> {
    let list = world.crabbox(&["list", "--json"]).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let leases = list["leases"].as_array().expect("a list");
    leases.iter().map(|lease| lease["state"].as_str().expect("a state").to_owned()).collect()
}

/// The box is released, and nothing of the command lives.
fn check_end(world: &World, mut child: Child, code: i32) {
    assert_eq!(child.wait().expect("ends").code(), Some(code));
    assert_eq!(states(world), ["parked"]);
    let pid = fs::read_to_string(world.workspace().join("pid")).expect("a pid");
    let left = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("status"));
    assert!(left.is_err(), "it lives on: {}", left.unwrap_or_default());
}

fn talking(world: &World) -> (Child, BufReader<ChildStdout>) {
    let mut command = world.command(&["run", "--shell", LINE]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    assert_eq!(line, "up\n");
    (child, lines)
}

const SIGNALS: [(Signal, i32); 2] = [(Signal::HUP, 129), (Signal::TERM, 143)];

#[test]
fn a_signal_to_end_ends_the_command_with_all_it_started_and_parks_the_box() {
    for (signal, code) in SIGNALS {
        let world = World::new();
        let (child, mut lines) = talking(&world);
        kill_process(Pid::from_child(&child), signal).expect("signals");
        lines.read_to_string(&mut String::new()).expect("reads");
        check_end(&world, child, code);
    }
}

#[test]
fn a_signal_to_end_is_enough_when_nobody_reads_any_more() {
    for (signal, code) in SIGNALS {
        let world = World::new();
        let (mut child, lines) = talking(&world);
        // Stopped, it can't find out before the signal is there.
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::STOP).expect("stops");
        drop((lines, child.stderr.take()));
        kill_process(pid, signal).expect("signals");
        kill_process(pid, Signal::CONT).expect("goes on");
        // Which of both it sees first is chance: the reader that is gone is the end of a pipeline.
        let status = child.wait().expect("ends").code().expect("a code");
        assert!([code, 141].contains(&status), "{status}");
        check_end(&world, child, status);
    }
}

#[test]
fn a_terminal_that_goes_away_twice_is_one_and_does_not_stop_the_release() {
    let world = World::new();
    let (child, mut lines) = talking(&world);
    for _ in 0..5 {
        // Who is about to end may have ended.
        let _ = kill_process(Pid::from_child(&child), Signal::HUP);
    }
    lines.read_to_string(&mut String::new()).expect("reads");
    check_end(&world, child, 129);
}

#[test]
fn a_closed_terminal_ends_the_command_and_the_box_is_parked() {
    // Where the program's output goes: to the terminal, or past it.
    for past in [false, true] {
        let world = World::new();
        let Pty { master, slave, .. } = Pty::open();
        let mut command = world.command_of("setsid".as_ref(), &["--ctty"]);
        command.arg(&built().crabbox).args(["run", "--shell", LINE]);
        let other = || slave.try_clone().expect("a copy");
        command.stdin(other()).stderr(other());
        command.stdout(if past { Stdio::null() } else { Stdio::from(other()) });
        let child = command.spawn().expect("runs");
        drop((command, slave));
        let mut screen = master;
        if past {
            until("the command runs", || {
                world.boxes().len() == 1
                    && fs::exists(world.only_box()).is_ok_and(|is| is)
                    && fs::read_dir(world.only_box()).expect("a box").count() > 1
                    && world.workspace().join("pid").exists()
            });
        } else {
            let mut seen: Vec<u8> = Vec::new();
            let mut some = [0; 1024];
            while !seen.windows(4).any(|window| window == b"talk") {
                let count = screen.read(&mut some).expect("reads");
                seen.extend(&some[..count]);
            }
        }
        drop(screen);
        check_end(&world, child, 129);
    }
}

#[test]
fn what_was_started_to_outlive_its_terminal_does() {
    let world = World::new();
    let go = world.root().join("go");
    let line = format!("echo up; while [ ! -e '{}' ]; do sleep 0.02; done; exit 7", go.display());
    let mut command = world.command_of("sh".as_ref(), &["-c", "trap '' HUP; exec \"$@\"", "sh"]);
    command.arg(&built().crabbox).args(["run", "-q", "--shell", &line]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "up");
    kill_process(Pid::from_child(&child), Signal::HUP).expect("signals");
    fs::write(go, "").expect("a file");
    assert_eq!(child.wait().expect("ends").code(), Some(7));
}
