//! Runs without a record: those that go on, and those that were killed.

use super::{all, database, folders, ids, json, last, state, text};
use crabbox_tests::{World, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The names of what says that runs have begun.
fn begun(world: &World) -> Vec<String> {
    let entries = fs::read_dir(state(world).join("begun")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn start(world: &World, line: &str) -> Child {
    let mut command = world.command(&["run", "--shell", line]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs")
}

fn kill(mut run: Child) {
    kill_process(Pid::from_child(&run), Signal::KILL).expect("signals");
    run.wait().expect("ends");
}

fn unfinished(world: &World, more: &[&str]) -> Vec<Value> {
    let ran = world.crabbox(&[&["history", "--json"], more].concat());
    json(&ran)["unfinished"].as_array().expect("a list").clone()
}

/// What is said of one that doesn't go on.
const NO_RECORD: &str = "left no record: it was killed, or the history couldn't be written";

/// One that was recorded, and one after it that was killed while its command ran.
fn world_with_killed() -> (World, String, String) {
    let world = World::new();
    assert_eq!(world.shell("echo before").code, 0);
    let before = text(&last(&world)["id"]);
    let run = start(&world, "echo first; sleep 60");
    until("the output is kept", || folders(&world).len() == 2);
    let id = begun(&world).remove(0);
    until("all of it", || world.crabbox(&["logs", &id]).stdout == "first\n");
    kill(run);
    (world, before, id)
}

#[test]
fn a_run_that_was_killed_is_named_wherever_it_is_missed() {
    let (world, before, id) = world_with_killed();
    let list = world.crabbox(&["history"]);
    assert_eq!(ids(&list), [id.clone(), before.clone()]);
    let row = list.stdout.lines().nth(1).expect("a row");
    assert!(row.contains("no record") && row.contains("sleep 60"), "{row}");
    let found = unfinished(&world, &[]);
    assert_eq!((text(&found[0]["id"]), &found[0]["goes_on"]), (id.clone(), &false.into()));
    // The last one is the last that has a record, and it is said that there is another.
    let logs = world.crabbox(&["logs", "@last"]);
    assert_eq!((logs.code, logs.stdout.as_str()), (0, "before\n"));
    let line = format!("a later run of this checkout left no record: {id}");
    assert!(logs.stderr.contains(&line), "{}", logs.stderr);
    assert!(logs.stderr.contains(&format!("hint: crabbox logs {id}\n")), "{}", logs.stderr);
    let failed = world.crabbox(&["logs", "@last-failed"]);
    // None that is known to have failed; this one may have.
    assert!(failed.code == 4 && failed.stderr.contains(&line), "{}", failed.stderr);
    let slow = world.crabbox(&["slow", &id]);
    assert_eq!(slow.code, 4, "{}", slow.stderr);
    assert!(slow.stderr.contains(NO_RECORD), "{}", slow.stderr);
    let results = world.crabbox(&["results", &id]);
    assert_eq!((results.code, &results.stderr), (4, &slow.stderr));
    assert_eq!(json(&world.crabbox(&["results", &id, "--json"]))["error"]["code"], "history");
    // The claim of its box names it, until another run has had that.
    let inspect = world.crabbox(&["inspect", &id, "--offline"]);
    assert!(inspect.code == 0 && inspect.stderr.contains(NO_RECORD), "{}", inspect.stderr);
    for (more, count) in
        [(&["--failed"][..], 1), (&["--command", "sleep"], 1), (&["--command", "no such"], 0)]
    {
        assert_eq!(unfinished(&world, more).len(), count, "{more:?}");
    }
    assert_eq!(unfinished(&world, &["--since", "9999-01-01"]).len(), 0);
    // Once there is a later one that has a record, it is of no more interest.
    assert_eq!(world.shell("echo after").code, 0);
    let logs = world.crabbox(&["logs", "@last"]);
    assert!(logs.stdout == "after\n" && !logs.stderr.contains(&id), "{}", logs.stderr);
    assert_eq!(all(&world).len(), 2);
    let inspect = world.crabbox(&["inspect", &id]);
    assert_eq!((inspect.code, inspect.stderr), (4, slow.stderr));
    assert_eq!(json(&world.crabbox(&["inspect", &id, "--json"]))["error"]["code"], "history");
}

#[test]
fn a_list_is_as_long_as_it_may_be_with_those_in_it() {
    let (world, before, killed) = world_with_killed();
    assert_eq!(world.shell("echo after").code, 0);
    let after = text(&last(&world)["id"]);
    let expected = [after, killed, before];
    for limit in 0..=4 {
        let words = ["history", "--limit", &limit.to_string()];
        let shown = ids(&world.crabbox(&words));
        assert_eq!(shown, expected[..limit.min(3)], "{limit}");
        let document = json(&world.crabbox(&[&words[..], &["--json"]].concat()));
        let of = |list: &str| -> Vec<String> {
            document[list].as_array().expect("a list").iter().map(|run| text(&run["id"])).collect()
        };
        let mut found = [of("runs"), of("unfinished")].concat();
        found.sort_by_key(|id| expected.iter().position(|one| one == id));
        assert_eq!(found, expected[..limit.min(3)], "{limit}");
    }
}

#[test]
fn one_that_goes_on_is_told_from_one_that_does_not() {
    let world = World::new();
    let go = world.root().join("go");
    let line = format!("until [ -e '{}' ]; do sleep 0.01; done", go.display());
    let mut run = start(&world, &line);
    until("it has begun", || !unfinished(&world, &[]).is_empty());
    let found = unfinished(&world, &[]).remove(0);
    let id = text(&found["id"]);
    assert_eq!(found["goes_on"], true);
    assert!(world.crabbox(&["history"]).stdout.contains("goes on"));
    assert_eq!(unfinished(&world, &["--failed"]).len(), 0, "nobody knows");
    let logs = world.crabbox(&["logs", "@last"]);
    assert!(logs.stderr.contains(&format!("goes on: {id}")), "{}", logs.stderr);
    for command in ["slow", "results"] {
        assert_eq!(world.crabbox(&[command, &id]).code, 6, "{command}");
    }
    // Nobody tidies it up.
    let mut touch = Command::new("touch");
    touch.args(["-d", "40 days ago"]).arg(state(&world).join("begun").join(&id));
    assert!(touch.status().expect("runs").success());
    assert_eq!(world.crabbox(&["history", "prune", "--older-than", "30d"]).code, 0);
    assert_eq!(begun(&world), [id.as_str()]);
    let mode = fs::metadata(state(&world).join("begun").join(&id)).expect("there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    fs::write(go, "").expect("writes");
    assert!(run.wait().expect("ends").success());
    assert_eq!((begun(&world).len(), unfinished(&world, &[]).len()), (0, 0));
    assert_eq!(text(&last(&world)["id"]), id);
}

#[test]
fn wherever_a_run_is_killed_there_is_a_record_or_a_word_of_it() {
    for (point, has_record) in [
        ("session.proved", false),
        ("session.started", false),
        ("session.ended", false),
        ("run.after.let_go", false),
        ("history.before.insert", false),
        ("history.after.insert", true),
    ] {
        let world = World::new();
        let mut command = world.command(&["run", "-q", "--shell", "true"]);
        let ran = command.env("CRABBOX_FAULT", point).output().expect("runs");
        assert_eq!(ran.status.code(), None, "{point}");
        let expected = (usize::from(has_record), usize::from(!has_record));
        assert_eq!((all(&world).len(), unfinished(&world, &[]).len()), expected, "{point}");
        assert_eq!(ids(&world.crabbox(&["history"])).len(), 1, "{point}");
    }
}

#[test]
fn what_is_no_run_leaves_nothing() {
    let world = World::new();
    for words in
        [&["run", "--dir", "/", "--", "true"][..], &["run", "--id", "no-such", "--", "true"]]
    {
        assert_eq!(world.crabbox(words).code, 125);
    }
    assert_eq!(world.crabbox(&["warmup"]).code, 0);
    assert_eq!(world.shell("true").code, 0);
    assert_eq!(begun(&world), Vec::<String>::new());
}

#[test]
fn what_was_killed_before_it_printed_anything_goes_by_its_age() {
    let world = World::new();
    let mut command = world.command(&["run", "-q", "--shell", "true"]);
    command.env("CRABBOX_FAULT", "session.ended").output().expect("runs");
    assert_eq!(begun(&world).len(), 1);
    let prune = || world.crabbox(&["history", "prune", "--older-than", "30d"]).code;
    assert_eq!((prune(), begun(&world).len()), (0, 1));
    let mut touch = Command::new("touch");
    touch.args(["-d", "40 days ago"]).arg(state(&world).join("begun").join(&begun(&world)[0]));
    assert!(touch.status().expect("runs").success());
    assert_eq!((prune(), begun(&world).len()), (0, 0));
    // What somebody else has put there is none.
    fs::write(state(&world).join("begun/run_0123456789ab"), "rubbish").expect("writes");
    assert_eq!(unfinished(&world, &[]).len(), 0);
}

/// Makes each of these as old as nothing is kept.
fn make_old(paths: &[PathBuf]) {
    let mut touch = Command::new("touch");
    assert!(touch.args(["-d", "40 days ago"]).args(paths).status().expect("runs").success());
}

#[test]
fn nobody_waits_for_a_pipe_that_lies_there() {
    let world = World::new();
    assert_eq!(world.shell("echo out").code, 0);
    let pipe = state(&world).join("begun/run_0123456789ab");
    let other = state(&world).join("runs/run_0123456789ac");
    let lay = || {
        for path in [&pipe, &other] {
            let _ = fs::remove_file(path);
            assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
        }
        make_old(&[pipe.clone(), other.clone()]);
    };
    lay();
    assert_eq!(unfinished(&world, &[]).len(), 0);
    assert_eq!(world.crabbox(&["slow", "run_0123456789ab"]).code, 4);
    assert_eq!(world.crabbox(&["history", "prune"]).code, 0);
    assert!(!pipe.exists() && other.exists());
    lay();
    database(&world).execute_batch("UPDATE housekeeping SET done = 0").expect("writes");
    assert_eq!(world.shell("true").code, 0);
    assert!(!pipe.exists() && other.exists());
}

#[test]
fn what_was_killed_before_anybody_saw_it_goes_by_its_age() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let at = |name: &str| state(&world).join("begun").join(name);
    let [young, held, old, other] =
        [".run_000000000001", ".run_000000000002", ".run_000000000003", ".mine"].map(at);
    for by_itself in [false, true] {
        for path in [&young, &held, &old, &other] {
            fs::write(path, "half").expect("writes");
        }
        let holder = fs::File::open(&held).expect("opens");
        holder.lock().expect("locks");
        make_old(&[held.clone(), old.clone(), other.clone()]);
        let dry = world.crabbox(&["history", "prune", "--dry-run"]);
        assert!(dry.code == 0 && old.exists());
        if by_itself {
            let due = "UPDATE housekeeping SET done = 0";
            database(&world).execute_batch(due).expect("writes");
            assert_eq!(world.shell("true").code, 0);
        } else {
            assert_eq!(world.crabbox(&["history", "prune"]).code, 0);
        }
        assert!(!old.exists() && young.exists() && held.exists() && other.exists());
    }
}
