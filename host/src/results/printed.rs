//! What a test printed, where its report says of it no more than that it failed, as CTest's do: the reason stands somewhere
//! near the end, among what its framework writes round it.

use super::case::{Case, Place, Problem};
use super::junit::{MAX_WORD, cut};
use super::place;
use super::telling::{self, join, outside_traces, said};
use std::borrow::Cow;

/// So much of its end is looked at, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// A line that holds one of these says that something is wrong, in small letters.
const ACCUSING: [&str; 8] =
    ["error", "fail", "assert", "panic", "fatal", "exception", "not ok", "what():"];

/// How lines begin that a framework, or CTest, writes round what the test says.
const AROUND: [&str; 12] = [
    "[===",
    "[---",
    "[ RUN",
    "[ OK",
    "[ PASSED",
    "[ FAILED",
    "[ SKIPPED",
    "[This part of the test output was removed",
    "***",
    "FAIL\t",
    "error: test failed",
    "exit status",
];

/// A line of these and of numbers alone counts tests, in small letters.
const COUNTING: [&str; 37] = [
    "all",
    "and",
    "assertion",
    "assertions",
    "below",
    "blacklisted",
    "case",
    "cases",
    "doctest",
    "error",
    "errors",
    "fail",
    "failed",
    "failure",
    "failures",
    "filtered",
    "finished",
    "ignored",
    "in",
    "listed",
    "measured",
    "of",
    "ok",
    "out",
    "passed",
    "ran",
    "result",
    "seconds",
    "skipped",
    "status",
    "suite",
    "suites",
    "test",
    "tests",
    "total",
    "totals",
    "warnings",
];

impl Case {
    /// What was wrong with it, in one line, or nothing: what its report says of that, else what it printed.
    #[must_use]
    pub fn telling(&self) -> Cow<'_, str> {
        let Some(problem) = self.shown() else { return Cow::Borrowed("") };
        self.telling_of(problem)
    }

    /// The same of one of its problems.
    #[must_use]
    pub fn telling_of<'a>(&self, problem: &'a Problem) -> Cow<'a, str> {
        // What it printed is of its last try.
        let is_last = self.shown() == Some(problem);
        let reason = (is_last && problem.is_bare())
            .then(|| reason(&self.output, problem.place.as_ref()))
            .flatten();
        reason.map_or_else(|| problem.telling(), Cow::Owned)
    }

    /// Makes the line that tells why the message of each problem: what that is found in is about to go.
    pub(super) fn tell_in_messages(&mut self) {
        let problems = self.problem.iter().chain(&self.earlier);
        let told = problems.map(|problem| cut(&self.telling_of(problem), MAX_WORD).to_owned());
        let told: Vec<String> = told.collect();
        for (problem, told) in self.problem.iter_mut().chain(&mut self.earlier).zip(told) {
            problem.message = told;
        }
    }

    /// Where it failed, if only what it printed says so.
    pub(super) fn find_place(&mut self) {
        if let Some(problem) = self.problem.as_mut().filter(|problem| problem.place.is_none())
            && problem.is_bare()
        {
            let first = telling_lines(&self.output).first().and_then(|line| place::find(line));
            problem.place = first.or_else(|| place_of_panic(&self.output));
        }
    }
}

/// Rust says it in the line above the reason.
fn place_of_panic(output: &str) -> Option<Place> {
    let lines = looked_at(output).lines().map(str::trim);
    lines.rev().find(|line| telling::is_head_of_panic(line)).and_then(place::find)
}

fn looked_at(output: &str) -> &str {
    &output[output.ceil_char_boundary(output.len().saturating_sub(LOOKED_AT))..]
}

fn reason(output: &str, known: Option<&Place>) -> Option<String> {
    join(telling_lines(output).into_iter().map(|line| said(line, known)))
}

/// From the one on that tells the most: the last that says that something is wrong, else the last with a place in a file,
/// else the last.
fn telling_lines(output: &str) -> Vec<&str> {
    let lines = outside_traces(looked_at(output).lines());
    let mut lines: Vec<&str> = lines.filter(|line| !is_around(line)).collect();
    let last = |is_it: fn(&str) -> bool| lines.iter().rposition(|line| is_it(line));
    let first = last(is_accusing).or_else(|| last(|line| place::find(line).is_some()));
    lines.split_off(first.unwrap_or(lines.len().saturating_sub(1)))
}

fn is_accusing(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ACCUSING.iter().any(|word| line.contains(word))
}

