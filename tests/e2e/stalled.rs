//! Readers that stall, and signals at moments when this program works without asking.

use crabbox_tests::{Ran, World, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// The exit code, which comes in the end.
fn code(child: &mut Child) -> Option<i32> {
    let mut ended = None;
    until("it ends", || {
        ended = child.try_wait().expect("waits");
        ended.is_some()
    });
    ended.and_then(|status| status.code())
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("signals");
}

#[test]
fn three_interrupts_end_a_run_whose_streams_nobody_reads() {
    let world = World::new();
    let (reader, writer) = io::pipe().expect("a pipe");
    let mut command = world.command(&["run", "--", "yes"]);
    command.stdout(writer.try_clone().expect("a pipe")).stderr(writer);
    let mut child = command.spawn().expect("runs");
    drop(command);
    until("the command writes", || !world.boxes().is_empty());
    sleep(Duration::from_millis(500));
    for _ in 0..3 {
        signal(&child, Signal::INT);
        sleep(Duration::from_millis(300));
    }
    assert_eq!(code(&mut child), Some(130));
    drop(reader);
}

#[test]
fn one_word_to_end_ends_a_run_whose_output_nobody_reads() {
    let world = World::new();
    let (reader, writer) = io::pipe().expect("a pipe");
    let mut command = world.command(&["run", "-q", "--", "yes"]);
    let mut child = command.stdout(writer).spawn().expect("runs");
    drop(command);
    until("the command writes", || !world.boxes().is_empty());
    sleep(Duration::from_millis(500));
    signal(&child, Signal::TERM);
    assert_eq!(code(&mut child), Some(143));
    drop(reader);
    // What was left behind is taken up.
    assert_eq!(world.shell("cat hello.txt").stdout, "hello\n");
}

#[test]
fn a_stream_that_never_waits_gets_every_byte() {
    let world = World::new();
    for stream in ["1", "2"] {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        rustix::io::ioctl_fionbio(&writer, true).expect("a mode");
        let line = format!("head -c 3000000 /dev/zero >&{stream}");
        let mut command = world.command(&["run", "-q", "--shell", &line]);
        if stream == "1" {
            command.stdout(writer)
        } else {
            command.stderr(writer)
        };
        let mut child = command.spawn().expect("runs");
        drop(command);
        sleep(Duration::from_millis(500));
        let mut all = Vec::new();
        reader.read_to_end(&mut all).expect("reads");
        assert_eq!((code(&mut child), all.len()), (Some(0), 3_000_000), "{stream}");
    }
}

#[test]
fn a_lost_box_is_not_called_an_interrupt() {
    let world = World::new();
    let line = "trap 'echo interrupted' INT; echo started; while :; do sleep 1; done";
    let mut command = world.command(&["run", "--shell", line]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "started");
    signal(&child, Signal::INT);
    assert_eq!(lines.next().expect("a line").expect("text"), "interrupted");
    let id = child.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("reads");
    let helper = children.split_whitespace().next().expect("a helper").parse().expect("a pid");
    kill_process(Pid::from_raw(helper).expect("a pid"), Signal::KILL).expect("kills");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    assert!(ran.stderr.contains("ended before the command did"), "{}", ran.stderr);
}

#[test]
fn a_signal_ends_a_long_look_at_the_checkout() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    // Ten minutes to hash, and no room on the disk.
    let file = File::create(world.checkout().join("endless")).expect("a file");
    file.set_len(1 << 40).expect("a length");
    let mut command = world.command(&["run", "--json", "--", "true"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    until("the box is held", || {
        let list: Value =
            serde_json::from_str(&world.crabbox(&["list", "--json"]).stdout).expect("JSON");
        list["leases"][0]["state"] == "busy"
    });
    signal(&child, Signal::TERM);
    assert_eq!(code(&mut child), Some(143));
    let mut document = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut document).expect("reads");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!(document["outcome"]["exit"], 143);
    fs::remove_file(world.checkout().join("endless")).expect("removes");
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("reads");
    let list = world.crabbox(&["list"]).stdout;
    assert!(list.contains("parked"), "{list}{said}");
}
