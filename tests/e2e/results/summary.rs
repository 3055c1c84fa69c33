//! What is said at the end of a run that brought reports.

use super::{check, document, well, writes, wrong};
use crabbox_tests::{Typist, World, settle};
use insta::assert_snapshot;
use serde_json::json;

#[test]
fn what_failed_comes_first_and_what_is_new_is_said() {
    let world = World::new();
    writes(&world, &(well("a") + &wrong("b") + &well("c")), 1);
    assert_eq!(check(&world, &[]).code, 1);
    let flaky = "<testcase name='c' classname='m'><flakyFailure message='late'/></testcase>";
    writes(&world, &(wrong("a") + &well("b") + flaky), 3);
    let ran = check(&world, &[]);
    assert_eq!(ran.code, 3);
    let told: Vec<_> = ran.stderr.lines().filter(|line| !line.contains("phases:")).collect();
    let (first, rest) = told.split_first().expect("lines");
    assert!(first.starts_with("crabbox: exit 3 (program) in "), "{first}");
    let rest = rest.join("\n").replace(&run_of(&world), "[RUN]");
    assert_snapshot!(rest, @r"
    crabbox: 1 of 3 tests failed · 1 passed, 1 flaky · 1.75s in 1 report
    crabbox:   FAILED m::a (src/a.rs:7)
    crabbox:     a is wrong
    crabbox: newly failing: m::a
    crabbox: newly passing: m::b
    crabbox: flaky: m::c
    crabbox:   hint: crabbox results [RUN] --failed
    crabbox:   hint: crabbox run -- sh check.sh
    ");
    assert!(ran.stderr.contains("crabbox: phases: "), "{}", ran.stderr);
}

fn run_of(world: &World) -> String {
    let history = document(&world.crabbox(&["history", "--json"]));
    history["runs"][0]["id"].as_str().expect("an id").to_owned()
}

/// What crabbox has to say of this line off a terminal.
fn told(world: &World, options: &[&str]) -> String {
    settle(&check(world, options).stderr)
}

/// What is shown of it on a terminal of so many rows.
fn on_screen(world: &World, rows: u16, arguments: &[&str]) -> String {
    let mut command = world.command(&[&["run"], arguments].concat());
    let typist = Typist::on(command.env("TERM", "dumb"), 100, rows);
    settle(&typist.leaves().shown.replace("\r\n", "\n"))
}

#[test]
fn each_part_is_there_where_there_is_room() {
    let world = World::new();
    let slow: String = (0..6).map(|at| well(&format!("s{at}"))).collect();
    writes(&world, &slow, 0);
    check(&world, &["--keep"]);
    writes(&world, &(slow + &wrong("a")), 3);
    let options = ["--keep", "--artifact", "*.xml"];
    let run = |told: &str| told.replace(&run_of(&world), "[RUN]");
    assert_snapshot!(run(&told(&world, &options)), @r"
    crabbox: exit 3 (program) in [TIME] ([TIME] in all) · 1 file sent · [SLUG] ready
    crabbox: 1 of 7 tests failed · 6 passed · [TIME] in 1 report
    crabbox:   FAILED m::a (src/a.rs:7)
    crabbox:     a is wrong
    crabbox: newly failing: m::a
    crabbox: slowest: [TIME] m::a, [TIME] m::s0, [TIME] m::s1, [TIME] m::s2, [TIME] m::s3
    crabbox: 1 artifact (501 B): `.crabbox/artifacts/[RUN]/junit.xml`
    crabbox: phases: [TIMES]
    crabbox:   hint: crabbox results [RUN] --failed
    crabbox:   hint: crabbox run --keep --artifact '*.xml' -- sh check.sh
    ");
    let line = [&options[..], &["--", "sh", "check.sh"]].concat();
    assert_snapshot!(run(&on_screen(&world, 24, &line)), @r"
    crabbox: exit 3 (program) in [TIME] ([TIME] in all) · tree unchanged · [SLUG] ready
    crabbox: 1 of 7 tests failed · 6 passed · [TIME] in 1 report
    crabbox:   FAILED m::a (src/a.rs:7)
    crabbox:     a is wrong
    crabbox: slowest: [TIME] m::a, [TIME] m::s0, [TIME] m::s1, [TIME] m::s2, [TIME] m::s3
    crabbox: 1 artifact (501 B): `.crabbox/artifacts/[RUN]/junit.xml`
    crabbox: phases: [TIMES]
    crabbox:   hint: crabbox results [RUN] --failed
    crabbox:   hint: crabbox run --keep --artifact '*.xml' -- sh check.sh
    ");
    writes(&world, &well("a"), 0);
    assert_snapshot!(told(&world, &[]), @r"
    crabbox: exit 0 in [TIME] ([TIME] in all) · 1 file sent · [SLUG] ready
    crabbox: 1 test, none failed · 1 passed · [TIME] in 1 report
    crabbox: newly passing: m::a
    crabbox: phases: [TIMES]
    crabbox:   hint: crabbox run -- sh check.sh
    ");
}

#[test]
fn what_matters_most_is_said_where_there_is_little_room() {
    let world = World::new();
    let many: String = (0..100).map(|at| wrong(&format!("t{at}"))).collect();
    writes(&world, &many, 1);
    check(&world, &["--keep"]);
    let few =
        |lines: &str| told(&world, &["--keep", "--artifact", "*.xml", "--summary-lines", lines]);
    for room in [20, 10, 3, 1] {
        let lines = few(&room.to_string()).lines().count();
        assert!(lines <= room, "{room}: {lines}");
    }
    assert_snapshot!(few("4"), @r"
    crabbox: exit 1 (program) in [TIME] ([TIME] in all) · tree unchanged · [SLUG] ready
    crabbox: 100 of 100 tests failed · 2m 30s in 1 report
    crabbox:   FAILED m::t0 (src/t0.rs:7)
    crabbox:   ... and 99 more
    ");
    assert_snapshot!(few("5"), @r"
    crabbox: exit 1 (program) in [TIME] ([TIME] in all) · tree unchanged · [SLUG] ready
    crabbox: 100 of 100 tests failed · 2m 30s in 1 report
    crabbox:   FAILED m::t0 (src/t0.rs:7)
    crabbox:   ... and 99 more
    crabbox:   hint: crabbox results [RUN] --failed
    ");
    assert_snapshot!(few("10"), @r"
    crabbox: exit 1 (program) in [TIME] ([TIME] in all) · tree unchanged · [SLUG] ready
    crabbox: 100 of 100 tests failed · 2m 30s in 1 report
    crabbox:   FAILED m::t0 (src/t0.rs:7)
    crabbox:     t0 is wrong
    crabbox:   FAILED m::t1 (src/t1.rs:7)
    crabbox:     t1 is wrong
    crabbox:   ... and 98 more
    crabbox: 1 artifact (16.3 KiB): `.crabbox/artifacts/[RUN]/junit.xml`
    crabbox:   hint: crabbox results [RUN] --failed
    crabbox:   hint: crabbox run --keep --artifact '*.xml' --summary-lines 10 -- sh check.sh
    ");
    let all = few("60");
    assert!(all.lines().count() <= 60 && all.contains("... and 80 more"), "{all}");
    for part in
        ["slowest: ", "1 artifact (", "phases: ", "hint: crabbox results", "hint: crabbox run"]
    {
        assert!(all.contains(part), "{part}: {all}");
    }
    for (rows, failed) in [(24, 9), (50, 20)] {
        let shown = on_screen(&world, rows, &["--", "sh", "check.sh"]);
        assert!(shown.lines().count() < rows.into(), "{shown}");
        assert_eq!(shown.matches("FAILED").count(), failed, "{shown}");
        assert!(shown.contains("hint: crabbox results"), "{shown}");
    }
}

#[test]
fn a_run_that_fails_without_reports_leads_to_what_it_printed_where_that_is_out_of_sight() {
    let world = World::new();
    world.write("noisy.sh", "seq 1000; exit 3\n");
    let line = |shown: &str| {
        let lines = shown.lines().filter(|line| line.starts_with("crabbox:"));
        let lines: Vec<_> = lines.filter(|line| !line.contains("leased")).collect();
        lines.join("\n").replace(&run_of(&world), "[RUN]")
    };
    let run = |script: &str| settle(&world.crabbox(&["run", "--shell", script]).stderr);
    assert_snapshot!(line(&run("seq 1000; exit 3")), @r"
    crabbox: exit 3 (program) in [TIME] ([TIME] in all) · 2 files sent · [SLUG] parked
    crabbox:   hint: crabbox logs [RUN]
    ");
    // Of a line, all has been seen.
    assert_snapshot!(line(&run("echo wrong; exit 3")), @"crabbox: exit 3 (program) in [TIME] ([TIME] in all) · tree unchanged · [SLUG] parked");
    assert_snapshot!(line(&run("seq 1000")), @"crabbox: exit 0 in [TIME] ([TIME] in all) · tree unchanged · [SLUG] parked");
    assert_snapshot!(line(&on_screen(&world, 24, &["--shell", "echo wrong; exit 3"])), @"crabbox: exit 3 (program) in [TIME] ([TIME] in all) · tree unchanged · [SLUG] parked");
    assert_snapshot!(line(&on_screen(&world, 24, &["--", "sh", "noisy.sh"])), @r"
    crabbox: exit 3 (program) in [TIME] ([TIME] in all) · tree unchanged · [SLUG] parked
    crabbox:   hint: crabbox logs [RUN]
    ");
}

#[test]
fn of_much_output_that_of_a_test_that_failed_can_be_found() {
    let world = World::new();
    let report = format!("<testsuite>{}</testsuite>", well("a") + &wrong("it is b"));
    world.write(
        "check.sh",
        &format!("cat >junit.xml <<'END'\n{report}\nEND\nseq 1000\necho \"in it is b\"\nseq 1000\nexit 1\n"),
    );
    let told = check(&world, &[]).stderr;
    let hint = told.lines().find_map(|line| line.split_once("hint: crabbox logs "));
    let (_, words) = hint.expect("a line to type");
    assert!(words.ends_with(" --test 'm::it is b'"), "{words}");
    let (run, _) = words.split_once(' ').expect("words");
    let found = world.crabbox(&["logs", run, "--test", "m::it is b"]).stdout;
    assert!(found.contains("in it is b") && !found.contains("500"), "{found}");
}

#[test]
fn the_document_of_a_run_names_what_failed() {
    let world = World::new();
    writes(&world, &(well("a") + &wrong("b")), 1);
    let ran = check(&world, &["--json"]);
    let results = &document(&ran)["results"];
    let totals = json!({ "passed": 1, "failed": 1, "skipped": 0, "flaky": 0, "ms": 1750 });
    assert_eq!((ran.code, &results["totals"]), (1, &totals));
    let failed = json!([{
        "test": "m::b",
        "status": "failed",
        "message": "b is wrong",
        "place": { "file": "src/b.rs", "line": 7 },
    }]);
    assert_eq!(results["failed"], failed);
    assert_eq!(results["since"], json!(null));
    check(&world, &[]);
    let again = document(&check(&world, &["--json"]));
    assert_eq!(again["results"]["since"]["newly_failing"], json!([]));
    // The time in which reports are read has a name.
    let record = &document(&world.crabbox(&["history", "--json"]))["runs"][0];
    let phases = record["phases"].as_array().expect("a list");
    assert_eq!(phases.last().expect("a phase")["name"], "results", "{record}");
}

#[test]
fn the_command_of_another_checkout_or_another_command_is_no_run_before() {
    let world = World::new();
    writes(&world, &wrong("a"), 1);
    check(&world, &[]);
    let ran = world.crabbox(&["run", "--json", "--", "sh", "./check.sh"]);
    assert_eq!(document(&ran)["results"]["since"], json!(null));
}

#[test]
fn a_run_that_says_nothing_of_tests_is_no_run_before() {
    let world = World::new();
    writes(&world, &wrong("a"), 1);
    check(&world, &[]);
    // It doesn't compile, say.
    let working = std::fs::read_to_string(world.checkout().join("check.sh")).expect("a script");
    world.write("check.sh", "exit 2\n");
    assert_eq!(check(&world, &[]).code, 2);
    world.write("check.sh", &working);
    let again = document(&check(&world, &["--json"]));
    assert_eq!(again["results"]["since"]["newly_failing"], json!([]), "{again}");
    // In another folder it is another run.
    world.write("below/check.sh", &working);
    let below = document(&check(&world, &["--json", "--dir", "below"]));
    assert_eq!(below["results"]["since"], json!(null));
}
