//! Reports as boxes have them: in the usual places, several, bad and hostile ones.

use super::document;
use crabbox_tests::World;
use serde_json::{Value, json};

/// The results of a run of this line.
fn results(world: &World, options: &[&str], line: &str) -> Value {
    let ran = world.crabbox(&[&["run", "--json"], options, &["--shell", line]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    document(&ran)["results"].clone()
}

const ONE: &str = "<testsuite name='s'><testcase name='a'/></testsuite>";

#[test]
fn the_usual_places_are_looked_into() {
    for place in [
        "target/surefire-reports/TEST-a.B.xml",
        "app/target/failsafe-reports/TEST-a.B.xml",
        "app/build/test-results/test/TEST-a.xml",
        "target/nextest/ci/junit.xml",
        "pytest.xml",
        "services/api/report.xml",
        "build/Testing/junit.xml",
    ] {
        let world = World::new();
        let line = format!("mkdir -p $(dirname {place}); echo \"{ONE}\" >{place}");
        let found = results(&world, &[], &line);
        assert_eq!(found["reports"], json!([{ "path": place, "tests": 1 }]), "{place}");
    }
}

#[test]
fn what_is_no_report_and_nobody_asked_for_is_not_told_of() {
    let world = World::new();
    assert_eq!(results(&world, &[], "echo '<coverage/>' >report.xml"), json!(null));
    let asked = results(&world, &["--junit", "r*.xml"], "echo '<coverage/>' >report.xml");
    assert_eq!(asked["reports"][0]["trouble"], json!("it is no JUnit report"));
}

#[test]
fn places_count_from_the_tree_also_where_a_link_leads_to_it() {
    let world = World::new();
    let disk = world.root().join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    std::os::unix::fs::symlink(&disk, world.root().join("data")).expect("a link");
    let line = "echo \"<testsuite><testcase name='a'><failure>at $(pwd -P)/src/a.rs:3 in b.rs:7\
        </failure></testcase></testsuite>\" >junit.xml; case $(pwd -P) in */disk/*) ;; *) false;; esac";
    let found = results(&world, &[], line);
    let place = &found["failed"][0]["place"];
    assert_eq!(place, &json!({ "file": "src/a.rs", "line": 3 }), "{found}");
}

#[test]
fn a_report_that_was_there_before_is_not_read() {
    let world = World::new();
    world.write("junit.xml", ONE);
    assert_eq!(results(&world, &[], "true"), json!(null));
}

#[test]
fn a_bad_report_is_named_and_hides_nothing() {
    let world = World::new();
    let line = format!(
        "mkdir r; echo \"{ONE}\" >r/1.xml; \
        printf \"<testsuite><testcase name='b'/><testcase name='c\" >r/2.xml; \
        head -c 100000 /dev/zero | tr '\\0' '\\377' >r/3.xml; \
        printf \"<testsuite><testcase name='\\377'/></testsuite>\" >r/4.xml; \
        cp r/1.xml r/5.xml"
    );
    let found = results(&world, &["--junit", "r"], &line);
    let reports = found["reports"].as_array().expect("a list");
    let told: Vec<_> = reports.iter().map(|one| (&one["path"], one.get("trouble"))).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[1].1, Some(&json!("it ends in the middle")));
    assert_eq!(told[2].1, Some(&json!("it is no JUnit report")));
    assert_eq!(found["totals"]["passed"], json!(3), "the copy counts once");
}

#[test]
fn hostile_reports_cost_little_and_reach_no_terminal() {
    let world = World::new();
    let line = "mkdir r; yes '<testsuite>' | head -n 1000000 >r/deep.xml; \
        printf '<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\
        <testsuite><testcase name=\"\\033[2J&b;\"><failure message=\"\\033]0;x\\007\"/></testcase></testsuite>' >r/laughs.xml";
    let ran = world.crabbox(&["run", "--junit", "r/*.xml", "--shell", line]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("nested deeper"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}') && ran.stderr.contains("FAILED"), "{}", ran.stderr);
    for more in [&["--failed"][..], &[], &["--json"]] {
        let ran = world.crabbox(&[&["results", "@last"], more].concat());
        assert!(ran.code == 0 && !ran.stdout.contains('\u{1b}'), "{more:?}: {}", ran.stdout);
    }
}
