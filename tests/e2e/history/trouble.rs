//! What can't be remembered is told of once, and the run is what it was.

use super::{all, database, ids, json, last, state, text};
use crate::recover::on_small_disk;
use crabbox_tests::{Ran, World, until};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

/// A run that ended with 3, and was told of in these words.
#[track_caller]
fn says(ran: &Ran, parts: &[&str]) {
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "out\n"), "{}", ran.stderr);
    for part in parts {
        assert_eq!(ran.stderr.matches(part).count(), 1, "{part}: {}", ran.stderr);
    }
}

const LINE: &str = "echo out; exit 3";

#[test]
fn a_database_that_is_held_costs_the_record() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let other = database(&world);
    other.execute_batch("BEGIN IMMEDIATE").expect("locks");
    says(&world.shell(LINE), &["this run isn't in the history: ", "is held by another program"]);
    // Whoever looks isn't held up.
    assert_eq!(all(&world).len(), 1);
    // That it was is known all the same, and what it printed.
    let list = world.crabbox(&["history"]);
    let row = list.stdout.lines().nth(1).expect("a row");
    assert!(row.contains("3 (no record)") && row.contains(LINE), "{}", list.stdout);
    let id = ids(&list).remove(0);
    assert_eq!(world.crabbox(&["logs", &id]).stdout, "out\n");
    let slow = world.crabbox(&["slow", &id]);
    let said = format!("`{id}` ended with 3, and its record couldn't be written");
    assert!(slow.code == 4 && slow.stderr.contains(&said), "{}", slow.stderr);
    let inspect = world.crabbox(&["inspect", &id, "--offline"]);
    assert!(inspect.stderr.contains(&said), "{}", inspect.stderr);
    let before = world.crabbox(&["slow"]);
    let said =
        format!("run of this checkout ended with 3, and its record couldn't be written: {id}");
    assert!(before.code == 0 && before.stderr.contains(&said), "{}", before.stderr);
    let found = json(&world.crabbox(&["history", "--json"]))["unfinished"][0].clone();
    assert_eq!((&found["exit"], &found["goes_on"]), (&3.into(), &false.into()));
    other.execute_batch("COMMIT").expect("unlocks");
    says(&world.shell(LINE), &[]);
    assert_eq!(all(&world).len(), 2);
}

#[test]
fn a_damaged_database_is_put_aside_once_and_begun_anew() {
    let garbage = "no database at all, ".repeat(500);
    for damage in [garbage.as_str(), "short"] {
        let world = World::new();
        assert_eq!(world.shell("true").code, 0);
        let path = state(&world).join("history.db");
        fs::write(&path, damage).expect("writes");
        fs::remove_file(path.with_extension("db-wal")).expect("removes");
        let look = world.crabbox(&["history"]);
        assert_eq!(look.code, 1, "{}", look.stderr);
        assert!(
            look.stderr.contains("is damaged") && look.stderr.contains("hint: d="),
            "{}",
            look.stderr
        );
        says(&world.shell(LINE), &["the history was damaged, and begins anew"]);
        assert_eq!((all(&world).len(), &last(&world)["outcome"]["exit"]), (1, &3.into()));
        let aside = fs::read_dir(state(&world)).expect("reads").flatten();
        let aside = aside.map(|entry| entry.path().join("history.db")).find(|path| path.exists());
        assert_eq!(fs::read_to_string(aside.expect("is kept")).expect("reads"), damage);
        let again = world.shell(LINE);
        assert!(!again.stderr.contains("damaged"), "{}", again.stderr);
    }
}

#[test]
fn one_of_a_newer_crabbox_is_left_alone() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    database(&world).execute_batch("PRAGMA user_version = 99").expect("writes");
    says(&world.shell(LINE), &["this run isn't in the history: ", "has schema 99"]);
    let look = world.crabbox(&["history"]);
    assert!(look.code == 1 && look.stderr.contains("has schema 99"), "{}", look.stderr);
    let logs = world.crabbox(&["logs", "@last"]);
    assert_eq!(logs.code, 1, "{}", logs.stderr);
}

#[test]
fn one_that_others_can_write_is_not_believed() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let path = state(&world).join("history.db");
    fs::set_permissions(&path, Permissions::from_mode(0o666)).expect("a mode");
    let hint = format!("hint: chmod 600 {}", path.display());
    says(&world.shell(LINE), &["can't be trusted", &hint]);
    let look = world.crabbox(&["history"]);
    assert!(look.code == 2 && look.stderr.contains(&hint), "{}", look.stderr);
}

