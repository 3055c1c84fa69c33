//! What a run printed, later.

use super::{folders, json, last, state};
use crabbox_tests::screen::{XTERM, on_terminal};
use crabbox_tests::{World, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::{Child, Stdio};

#[test]
fn what_a_run_printed_comes_back_byte_for_byte() {
    let world = World::new();
    let line = r"printf 'a\377\0\033[31m\n'; head -c 3000000 /dev/urandom; printf 'no end'";
    let printed = world.command(&["run", "-q", "--shell", line]).output().expect("runs").stdout;
    let logs = |more: &[&str]| {
        let mut command = world.command(&[&["logs", "@last"], more].concat());
        command.output().expect("runs").stdout
    };
    assert!(printed.len() > 3_000_000 && logs(&[]) == printed);
    assert!(logs(&["--stdout"]) == printed && logs(&["--stderr"]).is_empty());
    assert!(logs(&["--raw"]) == printed);
    assert_eq!(last(&world)["log"]["cut"], 0);
}

#[test]
fn streams_and_lines_can_be_told_apart() {
    let world = World::new();
    let line = "echo one; echo two >&2; sleep 0.1; echo three; printf four >&2";
    assert_eq!(world.shell(line).code, 0);
    let logs = |more: &[&str]| world.crabbox(&[&["logs", "@last"], more].concat()).stdout;
    assert_eq!(logs(&["--stdout"]), "one\nthree\n");
    assert_eq!(logs(&["--stderr"]), "two\nfour");
    assert_eq!(world.crabbox(&["logs", "--stdout"]).stdout, "one\nthree\n");
    assert_eq!(logs(&["--stdout", "--tail", "1"]), "three\n");
    let lines = json(&world.crabbox(&["logs", "@last", "--stderr", "--json"]))["lines"].clone();
    assert_eq!((&lines[0]["text"], &lines[1]["text"]), (&"two".into(), &"four".into()));
    assert!(lines[0]["ms"].as_u64() <= lines[1]["ms"].as_u64(), "{lines}");
    // What is kept of the streams doesn't depend on where they went.
    assert_eq!(world.crabbox(&["run", "--json", "--shell", line]).code, 0);
    assert_eq!(logs(&["--stdout"]), "one\nthree\n");
}

#[test]
fn of_output_that_is_too_long_the_beginning_and_the_end_are_kept() {
    let world = World::new();
    world.configure("[history]\nlog_size = '64KiB'\n");
    let printed = world.shell("seq 1 100000").stdout;
    let log = last(&world)["log"].clone();
    assert_eq!(log["bytes"].as_u64(), Some(printed.len() as u64));
    let cut = log["cut"].as_u64().expect("a number");
    let shown = world.crabbox(&["logs", "@last"]);
    let mark = format!("[crabbox: {cut} bytes of the output aren't kept]\n");
    let (before, after) = shown.stdout.split_once(&mark).expect("a mark");
    assert!(printed.starts_with(before.trim_end()) && printed.ends_with(after));
    assert!(before.len() + after.len() <= 64 * 1024 + 1 && after.len() > 20_000);
    assert!(shown.stderr.contains("of the output aren't kept"), "{}", shown.stderr);
    assert_eq!(world.crabbox(&["logs", "@last", "--tail", "2"]).stdout, "99999\n100000\n");
    let document = json(&world.crabbox(&["logs", "@last", "--json"]));
    assert_eq!(document["cut"].as_u64(), Some(cut));
}

#[test]
fn none_is_kept_where_none_is_wanted() {
    let world = World::new();
    world.configure("[history]\nlog_size = 0\n");
    assert_eq!(world.shell("echo x").stdout, "x\n");
    assert_eq!((last(&world)["log"].is_null(), folders(&world).len()), (true, 0));
    let logs = world.crabbox(&["logs", "@last"]);
    assert_eq!((logs.code, logs.stdout.as_str()), (0, ""));
    assert!(logs.stderr.contains("is kept"), "{}", logs.stderr);
}

#[test]
fn a_terminal_obeys_nothing_of_it() {
    let world = World::new();
    assert_eq!(world.shell(r"printf 'gr\303\274n \033[31mred\033[2J\n'").code, 0);
    let on = |words: &[&str]| on_terminal(&world, XTERM, words);
    let Some(shown) = on(&["logs", "@last"]) else { return };
    assert!(shown.contains(r"grün \u{1b}[31mred\u{1b}[2J"), "{shown:?}");
    let raw = on(&["logs", "@last", "--raw"]).expect("as before");
    assert!(raw.contains("\u{1b}[31mred"), "{raw:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let world = World::new();
    assert_eq!(world.shell("seq 1 200000").code, 0);
    let mut logs = world.command(&["logs", "@last"]);
    let mut logs = logs.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    drop(logs.stdout.take());
    let ended = logs.wait_with_output().expect("ends");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn a_damaged_log_is_read_as_far_as_it_goes() {
    let world = World::new();
    assert_eq!(world.shell("echo x").code, 0);
    let folder = state(&world).join("runs").join(&folders(&world)[0]).join("log");
    let segment = fs::read_dir(folder).expect("reads").next().expect("one").expect("one").path();
    fs::write(&segment, "no log at all").expect("writes");
    let logs = world.crabbox(&["logs", "@last"]);
    assert_eq!((logs.code, logs.stdout.as_str()), (0, ""));
    // Nothing of the records is needed for what is there.
    fs::write(state(&world).join("history.db"), "no database, ".repeat(500)).expect("writes");
    fs::remove_file(state(&world).join("history.db-wal")).expect("removes");
    assert_eq!(world.crabbox(&["logs", &folders(&world)[0]]).code, 0);
    assert_eq!(world.crabbox(&["logs", "@last"]).code, 1);
}

/// Runs this, and says which run that is.
fn start(world: &World, line: &str) -> (Child, String) {
    let mut command = world.command(&["run", "--shell", line]);
    let run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
    until("something is kept", || folders(world).len() == 1);
    (run, folders(world).remove(0))
}

fn kill(mut run: Child) {
    kill_process(Pid::from_child(&run), Signal::KILL).expect("signals");
    run.wait().expect("ends");
}

#[test]
fn what_a_run_prints_slowly_is_kept_though_it_never_falls_silent() {
    let world = World::new();
    let fourth = world.root().join("fourth");
    let lines = "n=0; while :; do n=$((n + 1)); echo $n; sleep 1.2";
    let line = format!("{lines}; [ $n -ne 4 ] || : >'{}'; done", fourth.display());
    let (run, id) = start(&world, &line);
    until("it has printed several lines", || fourth.exists());
    kill(run);
    let logs = world.crabbox(&["logs", &id]);
    assert!(logs.stdout.starts_with("1\n"), "{logs:?}");

    let world = World::new();
    let (run, id) = start(&world, &format!("{lines}; done"));
    for line in ["1\n", "\n4\n"] {
        until("it is shown", || world.crabbox(&["logs", &id]).stdout.contains(line));
    }
    kill(run);
}

#[test]
fn of_a_log_in_which_nothing_is_it_is_said_why() {
    let world = World::new();
    let (run, id) = start(&world, "echo first; sleep 60");
    let logs = || world.crabbox(&["logs", &id]);
    until("it is kept", || logs().stdout == "first\n");
    for file in fs::read_dir(state(&world).join("runs").join(&id).join("log")).expect("reads") {
        fs::write(file.expect("a file").path(), "").expect("writes");
    }
    let said = |line: &str| {
        let ran = logs();
        let line = format!("crabbox: {line}\n");
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr), (0, "", line));
    };
    said(&format!("nothing that {id} printed is kept yet"));
    kill(run);
    said(&format!("{id} was broken off before anything that it printed was kept"));
}
