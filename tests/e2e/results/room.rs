//! What is said of tests where names are long, or there is little room.

use super::{check, document, writes, wrong};
use crabbox_tests::{Typist, World, settle};
use insta::assert_snapshot;

/// Ours among what is shown on a terminal of so many columns and rows, without what names the run.
fn shown(world: &World, columns: u16, rows: u16) -> String {
    let mut command = world.command(&["run", "--", "sh", "check.sh"]);
    let typist = Typist::on(command.env("TERM", "dumb"), columns, rows);
    let shown = settle(&typist.leaves().shown.replace("\r\n", "\n"));
    let lines = shown.lines().filter(|line| line.starts_with("crabbox:"));
    // How many rows the phases take is a matter of how long they took.
    let others = [" leased ", "crabbox: exit", "crabbox: phases"];
    let lines = lines.filter(|line| !others.iter().any(|other| line.contains(other)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_long_name_takes_one_row_and_stays_with_its_message() {
    let world = World::new();
    let long = |name: &str| {
        let test = wrong(name);
        test.replacen(&format!("name='{name}'"), &format!("name='{}{name}'", "long_".repeat(60)), 1)
    };
    writes(&world, &(wrong("a") + &long("b") + &wrong("c") + &long("d")), 1);
    check(&world, &[]);
    assert_snapshot!(shown(&world, 60, 12), @r"
    crabbox: 4 of 4 tests failed · [TIME] in 1 report
    crabbox:   FAILED m::a (src/a.rs:7)
    crabbox:     a is wrong
    crabbox:   FAILED long_long_long_long_long_lo… (src/b.rs:7)
    crabbox:     b is wrong
    crabbox:   ... and 2 more
    crabbox:   hint: crabbox results [RUN] --failed
    crabbox:   hint: crabbox run -- sh check.sh
    ");
}

#[test]
fn of_tests_in_tests_the_innermost_is_named_with_what_it_says() {
    let world = World::new();
    let go = |name: &str, said: &str| {
        let round = format!("=== RUN   {name}\n=== CONT  {name}\n{said}--- FAIL: {name} (0.00s)");
        format!(
            "<testcase classname='example.org/a' name='{name}' time='2'>\
            <failure message='Failed' type=''>{round}\n</failure></testcase>"
        )
    };
    let own = "    a_test.go:35: \n        error:\n          values are not deep equal\n";
    let tests = go("TestX", "") + &go("TestX/#17", "") + &go("TestX/#17/Value", own);
    let report = format!(
        "<testsuites time='2.5'><testsuite name='example.org/a' time='2.25'>{tests}</testsuite></testsuites>"
    );
    world.write("check.sh", &format!("cat >junit.xml <<'END'\n{report}\nEND\nexit 1\n"));
    let failed = &document(&check(&world, &["--json"]))["results"]["failed"];
    assert_eq!(failed.as_array().expect("a list").len(), 1, "{failed}");
    assert_eq!(failed[0]["message"], "error: values are not deep equal");
    let ran = world.crabbox(&["results"]);
    assert_snapshot!(ran.snapshot(&world), @r"
    exit 0
    --- stdout
    3 of 3 tests failed · [TIME] in 1 report
      FAILED example.org/a::TestX/#17/Value (a_test.go:35)
        error: values are not deep equal
      ... and 2 that failed with these
    --- stderr
    ");
    // Whoever asks for all of it has each, as the tool said it.
    let failed = world.crabbox(&["results", "--failed"]).stdout;
    assert_eq!(failed.matches("FAILED example.org/a::TestX").count(), 3, "{failed}");
    let results = document(&world.crabbox(&["results", "--json"]));
    assert_eq!(results["totals"]["ms"], 2500);
    assert_eq!(results["tests"][2]["problem"]["message"], "Failed");
}

/// As CTest writes it of a test of GoogleTest.
#[test]
fn what_a_test_printed_is_said_where_its_report_says_nothing() {
    let world = World::new();
    let printed = "[ RUN      ] Shop.Sells\n$PWD/shop_test.cc:12: Failure\nExpected equality of these values:\n\
        \x20 1\n\x20 2\n[  FAILED  ] Shop.Sells (0 ms)\n\n 1 FAILED TEST\n";
    let report = format!(
        "<testsuite name='(empty)' tests='1'><testcase name='Shop.Sells' classname='Shop.Sells' status='fail'>\
        <failure message=''/><system-out>{printed}</system-out></testcase></testsuite>"
    );
    world.write("check.sh", &format!("cat >junit.xml <<END\n{report}\nEND\nexit 1\n"));
    let told = "  FAILED Shop.Sells (shop_test.cc:12)\ncrabbox:     Expected equality of these values: 1, 2\n";
    let ran = check(&world, &[]);
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    let page = world.crabbox(&["report", "-o", "-"]).stdout;
    let told = "<p class=\"message\">Expected equality of these values: 1, 2</p>";
    assert!(page.contains(told), "{page}");
}

#[test]
fn a_line_that_is_not_to_be_shown_is_no_line_to_type() {
    let world = World::new();
    writes(&world, &wrong("a"), 1);
    let again = |options: &[&str]| {
        let ran = check(&world, options);
        ran.stderr.lines().filter(|line| line.contains("hint: crabbox run")).count()
    };
    assert_eq!(again(&["--env", "PLAIN=hunter2hunter2"]), 1);
    assert_eq!(again(&["--env", "API_TOKEN=hunter2hunter2"]), 0);
    let ran = world.crabbox(&["run", "--", "sh", "check.sh", "--password=x"]);
    assert!(!ran.stderr.contains("hint: crabbox run"), "{}", ran.stderr);
}