#[test]
fn a_log_that_can_not_be_written_costs_the_log() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    fs::write(state(&world).join("runs"), "no folder").expect("writes");
    says(&world.shell(LINE), &["the output couldn't be kept: "]);
    assert_eq!(last(&world)["log"], serde_json::json!({ "bytes": 4, "cut": 4 }));
}

#[test]
fn a_full_disk_costs_neither_the_output_nor_the_exit_code() {
    let world = World::new();
    // The box is on this machine, and so is the disk that its program fills.
    let fill = r#"head -c 3000000 /dev/zero >"$0/fill" 2>/dev/null"#;
    let line = format!(
        r#""$1" run --keep -- true
        "$1" run --shell "$(printf 'echo before; head -c 3000000 /dev/zero >%s/fill; seq 1 200000 | tail -1; exit 3' "$0")"
        echo "code $?"; rm "$0/fill"
        "$1" run --shell 'head -c 4000000 /dev/urandom | wc -c; head -c 4000000 /dev/urandom | base64 | tail -c 8000000; exit 4' >"$0/../printed"
        echo "code $?"
        {fill}; "$1" history; echo "look $?""#
    );
    let Some(said) = on_small_disk(&world, "state", &line) else { return };
    assert!(said.contains("before\n200000\ncode 3\n"), "{said}");
    assert!(said.contains("isn't in the history: "), "{said}");
    assert!(said.contains("the output couldn't be kept: No space left on device"), "{said}");
    assert!(said.contains("look 0"), "{said}");
    // What there was no room for is told from what was killed.
    assert_eq!(said.matches("  3 (no record)  ").count(), 1, "{said}");
    assert!(!said.contains("exit 125"), "{said}");
    // What was printed doesn't take the room that the claims need.
    assert!(said.contains("code 4\n"), "{said}");
    assert_eq!(said.matches("wasn't released").count(), 1, "where a box fills the disk: {said}");
    assert_eq!(said.matches("isn't in the history").count(), 1, "{said}");
}

#[test]
fn a_run_that_is_killed_before_it_says_that_it_has_ended_is_as_any_that_was_killed() {
    for (point, word) in
        [("history.before.mark", "  no record  "), ("history.after.mark", "  3 (no record)  ")]
    {
        let world = World::new();
        assert_eq!(world.shell("true").code, 0);
        let other = database(&world);
        other.execute_batch("BEGIN IMMEDIATE").expect("locks");
        let mut command = world.command(&["run", "-q", "--shell", LINE]);
        let ran = command.env("CRABBOX_FAULT", point).output().expect("runs");
        assert_eq!(ran.status.code(), None, "{point}");
        let list = world.crabbox(&["history"]).stdout;
        assert!(list.lines().nth(1).is_some_and(|row| row.contains(word)), "{point}: {list}");
    }
}

#[test]
fn one_that_ended_well_is_none_that_failed() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let other = database(&world);
    other.execute_batch("BEGIN IMMEDIATE").expect("locks");
    // Both at once: each has its own word.
    let ended = ["exit 0", "exit 4"].map(|line| {
        let mut command = world.command(&["run", "-q", "--fresh", "--shell", line]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs")
    });
    let codes = ended.map(|mut run| run.wait().expect("ends").code());
    assert_eq!(codes, [Some(0), Some(4)]);
    let exits = |more: &[&str]| -> Vec<Option<u64>> {
        let document = json(&world.crabbox(&[&["history", "--json"], more].concat()));
        let found = document["unfinished"].as_array().expect("a list");
        let mut exits: Vec<_> = found.iter().map(|one| one["exit"].as_u64()).collect();
        exits.sort_unstable();
        exits
    };
    assert_eq!(exits(&[]), [Some(0), Some(4)]);
    assert_eq!(exits(&["--failed"]), [Some(4)]);
}

