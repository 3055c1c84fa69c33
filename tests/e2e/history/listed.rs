//! Which runs are shown, and how one is named.

use super::{all, database, ids, json, last, text};
use crabbox_tests::World;

/// With four runs, the oldest first: 0, 1, 0, 2.
fn world_with_runs() -> World {
    let world = World::new();
    for line in ["echo one", "echo two; exit 1", "echo three", "echo four; exit 2"] {
        let _ = world.crabbox(&["run", "-q", "--keep", "--shell", line]);
    }
    world
}

#[test]
fn a_list_shows_those_that_are_asked_for_the_latest_first() {
    let world = world_with_runs();
    let mut runs: Vec<_> = all(&world).iter().map(|run| text(&run["id"])).collect();
    assert_eq!(ids(&world.crabbox(&["history"])), runs);
    assert_eq!(ids(&world.crabbox(&["history", "--limit", "2"])), runs[..2]);
    assert_eq!(ids(&world.crabbox(&["history", "--failed"])), [runs[0].clone(), runs[2].clone()]);
    assert_eq!(ids(&world.crabbox(&["history", "--command", "thr"])), [runs[1].clone()]);
    let failed = world.crabbox(&["history", "--failed", "--command", "two", "--json"]);
    assert_eq!(text(&json(&failed)["runs"][0]["id"]), runs[2]);
    let checkout = world.checkout().display().to_string();
    assert_eq!(ids(&world.crabbox(&["history", "--repo", &checkout])), runs);
    assert_eq!(ids(&world.crabbox(&["history", "--since", "1h"])), runs);
    let tomorrow = world.crabbox(&["history", "--since", "9999-01-01"]);
    assert_eq!((tomorrow.code, tomorrow.stdout.as_str()), (0, ""));
    assert!(tomorrow.stderr.contains("no such runs"), "{}", tomorrow.stderr);
    // By the time that is in the record, whichever was written first.
    let line = "UPDATE runs SET began = 0 WHERE id = ?1";
    assert_eq!(database(&world).execute(line, [&runs[0]]).expect("writes"), 1);
    runs.rotate_left(1);
    assert_eq!(ids(&world.crabbox(&["history"])), runs);
    assert_eq!(ids(&world.crabbox(&["history", "--since", "2000-01-01"])), runs[..3]);
}

#[test]
fn there_may_be_none_and_a_bad_question_is_told_of() {
    let world = World::new();
    let none = world.crabbox(&["history"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert!(none.stderr.contains("is remembered"), "{}", none.stderr);
    assert!(!world.root().join("state").exists(), "nothing is made by a look");
    for line in [&["--since", "soon"][..], &["--limit", "x"], &["--all", "--repo", "."]] {
        assert_eq!(world.crabbox(&[&["history"], line].concat()).code, 2, "{line:?}");
    }
    let lost = world.crabbox(&["logs", "@last"]);
    assert!(
        lost.code == 4 && lost.stderr.contains("hint: crabbox history --all"),
        "{}",
        lost.stderr
    );
}

#[test]
fn a_copy_without_the_index_of_its_log_is_looked_at_all_the_same() {
    let world = world_with_runs();
    let state = super::state(&world);
    std::fs::remove_file(state.join("history.db-shm")).expect("removes");
    assert!(state.join("history.db-wal").exists());
    assert_eq!(ids(&world.crabbox(&["history"])).len(), 4);
}

#[test]
fn a_run_is_named_by_its_id_or_a_beginning_that_no_other_has() {
    let world = world_with_runs();
    let run = text(&last(&world)["id"]);
    let printed = |reference: &str| world.crabbox(&["logs", reference]);
    for reference in
        [run.as_str(), &run[..14], &run[4..], &run.to_uppercase(), "@last", "@last-failed"]
    {
        assert_eq!(printed(reference).stdout, "four\n", "{reference}");
    }
    // Another one that begins the same.
    let twin = format!("{}{}", &run[..15], if run.ends_with('0') { '1' } else { '0' });
    let line = "INSERT INTO runs SELECT ?1, began, repository, command, exit, failed, total_ms,
        json_set(record, '$.id', ?1) FROM runs WHERE id = ?2";
    assert_eq!(database(&world).execute(line, [&twin, &run]).expect("writes"), 1);
    let both = printed(&run[..14]);
    assert_eq!(both.code, 2, "{}", both.stderr);
    for id in [&run, &twin] {
        assert!(both.stderr.contains(&format!("hint: crabbox logs {id}\n")), "{}", both.stderr);
    }
    for nothing in ["run_zzz", "run_", "", "../..", "amber-crab", "run_0123456789abc"] {
        let ran = printed(nothing);
        assert_eq!(ran.code, 4, "{nothing}: {}", ran.stderr);
        assert!(ran.stderr.contains("there is no run"), "{}", ran.stderr);
    }
}

#[test]
fn one_run_is_shown_with_all_that_is_known() {
    let world = world_with_runs();
    let run = last(&world);
    let id = text(&run["id"]);
    let shown = world.crabbox(&["inspect", &id]);
    for part in [
        "command      echo four; exit 2",
        "exit         2\n",
        "branch       main",
        "Where the time went",
        "program",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    assert!(shown.stderr.contains(&format!("hint: crabbox logs {id}\n")), "{}", shown.stderr);
    assert_eq!(json(&world.crabbox(&["inspect", "@last-failed", "--json"]))["run"], run);
}

#[test]
fn what_a_terminal_would_obey_is_written_out_wherever_it_stands() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "-q", "--", "true", "\u{1b}[2J\nrun_000000000000"]).code, 0);
    for words in [&["history"][..], &["inspect", "@last-failed"], &["history", "--json"]] {
        assert!(!world.crabbox(words).stdout.contains('\u{1b}'), "{words:?}");
    }
    assert_eq!(ids(&world.crabbox(&["history"])).len(), 1, "a command is no row");
    // What a box says of itself is no better.
    let line = "UPDATE runs SET record = json_set(record, '$.facts.system', ?1)";
    database(&world).execute(line, ["\u{1b}]0;x\u{7}"]).expect("writes");
    let run = text(&last(&world)["id"]);
    assert!(!world.crabbox(&["inspect", &run]).stdout.contains('\u{1b}'));
}
