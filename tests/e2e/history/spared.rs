//! What recording costs a run: no write is waited for before the program's output is passed on, and one at most behind it.

use crabbox_tests::{World, led_by};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Stdio;

/// A call of the run's own process, in the order of their beginnings.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// It passed on what the program printed.
    Printed,
    /// It waits until this file is on the disk.
    Flushed(String),
}

/// What `strace -f -y` wrote, without what other processes did.
fn calls(trace: &str) -> Vec<Call> {
    let mut own = BTreeSet::new();
    let mut begun = BTreeSet::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if own.is_empty() {
            own.insert(thread);
        }
        if !own.contains(thread) {
            continue;
        }
        // A thread is of the same process; what it is called stands behind the call, or where that is resumed.
        let is_thread = call.contains("CLONE_THREAD");
        let ended = call.contains("resumed>") && begun.remove(thread);
        if is_thread && call.contains("unfinished") {
            begun.insert(thread);
        } else if is_thread || ended {
            own.extend(call.rsplit(" = ").next().filter(|id| id.parse::<u32>().is_ok()));
        }
        let file = |call: &str| {
            let name = call.split('<').nth(1).unwrap_or_default();
            name.split('>').next().unwrap_or_default().to_owned()
        };
        if call.starts_with("write(1<") && call.contains("\"printed\\n\"") {
            calls.push(Call::Printed);
        } else if ["fsync(", "fdatasync(", "msync(", "sync_file_range("]
            .iter()
            .any(|name| call.starts_with(name))
        {
            calls.push(Call::Flushed(file(call)));
        }
    }
    calls
}

#[test]
fn a_record_is_one_flush_at_most_after_the_programs_output_and_none_before() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "-q", "--keep", "--", "true"]).code, 0);
    assert_eq!(world.crabbox(&["run", "-q", "--", "true"]).code, 0);
    let trace = world.root().join("trace");
    let output = trace.display().to_string();
    let calls_of_interest = "trace=clone,clone3,write,fsync,fdatasync,msync,sync_file_range";
    let words = ["strace", "-f", "-qq", "-y", "-e", calls_of_interest, "-o", &output];
    let mut strace = led_by(&words, &world.command(&["run", "-q", "--", "echo", "printed"]));
    // No caretaker: the trace would last as long as that does.
    strace.env("CI", "true").stdin(Stdio::null());
    match strace.output() {
        Ok(ran) if ran.status.success() => assert_eq!(ran.stdout, b"printed\n"),
        other => {
            assert!(other.is_err(), "{other:?}");
            let _ = writeln!(std::io::stderr(), "skipped: there is no strace");
            return;
        }
    }
    let calls = calls(&fs::read_to_string(trace).expect("a trace"));
    let printed = calls.iter().position(|call| *call == Call::Printed).expect("it printed");
    let is_of_history = |call: &&Call| {
        matches!(call, Call::Flushed(file)
            if ["/history.db", "/runs/", "/begun/", "/commits/"].iter().any(|part| file.contains(part)))
    };
    let flushed = |calls: &[Call]| calls.iter().filter(is_of_history).count();
    let (before, after) = calls.split_at(printed);
    assert!(flushed(before) == 0 && flushed(after) <= 1, "{calls:#?}");
    // The claims have their own, or nothing was seen.
    assert!(
        calls.iter().any(|call| matches!(call, Call::Flushed(file) if file.contains("claims")))
    );
}

#[test]
fn calls_of_other_processes_are_told_apart() {
    let trace = r#"10 clone3({flags=CLONE_VM|CLONE_THREAD} => {parent_tid=[11]}, 88) = 11
10 clone3({flags=CLONE_VM|CLONE_THREAD} <unfinished ...>
11 fdatasync(7</a/claims.db-wal>) = 0
10 <... clone3 resumed> => {parent_tid=[12]}, 88) = 12
10 clone3({flags=CLONE_VFORK}, 88) = 13
13 fsync(3</box/exit>) = 0
12 fsync(3</a/history.db-wal>) = 0
10 write(1</dev/null>, "printed\n", 8) = 8"#;
    let flushed = |file: &str| Call::Flushed(file.to_owned());
    let expected = [flushed("/a/claims.db-wal"), flushed("/a/history.db-wal"), Call::Printed];
    assert_eq!(calls(trace), expected);
}