fn is_around(line: &str) -> bool {
    let one_space = line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let is_counted = |word: &str| COUNTING.iter().any(|one| word.eq_ignore_ascii_case(one));
    let counts = words.clone().all(|word| is_number(word) || is_counted(word))
        // A value may stand alone in its line.
        && (words.clone().next().is_none() || !words.clone().all(is_number));
    counts || telling::is_around(line) || AROUND.iter().any(|begin| one_space.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Status;

    fn failed(message: &str, output: &str) -> Case {
        let problem = Some(Problem { message: message.to_owned(), ..Problem::default() });
        let output = output.to_owned();
        let mut case = Case { status: Status::Failed, problem, output, ..Case::default() };
        case.find_place();
        case
    }

    #[test]
    fn the_reason_is_found_among_what_frameworks_write_round_it() {
        for (output, at, expected) in [
            (
                "Running 3 tests\none ok\nw_test.c:12: want 3, got 4\n1 of 3 tests failed\n",
                "w_test.c:12",
                "want 3, got 4",
            ),
            (
                "starting\na: /t/a.c:3: main: Assertion `1+1==3' failed.\n",
                "/t/a.c:3",
                "a: /t/a.c:3: main: Assertion `1+1==3' failed.",
            ),
            (
                "[==========] Running 1 test from 1 test suite.\n[ RUN      ] F.B\n\
                 f.cc:12: Failure\nExpected equality of these values:\n  1\n  2\n\
                 [  FAILED  ] F.B (0 ms)\n[  FAILED  ] F.B\n\n 1 FAILED TEST\n",
                "f.cc:12",
                "Expected equality of these values: 1, 2",
            ),
            (
                "----\nx\n----\nt.cpp:5\n....\n\nt.cpp:6: FAILED:\n  REQUIRE( 1 == 2 )\n\n\
                 =====\ntest cases: 1 | 1 failed\nassertions: 1 | 1 failed\n",
                "t.cpp:6",
                "FAILED: REQUIRE( 1 == 2 )",
            ),
            (
                "=====\nt.cpp:5:\nTEST CASE:  x\n\nt.cpp:6: ERROR: CHECK( 1 == 2 ) is NOT correct!\n\
                 =====\n[doctest] test cases: 1 | 0 passed | 1 failed\n[doctest] Status: FAILURE!\n",
                "t.cpp:6",
                "ERROR: CHECK( 1 == 2 ) is NOT correct!",
            ),
            (
                "t.cpp(6): error: in \"x\": check 1 == 2 has failed [1 != 2]\n\n\
                 *** 1 failure is detected in the test module \"x\"\n",
                "",
                "t.cpp(6): error: in \"x\": check 1 == 2 has failed [1 != 2]",
            ),
            (
                "FAIL!  : X::y() Compared values are not the same\n   Actual (a): 1\n   Expected: 2\n\
                 Totals: 1 passed, 1 failed, 0 skipped\n********* Finished testing of X *********\n",
                "",
                "FAIL! : X::y() Compared values are not the same",
            ),
            (
                "Traceback (most recent call last):\nAssertionError: 1 != 2\n\n-----\n\
                 Ran 1 test in 0.001s\n\nFAILED (failures=1)\n",
                "",
                "AssertionError: 1 != 2",
            ),
            (
                "running 1 test\nthread 'x' panicked at src/l.rs:7:9:\ncan't be\n\
                 note: run with `RUST_BACKTRACE=1`\n\nfailures:\n    x\n\n\
                 test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n",
                "src/l.rs:7",
                "can't be",
            ),
            (
                "=== RUN   TestX\n    a_test.go:12: got 1, want 2\n--- FAIL: TestX (0.00s)\nFAIL\n\
                 exit status 1\nFAIL\texample.com/x\t0.003s\n",
                "a_test.go:12",
                "got 1, want 2",
            ),
            ("terminate called\n  what():  boom\n", "", "what(): boom"),
            ("one\ntwo\n\n", "", "two"),
        ] {
            for message in ["", "Failed"] {
                let case = failed(message, output);
                assert_eq!(case.telling(), expected, "{output}");
                let place = case.shown().and_then(|problem| problem.place.as_ref());
                let place = place.map(|at| format!("{}:{}", at.file, at.line.unwrap_or_default()));
                assert_eq!(place.unwrap_or_default(), at, "{output}");
            }
        }
    }

    #[test]
    fn what_a_report_says_itself_counts_more_and_nothing_is_made_up() {
        let own = failed("own words", "a.c:3: error: other words");
        assert_eq!(
            (own.telling(), own.shown().and_then(|one| one.place.clone())),
            ("own words".into(), None)
        );
        for output in ["", "\n\n", "[ RUN      ] x\n", "1 test\n==\n", "Failed"] {
            assert_eq!(failed("Failed", output).telling(), "Failed", "{output}");
            assert_eq!(failed("", output).telling(), "", "{output}");
        }
        let mut case = failed("", "an error");
        case.earlier = vec![Problem { message: "Failed".to_owned(), ..Problem::default() }];
        assert_eq!(case.telling_of(&case.earlier[0]), "Failed");
    }

    #[test]
    fn only_the_end_of_much_is_looked_at() {
        let many = format!("early error\n{}", "ü\n".repeat(LOOKED_AT));
        assert_eq!(failed("", &many).telling(), "ü");
        let long = "ü".repeat(LOOKED_AT * 4);
        assert!(failed("", &long).telling().len() <= LOOKED_AT);
    }
}
