//! A run, told to a machine while it goes on.

use crabbox_tests::{Ran, World};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;
use std::{fs, mem, thread};

/// Each line, of which every one is whole.
fn lines(world: &World, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(world.checkout().join(name)).expect("a file");
    assert!(text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

#[test]
fn everything_that_happens_is_told_in_its_order() {
    let world = World::new();
    let line = "echo one; echo two >&2; echo data >out.txt; \
        echo \"<testsuite><testcase name='a'/><testcase name='b'><failure message='no'/></testcase></testsuite>\" >junit.xml; exit 3";
    let words = ["run", "--events", "../events", "--artifact", "out.txt", "--shell", line];
    let ran = world.crabbox(&words);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "one\n"), "{}", ran.stderr);
    let events = lines(&world, "../events");
    assert_eq!(events.first().expect("one")["event"], "run");
    let last = events.last().expect("one");
    assert_eq!((&last["event"], &last["outcome"]["exit"]), (&json!("exit"), &json!(3)));
    assert!(events.iter().all(|event| event["schema_version"] == 1));
    let times: Vec<_> = events.iter().map(|event| event["at_ms"].as_u64()).collect();
    assert!(times.is_sorted(), "{times:?}");
    for phase in ["scan", "acquire", "connect", "sync", "program", "collect", "release"] {
        let told = of(&events, "phase").into_iter().filter(|event| event["name"] == phase);
        let states: Vec<_> = told.map(|event| event["state"].clone()).collect();
        assert_eq!(states, ["began", "ended"], "{phase}");
    }
    let output = of(&events, "output");
    let bytes: u64 = output.iter().filter_map(|event| event["bytes"].as_u64()).sum();
    assert_eq!(bytes, 8, "{output:?}");
    assert_eq!(output.iter().map(|event| event["offset"].as_u64()).min(), Some(Some(0)));
    assert_eq!(of(&events, "lease").len(), 1);
    let tests: Vec<_> = of(&events, "test").iter().map(|event| event["status"].clone()).collect();
    assert_eq!(tests, ["passed", "failed"]);
    assert_eq!(of(&events, "artifact")[0]["path"], "out.txt");
}

#[test]
fn a_run_that_never_began_ends_with_why() {
    let world = World::new();
    let ran = world.crabbox(&["run", "--events", "../events", "--", "no-such-program"]);
    assert_eq!(ran.code, 127);
    let events = lines(&world, "../events");
    let last = events.last().expect("one");
    assert_eq!((&last["event"], &last["outcome"]["exit"]), (&json!("exit"), &json!(127)));
    assert!(last["error"].as_str().is_some_and(|why| why.contains("no-such-program")), "{last}");
}

#[test]
fn no_secret_is_told() {
    let world = World::new();
    let mut run = world.command(&["run", "--events", "../events", "--shell"]);
    run.arg("echo c4nary-of-events --token c4nary-of-events").env("SOME_TOKEN", "c4nary-of-events");
    assert_eq!(Ran::of(&mut run).code, 0);
    let text = fs::read_to_string(world.root().join("events")).expect("a file");
    assert!(!text.contains("c4nary") && text.contains("[redacted]"), "{text}");
}

#[test]
fn a_reader_that_is_gone_or_never_reads_holds_up_nothing() {
    let world = World::new();
    // More lines than a pipe holds, and than wait.
    let line = "i=0; while [ $i -lt 3000 ]; do echo $i; echo $i >&2; i=$((i+1)); done; exit 3";
    let mut run = world.command(&["run", "--events", "/dev/stdin", "--shell", line]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    run.stdin(Stdio::from(std::os::fd::OwnedFd::from(writer)));
    let ran = Ran::of(&mut run);
    assert_eq!(ran.code, 3);
    drop(reader);
    let mut run =
        world.command(&["run", "--events", "/dev/stdin", "--shell", "echo hello; exit 3"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    run.stdin(Stdio::from(std::os::fd::OwnedFd::from(writer)));
    drop(reader);
    let ran = Ran::of(&mut run);
    // Nobody is there who could open it, or read what was told.
    assert!(ran.code == 3 || ran.code == 125, "{}", ran.stderr);
}

#[test]
fn a_reader_that_pauses_gets_the_end_and_how_many_it_missed() {
    let world = World::new();
    let line = "echo '<testsuite>' >junit.xml; i=0; while [ $i -lt 20000 ]; do \
        echo \"<testcase name='a test with a long name, that of number $i'/>\"; i=$((i+1)); done >>junit.xml; \
        echo '</testsuite>' >>junit.xml";
    let mut run = world.command(&["run", "--events", "/dev/stdin", "--shell", line]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    run.stdin(Stdio::from(std::os::fd::OwnedFd::from(writer)));
    let mut started = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    drop(run);
    let mut events: Vec<Value> = Vec::new();
    let mut has_paused = false;
    for line in BufReader::new(reader).lines() {
        events.push(serde_json::from_str(&line.expect("text")).expect("JSON"));
        let is_test = events.last().is_some_and(|event| event["event"] == "test");
        if is_test && !mem::replace(&mut has_paused, true) {
            // Time enough for all the others to be told.
            thread::sleep(Duration::from_secs(1));
        }
    }
    assert!(started.wait().expect("an end").success());
    assert_eq!(events.last().expect("one")["event"], "exit");
    let dropped = of(&events, "dropped");
    let dropped: u64 = dropped.iter().filter_map(|event| event["count"].as_u64()).sum();
    let told = of(&events, "test").len() as u64;
    assert!(told + dropped >= 20_000, "{told} and {dropped}");
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_leased() {
    let world = World::new();
    for (target, why) in [
        ("fd:1", "standard input, output and error"),
        ("fd:x", "the number of a descriptor"),
        ("fd:99", "`--events fd:99` can't be written"),
        ("no/such/file", "`--events no/such/file` can't be written"),
    ] {
        let ran = world.crabbox(&["run", "--events", target, "--", "true"]);
        assert!(ran.code == 125 && ran.stderr.contains(why), "{target}: {}", ran.stderr);
    }
    assert_eq!(world.boxes().len(), 0);
    // A full disk costs the events, and nothing else.
    let ran = world.crabbox(&["run", "--events", "/dev/full", "--", "true"]);
    assert!(ran.code == 0 && ran.stderr.contains("not all events were told"), "{}", ran.stderr);
}
