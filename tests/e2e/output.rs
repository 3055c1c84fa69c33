//! What is said while something is waited for, on a terminal and off it.

use crabbox_tests::screen::{self, Kind, XTERM};
use crabbox_tests::{Ran, World, until};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

/// All that is written to a terminal of 80 columns.
fn on_terminal(world: &World, variables: &[(&str, &str)], arguments: &[&str]) -> Option<String> {
    screen::on_terminal(world, Kind { variables, ..XTERM }, arguments)
}

#[test]
fn a_terminal_shows_colours_and_one_line_that_moves() {
    let world = World::new();
    let Some(shown) = on_terminal(&world, &[], &["run", "--", "echo", "out"]) else {
        return;
    };
    assert!(shown.contains("\u{1b}[2mcrabbox:\u{1b}[0m leased"), "{shown:?}");
    assert!(shown.contains("out\r\n"), "{shown:?}");
    let error = on_terminal(&world, &[], &["status", "no-such"]).expect("a terminal");
    assert!(error.contains("\u{1b}[1m\u{1b}[31merror: \u{1b}[0m"), "{error:?}");
}

#[test]
fn colours_can_be_switched_off_and_on() {
    let world = World::new();
    let shown = [
        on_terminal(&world, &[("NO_COLOR", "1")], &["status", "x"]),
        on_terminal(&world, &[("TERM", "dumb")], &["status", "x"]),
        on_terminal(&world, &[], &["--color", "never", "status", "x"]),
    ];
    for shown in shown.into_iter().flatten() {
        assert!(shown.contains("crabbox: error: ") && !shown.contains('\u{1b}'), "{shown:?}");
    }
    let piped = world.crabbox(&["status", "x"]).stderr;
    assert!(!piped.contains('\u{1b}'), "{piped:?}");
    let forced = world.crabbox(&["--color=always", "status", "x"]).stderr;
    assert!(forced.contains('\u{1b}'), "{forced:?}");
    let help = world.crabbox(&["--color=always", "--help"]).stdout;
    assert!(help.contains('\u{1b}'), "{help:?}");
}

#[test]
fn off_a_terminal_every_wait_and_every_silence_is_said_now_and_then() {
    let world = World::new();
    let line = "until test -e go; do sleep 0.02; done; echo done";
    let mut command = world.command(&["run", "--heartbeat", "30ms", "--shell", line]);
    let stderr = world.root().join("stderr");
    command.stdout(Stdio::piped()).stderr(File::create(&stderr).expect("a file"));
    let mut child = command.spawn().expect("runs");
    let said = || fs::read_to_string(&stderr).expect("reads");
    until("a sign of life", || said().matches("without output").count() >= 2);
    fs::write(world.workspace().join("go"), "").expect("a file");
    let mut stdout = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut stdout).expect("reads");
    assert!(child.wait().expect("ends").success());
    assert_eq!(stdout, "done\n");
    assert!(said().contains("crabbox: still running on "), "{}", said());
}

#[test]
fn quiet_is_quiet_and_never_silences_the_program() {
    let world = World::new();
    let line = "sleep 0.2; echo out; echo err >&2";
    let ran = world.crabbox(&["run", "-q", "--heartbeat", "20ms", "--shell", line]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out\n", "err\n"));
}

#[test]
fn nothing_that_a_box_says_reaches_the_terminal_as_an_order() {
    let world = World::new();
    let ran = world.crabbox(&["run", "--", "no\u{1b}]0;title\u{7}such"]);
    assert_eq!(ran.code, 127);
    assert!(ran.stderr.contains("no\\u{1b}]0;title\\u{7}such"), "{:?}", ran.stderr);
}

#[test]
fn the_summary_stands_below_the_key_that_a_terminal_shows() {
    let world = World::new();
    let line = ["run", "--shell", "echo started; exec sleep 300"];
    let kind = Kind { variables: &[("NO_COLOR", "1")], ..XTERM };
    let Some(mut terminal) = screen::terminal(&world, kind, &line) else {
        return;
    };
    let mut child =
        terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script runs");
    let mut keys = child.stdin.take().expect("a pipe");
    let mut shown = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    while !shown.ends_with("started\r\n") {
        assert_ne!(lines.read_line(&mut shown).expect("reads"), 0, "{shown:?}");
    }
    keys.write_all(b"\x03").expect("types");
    lines.read_to_string(&mut shown).expect("reads");
    child.wait().expect("ends");
    assert!(shown.contains("^C\r\ncrabbox: exit 130 (program: SIGINT)"), "{shown:?}");
}

#[test]
fn what_crabbox_says_begins_on_a_line_of_its_own() {
    let world = World::new();
    for program in [["printf", "abc"], ["echo", "abc"]] {
        let line = [&["run", "--"], &program[..]].concat();
        let shown = on_terminal(&world, &[("NO_COLOR", "1")], &line);
        let is_there = shown.as_ref().is_none_or(|text| text.contains("abc\r\ncrabbox: exit 0"));
        assert!(is_there, "{shown:?}");
    }

    // A log takes both; elsewhere each keeps to itself, and standard output is the program's alone.
    let log = world.root().join("log");
    let file = File::create(&log).expect("a file");
    let mut command = world.command(&["run", "--", "printf", "abc"]);
    command.stdout(file.try_clone().expect("a handle")).stderr(file);
    assert!(command.status().expect("runs").success());
    let both = fs::read_to_string(&log).expect("reads");
    assert!(both.starts_with("abc\ncrabbox: exit 0"), "{both:?}");
    let ran = world.crabbox(&["run", "--", "printf", "abc"]);
    assert_eq!(ran.stdout, "abc");
    assert!(ran.stderr.starts_with("crabbox: exit 0"), "{:?}", ran.stderr);
    let ran = world.shell("printf abc >&2");
    assert!(ran.stderr.starts_with("abc\ncrabbox: exit 0"), "{:?}", ran.stderr);
    let quiet = world.crabbox(&["run", "-q", "--shell", "printf abc >&2"]);
    assert_eq!(quiet.stderr, "abc");
}

#[test]
fn what_was_asked_for_and_can_not_be_written_is_no_success() {
    let world = World::new();
    let full = || fs::File::options().write(true).open("/dev/full").expect("a device");
    let ends = |line: &[&str]| {
        let ran = Ran::of(world.command(line).stdout(full()));
        assert!(ran.stderr.contains("standard output can't be written"), "{}", ran.stderr);
        ran.code
    };
    assert_eq!(ends(&["run", "--json", "--", "true"]), 125);
    assert_eq!(ends(&["run", "--json", "--", "false"]), 1);
    for line in [&["--help"][..], &["--version"], &["version"], &["doctor", "--json"]] {
        assert_eq!(ends(line), 1, "{line:?}");
    }
}
