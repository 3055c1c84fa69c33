//! What it costs to remember a run, what a look at ten thousand of them takes, and what it takes to keep what one prints.

use crate::counts;
use crate::figures::{Figures, in_turn, time};
use crate::table::Table;
use crate::worlds::fill;
use crabbox_tests::{Built, World};
use rusqlite::Connection;
use std::path::Path;
use std::process::{Command, Stdio};

/// 200 MB that look like a log.
const LINES: &str = "awk 'BEGIN { for (n = 0; n < 2500000; n++) \
    printf \"test module_%d::case_%07d ... ok, in %d.%03ds, after a retry of the connection to the box\\n\", \
    n % 37, n, n % 9, n % 1000 }'";

/// One of the claims, two of the first record of a process, as of the first claim.
const FSYNCS_OF_ONE: u64 = 1;

pub(crate) fn measure(crabbox: &Path, _: &Built, table: &mut Table) {
    list(crabbox, table);
    record(crabbox, table);
    print(crabbox, LINES, "lines", table);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lines");
    let made = format!("{LINES} >{}", file.display());
    time(Command::new("sh").args(["-c", &made]));
    print(crabbox, &format!("cat {}", file.display()), "a file", table);
}

/// Looks at runs of which there are many.
fn list(crabbox: &Path, table: &mut Table) {
    let world = with_runs(crabbox, 10_000);
    let run = |words: &[&str]| time(&mut world.command_of(crabbox, words));
    let [version] = in_turn(30, [&mut || run(&["--version"])]);
    table.baseline("crabbox --version", &version);
    for words in [
        &["history"][..],
        &["history", "--all"],
        &["history", "--all", "--failed", "--command", "no such"],
        &["history", "--json"],
        &["inspect", "@last-failed"],
        &["inspect", "run_000000000001"],
        &["logs", "@last"],
    ] {
        let [figures]: [Figures; 1] = in_turn(30, [&mut || run(words)]);
        table.ratio(&format!("{}, 10,000 runs", words.join(" ")), &figures, "--version", &version);
    }
}

/// The same run with and without a record of it: without, its database can't be opened.
fn record(crabbox: &Path, table: &mut Table) {
    let (with, without) = (warm(crabbox, ""), warm(crabbox, ""));
    let database = without.root().join("state/crabbox/history.db");
    let other = Connection::open(&database).expect("opens");
    other.execute_batch("PRAGMA user_version = 99").expect("writes");
    drop(other);
    let run = |world: &World| time(&mut world.command_of(crabbox, &["run", "-q", "--", "true"]));
    let [with_it, without_it] = in_turn(40, [&mut || run(&with), &mut || run(&without)]);
    table.baseline("warm run of true, no record", &without_it);
    table.ratio("warm run of true, recorded", &with_it, "no record", &without_it);
    let fsyncs = |world: &World| {
        counts::of_command(world, crabbox, &["run", "-q", "--", "true"]).map(|counts| counts.fsyncs)
    };
    let more =
        fsyncs(&with).zip(fsyncs(&without)).map(|(with, without)| with.saturating_sub(without));
    table.count("fsyncs of one record", more, FSYNCS_OF_ONE);
}

/// Keeps much output of this line of shell, or none.
fn print(crabbox: &Path, line: &str, what: &str, table: &mut Table) {
    let (with, without) = (warm(crabbox, ""), warm(crabbox, "[history]\nlog_size = 0\n"));
    let run = |world: &World| {
        let mut command = world.command_of(crabbox, &["run", "-q", "--shell", line]);
        let program = command.get_program().to_owned();
        let words: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
        // Somebody reads it all.
        let mut shell = world.command_of(Path::new("sh"), &["-c", "\"$0\" \"$@\" | cat"]);
        shell.arg(program).args(words);
        command = shell;
        time(&mut command)
    };
    let mut plain = Command::new("sh");
    plain.args(["-c", &format!("{line} | cat")]).stdout(Stdio::null());
    let [plain, without_it, with_it] =
        in_turn(7, [&mut || time(&mut plain), &mut || run(&without), &mut || run(&with)]);
    table.baseline(&format!("sh -c '200 MB of {what} | cat'"), &plain);
    table.ratio(&format!("200 MB of {what}, none kept"), &without_it, "sh | cat", &plain);
    table.ratio(&format!("200 MB of {what}, kept"), &with_it, "none kept", &without_it);
}

/// A checkout with a box that stands ready.
fn warm(crabbox: &Path, settings: &str) -> World {
    let world = fill(100);
    world.configure(settings);
    time(&mut world.command_of(crabbox, &["run", "-q", "--keep", "--", "true"]));
    world
}

/// And so many runs, every tenth of which failed, in a hundred checkouts; the last one is real.
pub(crate) fn with_runs(crabbox: &Path, count: usize) -> World {
    let world = warm(crabbox, "");
    time(&mut world.command_of(crabbox, &["run", "-q", "--", "seq", "1", "10"]));
    let database = Connection::open(world.root().join("state/crabbox/history.db")).expect("opens");
    let line = format!(
        "WITH RECURSIVE numbers (n) AS
                (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}),
            last AS (SELECT * FROM runs ORDER BY began DESC LIMIT 1)
        INSERT INTO runs (id, began, repository, command, exit, failed, total_ms, record)
            SELECT printf('run_%012x', n), began - 60000 * n,
                CASE n % 2 WHEN 0 THEN repository ELSE '/home/somebody/projects/' || (n % 100) END,
                command, n % 10 = 0, NULL, total_ms, json_set(record, '$.id', printf('run_%012x', n))
            FROM numbers, last"
    );
    assert_eq!(database.execute(&line, []).expect("copies"), count);
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    database.query_row(checkpoint, [], |_| Ok(())).expect("writes the log back");
    world
}
