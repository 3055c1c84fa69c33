//! What is said while something is waited for, on a terminal and off it.

use crabbox_tests::{World, until};
use std::fs::{self, File};
use std::io::Read;
use std::process::Stdio;

/// Runs crabbox on a terminal of its own; returns all that was written to it.
fn on_terminal(world: &World, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let crabbox = crabbox_tests::built().crabbox.display().to_string();
    let words: Vec<String> = [&[crabbox.as_str()], arguments]
        .concat()
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
        .collect();
    // util-linux's `script` makes the terminal.
    let mut command = world.command_of("script".as_ref(), &["-qec", &words.join(" "), "/dev/null"]);
    command.env("TERM", "xterm").envs(variables.iter().copied());
    let output = command.output().expect("script runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_terminal_shows_colours_and_one_line_that_moves() {
    let world = World::new();
    let shown = on_terminal(&world, &[], &["run", "--", "echo", "out"]);
    assert!(shown.contains("\u{1b}[2mcrabbox:\u{1b}[0m leased"), "{shown:?}");
    assert!(shown.contains("out\r\n"), "{shown:?}");
    let error = on_terminal(&world, &[], &["status", "no-such"]);
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
    for shown in shown {
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
fn what_crabbox_says_begins_on_a_line_of_its_own() {
    let world = World::new();
    let shown = on_terminal(&world, &[("NO_COLOR", "1")], &["run", "--", "printf", "abc"]);
    assert!(shown.contains("abc\r\ncrabbox: exit 0"), "{shown:?}");
    let whole = on_terminal(&world, &[("NO_COLOR", "1")], &["run", "--", "echo", "abc"]);
    assert!(whole.contains("abc\r\ncrabbox: exit 0"), "{whole:?}");

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
