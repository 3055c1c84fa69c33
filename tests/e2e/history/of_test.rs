//! What there is of one test of a run: what its reports say, and where its output names it.

use super::{folders, json, state};
use crabbox_tests::World;
use std::fs;

/// Prints ten lines, a word of each of two tests, and ten more; there is a report.
const SCRIPT: &str = r#"seq 1 10; printf 'test m::adds ... '; echo FAILED; echo 'adds_up is well' >&2; seq 11 20
echo '<testsuite name="s"><testcase classname="m" name="adds" time="2">
    <failure message="want 3">at src/a.rs:7&#27;[2J</failure><system-out>it said so</system-out></testcase>
    <testcase classname="m" name="adds_up"/><testcase classname="m" name="other"/></testsuite>' >junit.xml
exit 1"#;

fn world() -> World {
    let world = World::new();
    world.write("run.sh", SCRIPT);
    assert_eq!(world.crabbox(&["run", "-q", "--", "sh", "run.sh"]).code, 1);
    world
}

#[test]
fn of_a_test_there_is_what_the_report_says_and_what_was_printed_round_its_name() {
    let world = world();
    let ran = world.crabbox(&["logs", "@last", "--test", "m::adds", "--stdout"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let expected = [
        "FAILED m::adds (src/a.rs:7) in 2.00s",
        "    want 3",
        r"    at src/a.rs:7\u{1b}[2J",
        "  it printed:",
        "    it said so",
        "",
        "passed m::adds_up",
        "",
        "   8  8",
        "   9  9",
        "  10  10",
        "> 11  test m::adds ... FAILED",
        "  12  11",
        "  13  12",
        "  14  13",
    ];
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), expected);
    let other = world.crabbox(&["logs", "@last", "--test", "other"]);
    assert_eq!((other.code, other.stdout.as_str()), (0, "passed m::other\n"));
    let both = json(&world.crabbox(&["logs", "@last", "--test", "adds", "--stderr", "--json"]));
    assert_eq!(both["tests"].as_array().map(Vec::len), Some(2), "{both}");
    assert_eq!(both["passages"][0]["lines"][0]["text"], "adds_up is well", "{both}");
    assert_eq!((&both["more_tests"], &both["more_passages"]), (&0.into(), &0.into()));
}

#[test]
fn what_no_report_knows_is_looked_for_as_it_was_typed() {
    let world = World::new();
    assert_eq!(world.shell("echo 'test connects ... ok'; echo connects_twice").code, 0);
    let ran = world.crabbox(&["logs", "@last", "--test", "connects"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "> 1  test connects ... ok\n  2  connects_twice\n")
    );
    let none = world.crabbox(&["logs", "@last", "--test", "connect"]);
    assert_eq!((none.code, none.stdout.as_str()), (4, ""));
    assert!(none.stderr.contains("names a test `connect`"), "{}", none.stderr);
    assert_eq!(world.crabbox(&["logs", "@last", "--test", "x", "--tail", "1"]).code, 2);
}

#[test]
fn of_many_there_are_so_many_and_it_is_said_where_the_rest_is() {
    let world = World::new();
    let line = r#"for n in $(seq 1 30); do echo "test t_$n fails"; seq 1 20; done
        { echo '<testsuite>'; for n in $(seq 1 30); do echo "<testcase name='t_$n'/>"; done; echo '</testsuite>'; } >junit.xml"#;
    assert_eq!(world.shell(line).code, 0);
    let ran = world.crabbox(&["logs", "@last", "--test", "t_"]);
    let count = |part: &str| ran.stdout.lines().filter(|line| line.starts_with(part)).count();
    assert_eq!((ran.code, count("passed t_"), count("> ")), (0, 20, 20), "{}", ran.stdout);
    assert!(ran.stderr.contains("10 tests more have `t_` in their names"), "{}", ran.stderr);
    let named = world.crabbox(&["logs", "@last", "--test", "fails"]);
    assert!(named.stderr.contains("10 passages more of the output"), "{}", named.stderr);
}

#[test]
fn a_test_is_found_by_its_name_whatever_its_colours() {
    let world = World::new();
    let line = r"printf '\033[31mtest_red\033[0m FAILED\n\033[1mtest_\033[32mgreen\033[0m\n'";
    assert_eq!(world.shell(line).code, 0);
    for (name, expected) in [
        ("test_red", r"> 1  \u{1b}[31mtest_red\u{1b}[0m FAILED"),
        ("test_green", r"> 2  \u{1b}[1mtest_\u{1b}[32mgreen\u{1b}[0m"),
    ] {
        let ran = world.crabbox(&["logs", "@last", "--test", name]);
        assert!(ran.stdout.lines().any(|line| line == expected), "{ran:?}");
    }
}

