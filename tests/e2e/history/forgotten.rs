//! What is forgotten, by whom, and what never is.

use super::{all, database, folders, ids, json, state, text};
use crabbox_tests::{Ran, World, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::process::{Command, Stdio};

fn world_with_runs(count: usize) -> (World, Vec<String>) {
    let world = World::new();
    for number in 0..count {
        let _ = world.crabbox(&["run", "-q", "--keep", "--shell", &format!("echo {number}")]);
    }
    let runs: Vec<_> = all(&world).iter().map(|run| text(&run["id"])).collect();
    assert_eq!(runs.len(), count);
    (world, runs)
}

fn prune(world: &World, more: &[&str]) -> Ran {
    let ran = world.crabbox(&[&["history", "prune"], more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

fn number(world: &World, query: &str) -> i64 {
    database(world).query_row(query, [], |row| row.get(0)).expect("a number")
}

/// Does no run have to forget anything today?
fn is_done(world: &World) -> bool {
    number(world, "SELECT done FROM housekeeping") > 0
}

/// So many days ago.
fn age(world: &World, run: &str, days: i64) {
    let line = "UPDATE runs SET began = began - ?1 * 86400000 WHERE id = ?2";
    assert_eq!(database(world).execute(line, (days, run)).expect("writes"), 1);
}

#[test]
fn the_oldest_go_by_count_age_and_size_with_what_they_printed() {
    let (world, runs) = world_with_runs(6);
    assert_eq!(folders(&world).len(), 6);
    let dry = prune(&world, &["--keep", "4", "--dry-run"]);
    assert_eq!(dry.stdout, format!("{}\n{}\n", runs[5], runs[4]));
    assert_eq!(all(&world).len(), 6);
    let said = prune(&world, &["--keep", "4"]);
    assert!(said.stderr.contains("2 runs forgotten (") && said.stderr.contains("4 runs left"));
    assert_eq!(ids(&world.crabbox(&["history"])), runs[..4]);
    assert_eq!(folders(&world).len(), 4);
    age(&world, &runs[3], 8);
    let pruned = json(&prune(&world, &["--older-than", "7d", "--json"]));
    assert_eq!((text(&pruned["runs"][0]), &pruned["left"]), (runs[3].clone(), &3.into()));
    assert!(pruned["bytes"].as_u64() > Some(0));
    // What it says itself counts, and no setting.
    prune(&world, &["--max-size", "1TiB"]);
    assert_eq!(all(&world).len(), 3);
    prune(&world, &["--max-size", "0"]);
    assert_eq!((all(&world).len(), folders(&world).len()), (0, 0));
    let gone = world.crabbox(&["logs", &runs[0]]);
    assert_eq!(gone.code, 4, "{}", gone.stderr);
}

#[test]
fn it_is_done_once_a_day_after_a_run() {
    let (world, runs) = world_with_runs(3);
    world.configure("[history]\nkeep = 2\n");
    assert_eq!(world.shell("true").code, 0);
    assert_eq!(all(&world).len(), 4, "it was done when the history began");
    database(&world).execute_batch("UPDATE housekeeping SET done = 0").expect("writes");
    for _ in (0..100).take_while(|_| !is_done(&world)) {
        assert_eq!(world.shell("true").code, 0);
    }
    assert_eq!((all(&world).len(), folders(&world).len()), (2, 0));
    assert_eq!(world.shell("true").code, 0);
    assert_eq!(all(&world).len(), 3, "and not again today");
    assert!(!all(&world).iter().any(|run| runs.contains(&text(&run["id"]))));
}

#[test]
fn of_many_a_run_forgets_few_and_the_next_ones_the_rest() {
    let (world, _) = world_with_runs(1);
    let line = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 99)
        INSERT INTO runs SELECT printf('run_%012x', n), began - 1000 * n, repository, command, exit, failed,
            total_ms, json_set(record, '$.id', printf('run_%012x', n)) FROM numbers, runs";
    assert_eq!(database(&world).execute(line, []).expect("copies"), 99);
    for number in 1..=99 {
        let folder = state(&world).join(format!("runs/run_{number:012x}/log"));
        std::fs::create_dir_all(folder).expect("a folder");
    }
    world.configure("[history]\nkeep = 50\n");
    database(&world).execute_batch("UPDATE housekeeping SET done = 0").expect("writes");
    let mut left = 100;
    for _ in (0..200).take_while(|_| !is_done(&world)) {
        assert_eq!(world.shell("true").code, 0);
        let found = number(&world, "SELECT count(*) FROM runs");
        // As many as there is time for, and the run itself came.
        assert!((50.max(left - 19)..=50.max(left)).contains(&found), "{left} {found}");
        left = found;
    }
    assert_eq!(left, 50);
    assert_eq!(world.shell("true").code, 0);
    assert_eq!(ids(&world.crabbox(&["history", "--limit", "100"])).len(), 51);
}

#[test]
fn a_run_in_progress_stays_and_what_was_killed_goes_by_its_age() {
    let world = World::new();
    let mut command = world.command(&["run", "--shell", "echo first; exec sleep 60"]);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
    until("it prints", || !folders(&world).is_empty());
    let folder = state(&world).join("runs").join(&folders(&world)[0]);
    let old = |path: &std::path::Path| {
        let mut touch = Command::new("find");
        touch.arg(path).args(["-exec", "touch", "-d", "40 days ago", "{}", "+"]);
        assert!(touch.status().expect("runs").success());
    };
    until("it is held", || {
        std::fs::File::open(&folder).is_ok_and(|folder| folder.try_lock().is_err())
    });
    old(&folder);
    prune(&world, &["--older-than", "30d"]);
    prune(&world, &["--keep", "0"]);
    assert_eq!(folders(&world).len(), 1, "it goes on");
    kill_process(Pid::from_child(&run), Signal::KILL).expect("signals");
    run.wait().expect("ends");
    prune(&world, &["--keep", "0"]);
    assert_eq!(folders(&world).len(), 1, "it is what there is of it");
    old(&folder);
    prune(&world, &["--older-than", "30d"]);
    assert_eq!(folders(&world).len(), 1, "it began not so long ago");
    old(&state(&world).join("begun"));
    prune(&world, &["--older-than", "30d"]);
    assert_eq!(folders(&world).len(), 0);
}

#[test]
fn what_was_killed_goes_by_its_size() {
    let world = World::new();
    let mut command = world.command(&["run", "--shell", "echo first; exec sleep 60"]);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
    until("it prints", || !folders(&world).is_empty());
    let folder = state(&world).join("runs").join(&folders(&world)[0]);
    until("it is held", || File::open(&folder).is_ok_and(|folder| folder.try_lock().is_err()));
    prune(&world, &["--max-size", "0"]);
    assert_eq!(folders(&world).len(), 1, "it goes on");
    kill_process(Pid::from_child(&run), Signal::KILL).expect("signals");
    run.wait().expect("ends");
    let pruned = json(&prune(&world, &["--max-size", "0", "--json"]));
    assert_eq!((folders(&world).len(), &pruned["left"]), (0, &0.into()));
    assert!(pruned["bytes"].as_u64() > Some(0));
}

/// Runs with a folder of files each, and the command that prunes, of a user who isn't root.
fn of_nobody(arguments: &[&str]) -> Option<(World, Vec<String>, Command)> {
    let (world, runs) = world_with_runs(2);
    for run in &runs {
        let folder = state(&world).join("runs").join(run).join("reports/deep");
        fs::create_dir_all(&folder).expect("folders");
        fs::write(folder.join("r.xml"), "x").expect("a file");
    }
    let command = world.command_of_nobody(arguments)?;
    Some((world, runs, command))
}

#[test]
fn what_cant_be_removed_is_named_and_keeps_nothing_else() {
    let Some((world, runs, mut command)) = of_nobody(&["history", "prune", "--keep", "0"]) else {
        return;
    };
    let folder = state(&world).join("runs").join(&runs[1]).join("reports/deep");
    chown(&folder, Some(0), Some(0)).expect("is root's");
    for forgotten in ["2 runs", "0 runs"] {
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("{forgotten} forgotten (")), "{}", ran.stderr);
        let left = format!(
            "the files of 1 run can't be removed, as in `{}/runs/.{}`",
            state(&world).display(),
            runs[1]
        );
        assert!(
            ran.stderr.contains(&left) && ran.stderr.contains("Permission denied"),
            "{}",
            ran.stderr
        );
        assert_eq!(folders(&world), [format!(".{}", runs[1])]);
    }
    // Nor does it keep a run from having done it for today.
    database(&world).execute_batch("UPDATE housekeeping SET done = 0").expect("writes");
    let mut run = world.command_of_nobody(&["run", "-q", "--", "true"]).expect("as before");
    let deep = format!("runs/.{}/reports/deep", runs[1]);
    chown(state(&world).join(deep), Some(0), Some(0)).expect("is root's");
    for _ in 0..10 {
        assert_eq!(Ran::of(&mut run).code, 0);
    }
    assert!(is_done(&world));
}

#[test]
fn there_may_be_nothing_to_forget() {
    let world = World::new();
    assert!(prune(&world, &[]).stderr.contains("0 runs forgotten"));
    assert!(!world.root().join("state").exists());
    assert_eq!(world.crabbox(&["history", "prune", "--max-size", "7MB"]).code, 2);
}
