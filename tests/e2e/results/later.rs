//! The same, asked for later: offline, from what is kept here.

use super::{check, document, well, writes, wrong};
use crabbox_tests::World;
use insta::assert_snapshot;
use serde_json::json;
use std::fs;

#[test]
fn all_that_a_test_said_is_there_when_its_box_is_gone() {
    let world = World::new();
    writes(&world, &(well("a") + &wrong("b")), 1);
    assert_eq!(check(&world, &[]).code, 1);
    assert_eq!(world.crabbox(&["stop", "@last", "--delete", "--yes"]).code, 0);
    let ran = world.crabbox(&["results", "--failed"]);
    assert_snapshot!(ran.snapshot(&world), @r"
    exit 0
    --- stdout
    FAILED m::b (src/b.rs:7) in [TIME]
        at src/b.rs:7: b is wrong
      it printed:
        printed by b
    --- stderr
    ");
    let ran = world.crabbox(&["results", "--test", "m::a"]);
    assert!(ran.stdout.starts_with("passed m::a in "), "{}", ran.stdout);
    let ran = world.crabbox(&["results", "@last", "--test", "nothing"]);
    assert_eq!(ran.code, 4);
    assert_eq!(
        document(&world.crabbox(&["history", "--json"]))["runs"][0]["tests"]["failed"],
        json!(1)
    );
}

#[test]
fn a_run_without_reports_has_no_results() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    let ran = world.crabbox(&["results"]);
    assert_eq!(ran.code, 4);
    assert!(
        ran.stderr.contains("hint: crabbox run --junit 'reports/*.xml' -- COMMAND"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_test_that_comes_out_now_so_and_now_so_is_unreliable() {
    let world = World::new();
    // The same tree and the same command: what differs lies beside the tree.
    let (a, b) = (well("a") + &well("b"), well("a") + &wrong("b"));
    let suite = |tests: &str| format!("<testsuite name='s'>{tests}</testsuite>");
    let file = world.root().join("now.xml");
    let line = format!("cp {} junit.xml", file.display());
    for tests in [&a, &b, &a] {
        fs::write(&file, suite(tests)).expect("writes");
        assert_eq!(world.crabbox(&["run", "--shell", &line]).code, 0);
    }
    let found = document(&world.crabbox(&["results", "--flaky", "--json"]));
    assert_eq!((&found["runs"], found["tests"].as_array().map(Vec::len)), (&json!(3), Some(1)));
    let test = &found["tests"][0];
    assert_eq!(
        (&test["test"], &test["unwell"], &test["runs"]),
        (&json!("m::b"), &json!(1), &json!(3))
    );
    // With another tree it is no wonder.
    world.write("hello.txt", "other\n");
    fs::write(&file, suite(&wrong("a"))).expect("writes");
    assert_eq!(world.crabbox(&["run", "--shell", &line]).code, 0);
    let found = document(&world.crabbox(&["results", "--flaky", "--json"]));
    assert_eq!(found["tests"].as_array().map(Vec::len), Some(1), "{found}");
}

#[test]
fn results_that_cannot_be_read_are_said_to_be() {
    let world = World::new();
    writes(&world, &well("a"), 0);
    assert_eq!(check(&world, &[]).code, 0);
    let run = document(&world.crabbox(&["history", "--json"]))["runs"][0]["id"].clone();
    let folder = world.root().join("state/crabbox/runs").join(run.as_str().expect("an id"));
    fs::write(folder.join("results.json.zst"), "half").expect("damages");
    let ran = world.crabbox(&["results"]);
    assert!(ran.code == 1 && ran.stderr.contains("can't be read"), "{}", ran.stderr);
    // The next run has nothing to compare with, and is none the worse.
    let ran = check(&world, &["--json"]);
    assert_eq!((ran.code, &document(&ran)["results"]["since"]), (0, &json!(null)));
}

#[test]
fn tests_that_are_called_alike_are_told_apart_by_their_reports() {
    let world = World::new();
    let report = |name: &str, inner: &str| {
        format!(
            "<testsuite name='test'><testcase name='{name}'>{inner}</testcase>\
            <testcase name='of {name}'/></testsuite>"
        )
    };
    world.write(
        "check.sh",
        &format!(
            "mkdir -p r; echo \"{}\" >r/one.xml; echo \"{}\" >r/two.xml; echo \"{}\" >r/three.xml; exit 1\n",
            report("same", ""),
            report("same", "<failure message='is wrong'/>"),
            report("other", "")
        ),
    );
    let ran = world.crabbox(&["run", "--junit", "r/*.xml", "--", "sh", "check.sh"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let shown = world.crabbox(&["results", "--test", "test::"]).stdout;
    assert!(shown.contains("passed test::same\n  of r/one.xml\n"), "{shown}");
    assert!(shown.contains("FAILED test::same\n  of r/two.xml\n    is wrong\n"), "{shown}");
    assert!(shown.contains("passed test::other\n\n"), "{shown}");
    let failed = document(&world.crabbox(&["results", "--failed", "--json"]));
    assert_eq!(failed["tests"][0]["report"], "r/two.xml", "{failed}");
}