#[test]
fn a_test_with_parameters_is_found_by_all_its_names() {
    let world = World::new();
    let line = r#"echo 'FAILED t/test_a.py::test_x[1.5]'; echo 't/test_a.py::test_get[http://example.com/a] PASSED'
        echo '<testsuite><testcase classname="t.test_a" name="test_x[1.5]"/>
        <testcase classname="t.test_a" name="test_get[http://example.com/a]"/></testsuite>' >junit.xml"#;
    assert_eq!(world.shell(line).code, 0);
    for (name, expected) in [
        ("test_x", "> 1  FAILED t/test_a.py::test_x[1.5]"),
        ("test_x[1.5]", "> 1  FAILED t/test_a.py::test_x[1.5]"),
        ("test_get", "> 2  t/test_a.py::test_get[http://example.com/a] PASSED"),
    ] {
        let ran = world.crabbox(&["logs", "@last", "--test", name]);
        assert!(ran.stdout.contains("passed t.test_a::"), "{ran:?}");
        assert!(ran.stdout.lines().any(|line| line == expected), "{ran:?}");
    }
}

#[test]
fn an_empty_name_is_none() {
    let world = World::new();
    assert_eq!(world.shell("echo printed").code, 0);
    for (name, said) in [("", "`--test` needs a value"), (" ", "the name of a test")] {
        let ran = world.crabbox(&["logs", "@last", "--test", name]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

#[test]
fn a_test_is_found_among_words_that_are_the_last_part_of_its_name() {
    let found = |class: &str, name: &str, typed: &str, printed: &str| {
        let world = World::new();
        let line = format!(
            "for n in $(seq 1 40); do echo 'a new file'; seq 1 8; done; echo '{printed}'; seq 1 8
            for n in $(seq 1 40); do echo 'a new file'; seq 1 8; done
            echo '<testsuite><testcase classname=\"{class}\" name=\"{name}\"/></testsuite>' >junit.xml"
        );
        assert_eq!(world.shell(&line).code, 0);
        let ran = world.crabbox(&["logs", "@last", "--test", typed]);
        let marked = ran.stdout.lines().filter_map(|line| line.strip_prefix("> 361  "));
        let all = ran.stdout.lines().filter(|line| line.starts_with('>')).count();
        (marked.map(str::to_owned).collect::<Vec<_>>(), all)
    };
    for (class, name, typed, printed) in [
        ("shop", "cart::new", "shop::cart::new", "test cart::new ... FAILED"),
        ("cart", "new", "cart::new", "test cart::new ... FAILED"),
        ("a.CartTest", "new", "a.CartTest::new", "[ERROR] CartTest.new:12 want 3"),
        ("shop", "TestCart/new", "new", "    --- FAIL: TestCart/new (0.00s)"),
    ] {
        assert_eq!(found(class, name, typed, printed), (vec![printed.to_owned()], 1), "{class}");
    }
    // Where nothing else names it, the word has to do.
    let (_, words) = found("shop", "cart > new", "cart > new", "nothing");
    assert_eq!(words, 20);
}

#[test]
fn a_name_may_begin_with_a_dash_and_a_forgotten_one_is_said() {
    let world = World::new();
    let line = r#"echo 'not ok 1 - -dash test'
        echo '<testsuite><testcase name="-dash test"><failure/></testcase></testsuite>' >junit.xml"#;
    assert_eq!(world.shell(line).code, 0);
    let shown = "FAILED -dash test\n";
    let logs = world.crabbox(&["logs", "@last", "--test", "-dash test"]);
    let printed = format!("{shown}\n> 1  not ok 1 - -dash test\n");
    assert_eq!((logs.code, logs.stdout), (0, printed), "{}", logs.stderr);
    let results = world.crabbox(&["results", "@last", "--test", "-dash test"]);
    assert_eq!((results.code, results.stdout.as_str()), (0, shown), "{}", results.stderr);
    for command in ["logs", "results"] {
        for (rest, said) in [
            (&["--quiet"][..], "`--quiet` is no value of `--test`: the name of a test"),
            (&["--", "@last"], "`--test`"),
            (&[], "`--test` needs a value"),
        ] {
            let ran = world.crabbox(&[&[command, "--test"], rest].concat());
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{rest:?}");
            assert!(ran.stderr.contains(said), "{}", ran.stderr);
        }
    }
}

#[test]
fn damaged_results_cost_only_what_they_say() {
    let world = world();
    let results = state(&world).join("runs").join(&folders(&world)[0]).join("results.json.zst");
    fs::write(results, "rubbish").expect("writes");
    let ran = world.crabbox(&["logs", "@last", "--test", "m::adds"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let is_it = |line: &str| line.starts_with("> ") && line.ends_with("  test m::adds ... FAILED");
    assert!(ran.stdout.lines().any(is_it), "{ran:?}");
    assert!(ran.stderr.contains("warning: the results of run_"), "{}", ran.stderr);
    let none = world.crabbox(&["logs", "@last", "--test", "nowhere"]);
    assert_eq!((none.code, none.stdout.as_str()), (1, ""));
    assert!(none.stderr.contains("error: the results of run_"), "{}", none.stderr);
}
