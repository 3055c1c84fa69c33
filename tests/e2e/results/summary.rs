//! What is said at the end of a run that brought reports.

use super::{check, document, well, writes, wrong};
use crabbox_tests::World;
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
    assert!(first.starts_with("crabbox: exit 3 in "), "{first}");
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

#[test]
fn no_more_lines_than_there_is_room_for() {
    let world = World::new();
    let many: String = (0..100).map(|at| wrong(&format!("t{at}"))).collect();
    writes(&world, &many, 1);
    let lines = |options: &[&str]| check(&world, options).stderr.lines().count();
    for room in [20, 10, 3] {
        assert!(lines(&["--summary-lines", &room.to_string()]) <= room, "{room}");
    }
    let few = check(&world, &["--summary-lines", "4"]).stderr;
    assert!(few.contains("100 of 100 tests failed") && few.contains("FAILED m::t0"), "{few}");
    let all = check(&world, &[]).stderr;
    assert!(all.lines().count() <= 60 && all.contains("... and 80 more"), "{all}");
}

#[test]
fn a_run_without_reports_says_nothing_of_tests() {
    let world = World::new();
    let ran = world.crabbox(&["run", "--", "true"]);
    assert!(!ran.stderr.contains("test") && !ran.stderr.contains("phases"), "{}", ran.stderr);
    assert_eq!(document(&world.crabbox(&["run", "--json", "--", "true"]))["results"], json!(null));
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