/// Where a part of the log is full, too, and the next one has just begun.
#[test]
fn a_log_that_fills_the_disk_leaves_room_wherever_it_does() {
    for size in ["2000k", "8652k", "8800k"] {
        let world = World::new();
        let line = format!(
            r#"mount -o remount,size={size} "$0"
            "$1" run --keep -- true
            "$1" run --shell 'head -c 9000000 /dev/urandom | base64; exit 4' >"$0/../printed"
            echo "code $?"
            "$1" logs >"$0/../kept"; tail -n 1 "$0/../kept"
            "$1" logs --json --tail 1"#
        );
        let Some(said) = on_small_disk(&world, "state", &line) else { return };
        assert!(said.starts_with("code 4\n[crabbox: "), "{size}: {said}");
        assert!(said.contains("the output couldn't be kept: No space left"), "{size}: {said}");
        for lost in ["wasn't released", "isn't in the history"] {
            assert!(!said.contains(lost), "{size}: {said}");
        }
        let length = |name: &str| {
            fs::metadata(world.root().join(name)).map(|found| found.len()).expect("a file")
        };
        let cut = said.split(' ').nth(2).and_then(|count| count.parse::<u64>().ok());
        let document = format!("\"cut\": {}", cut.unwrap_or_default());
        assert!(said.contains(&document), "{size}: {said}");
        let kept = fs::read_to_string(world.root().join("kept")).expect("reads");
        let line = kept.rfind("[crabbox: ").expect("a line");
        let missing = length("printed") - kept[..line].trim_end().len() as u64;
        // One end of line may be the line's own.
        assert!(cut.is_some_and(|cut| missing.abs_diff(cut) <= 1), "{size}: {missing} {cut:?}");
    }
}

#[test]
fn the_record_is_written_before_or_not_at_all_wherever_it_is_killed() {
    for (point, count) in [("history.before.insert", 0), ("history.after.insert", 1)] {
        let world = World::new();
        let mut command = world.command(&["run", "-q", "--shell", LINE]);
        let mut run = command
            .env("CRABBOX_FAULT", point)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("runs");
        until("it is killed", || run.try_wait().expect("looks").is_some());
        assert_eq!(run.wait().expect("ended").code(), None, "{point}");
        assert_eq!(all(&world).len(), count, "{point}");
        says(&world.shell(LINE), &[]);
        assert_eq!(all(&world).len(), count + 1, "{point}");
    }
}

/// A damaged record, and one with a word that this crabbox doesn't know.
#[test]
fn records_that_cant_be_read_are_left_out_and_hide_no_others() {
    const SUITE: &str = "echo '<testsuite><testcase name=\"a\"/></testsuite>' >junit.xml";
    let world = World::new();
    for _ in 0..4 {
        assert_eq!(world.crabbox(&["run", "-q", "--keep", "--shell", SUITE]).code, 0);
    }
    let runs: Vec<_> = all(&world).iter().map(|run| text(&run["id"])).collect();
    for (run, damage) in [
        (&runs[1], "substr(record, 1, 100)"),
        (&runs[2], "json_set(record, '$.outcome.origin', 'weather')"),
    ] {
        let line = format!("UPDATE runs SET record = {damage} WHERE id = ?1");
        assert_eq!(database(&world).execute(&line, [run]).expect("writes"), 1);
    }
    let left: Vec<_> = all(&world).iter().map(|run| text(&run["id"])).collect();
    assert_eq!(left, [&*runs[0], &*runs[3]]);
    for words in
        [&["history", "--json"][..], &["results", "--flaky"], &["results"], &["slow"], &["report"]]
    {
        let ran = world.crabbox(words);
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.stderr);
        let told = ran.stderr.matches("2 records can't be read: left out\n").count();
        assert_eq!(told, 1, "{words:?}: {}", ran.stderr);
    }
    // It is compared with the one that can be read.
    assert_eq!(super::json(&world.crabbox(&["results", "--json"]))["since"]["run"], *runs[3]);
    // Nor does the latest one, or take a place among others; what there is of it beside is shown.
    let line = "UPDATE runs SET record = '{' WHERE id = ?1";
    assert_eq!(database(&world).execute(line, [&runs[0]]).expect("writes"), 1);
    let one = super::json(&world.crabbox(&["history", "--json", "--limit", "1"]));
    assert_eq!(text(&one["runs"][0]["id"]), runs[3], "{one}");
    for words in [&["logs"][..], &["results"]] {
        let ran = world.crabbox(words);
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.stderr);
    }
    // Nor does a command that isn't text.
    let line = "UPDATE runs SET command = CAST(x'6cff73' AS TEXT) WHERE id = ?1";
    assert_eq!(database(&world).execute(line, [&runs[1]]).expect("writes"), 1);
    // Its row is there, and whoever asks for it alone hears why there is no more.
    assert_eq!(ids(&world.crabbox(&["history"])), runs);
    let shown = world.crabbox(&["inspect", &runs[1]]);
    assert_eq!(shown.code, 1, "{}", shown.stderr);
    for part in [
        format!("the record of `{}` can't be read", runs[1]),
        format!("hint: crabbox logs {}\n", runs[1]),
    ] {
        assert!(shown.stderr.contains(&part), "{part}: {}", shown.stderr);
    }
}
