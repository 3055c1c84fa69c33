//! What is said of tests, part by part. Which failed comes first.

use super::failed::Failed;
use crate::output::human;
use crate::results::{Case, Compared, Results, Source, Status, Totals};
use std::time::Duration;

/// So many of a kind are named.
const NAMED: usize = 5;

/// What takes less isn't slow, in milliseconds.
const SLOW: u64 = 100;

/// All of them. The first is what all of it came to.
pub(super) fn lines(results: &Results, compared: Option<&Compared>) -> Vec<String> {
    let mut lines = vec![counts(results)];
    lines.extend(Failed::of(results, compared, usize::MAX).lines());
    lines.extend(changes(results, compared));
    lines.extend(slowest(results));
    lines
}

/// `2 of 124 tests failed · 118 passed, 3 skipped, 1 flaky · 3.1s in 4 reports`.
pub(in crate::cli) fn counts(results: &Results) -> String {
    let totals = results.totals();
    let Totals { passed, failed, skipped, flaky, ms } = totals;
    let all = totals.all();
    let reports = human::count(results.files.len() as u64, "report");
    if all == 0 {
        return format!("no tests in {reports}");
    }
    let tests = human::count(all, "test");
    let verdict = match failed {
        0 if passed + flaky == 0 => format!("{tests}, none of which ran"),
        0 if results.files.iter().any(|file| file.trouble.is_some()) => {
            format!("{tests}, none failed in what was read")
        }
        0 => format!("{tests}, none failed"),
        failed => format!("{failed} of {tests} failed"),
    };
    let rest = [(passed, "passed"), (skipped, "skipped"), (flaky, "flaky")];
    let rest = rest.iter().filter(|(count, _)| *count > 0);
    let rest: Vec<_> = rest.map(|(count, what)| format!("{count} {what}")).collect();
    let rest = if rest.is_empty() { String::new() } else { format!(" · {}", rest.join(", ")) };
    format!("{verdict}{rest} · {} in {reports}", human::duration(Duration::from_millis(ms)))
}

pub(super) fn place(case: &Case) -> String {
    let Some(place) = case.shown().and_then(|problem| problem.place.as_ref()) else {
        return String::new();
    };
    match place.line {
        Some(line) => format!(" ({}:{line})", place.file),
        None => format!(" ({})", place.file),
    }
}

/// What isn't as it was, or as it should be, a line for each kind.
pub(in crate::cli) fn changes(results: &Results, compared: Option<&Compared>) -> Vec<String> {
    let mut lines: Vec<String> =
        results.files.iter().filter_map(|one| trouble(one, results)).take(NAMED).collect();
    lines.extend(results.only_counted());
    if let Some(Compared { newly_failing, newly_passing }) = compared {
        lines.extend(named("newly failing", newly_failing));
        lines.extend(named("newly passing", newly_passing));
    }
    let flaky = results.cases.iter().filter(|case| case.status == Status::Flaky);
    lines.extend(named("flaky", &flaky.map(Case::id).collect::<Vec<_>>()));
    lines
}

fn trouble(source: &Source, results: &Results) -> Option<String> {
    let trouble = source.trouble.as_ref()?;
    if source.path.is_empty() {
        let is_rest = results.files.iter().any(|file| !file.path.is_empty());
        let rest = if is_rest { "the rest of the" } else { "the" };
        return Some(format!("{rest} reports aren't here: {trouble}"));
    }
    Some(format!("of `{}` {} read: {trouble}", source.path, human::count(source.tests, "test")))
}

fn named(what: &str, ids: &[String]) -> Option<String> {
    let first = ids.first()?;
    let mut line = format!("{what}: {first}");
    for id in ids.iter().take(NAMED).skip(1) {
        line = format!("{line}, {id}");
    }
    match ids.len().saturating_sub(NAMED) {
        0 => Some(line),
        more => Some(format!("{line} and {more} more")),
    }
}

/// The tests that took longest, where that is worth a look.
pub(in crate::cli) fn slowest(results: &Results) -> Option<String> {
    let timed = results.slowest();
    let line: Vec<_> = timed
        .iter()
        .take_while(|(ms, _)| *ms >= SLOW)
        .take(NAMED)
        .map(|(ms, case)| format!("{} {}", human::duration(Duration::from_millis(*ms)), case.id()))
        .collect();
    // Of a handful each is named anyway.
    let is_worth_it = results.cases.len() > NAMED && !line.is_empty();
    is_worth_it.then(|| format!("slowest: {}", line.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Place, Problem};

    fn case(name: &str, status: Status, ms: u64) -> Case {
        let problem = status.is_failure().then(|| Problem {
            message: format!("{name} is wrong"),
            text: String::new(),
            place: Some(Place { file: "a.rs".to_owned(), line: Some(7) }),
        });
        Case { name: name.to_owned(), status, ms: Some(ms), problem, ..Case::default() }
    }

    fn results(cases: Vec<Case>) -> Results {
        let file = |path: &str, trouble| Source {
            path: path.to_owned(),
            tests: 1,
            trouble,
            ..Source::default()
        };
        let files = vec![file("a.xml", None), file("b.xml", Some("it ends early".to_owned()))];
        Results { files, cases, ..Results::default() }
    }

    #[test]
    fn what_failed_comes_first_and_all_that_is_new_is_said() {
        let results = results(vec![
            case("a", Status::Passed, 10),
            case("b", Status::Failed, 1500),
            case("c", Status::Flaky, 5),
            case("d", Status::Skipped, 0),
            case("e", Status::Error, 20),
            case("f", Status::Passed, 300),
        ]);
        let compared = Compared {
            newly_failing: vec!["b".to_owned()],
            newly_passing: (0..7).map(|at| format!("p{at}")).collect(),
        };
        let lines = lines(&results, Some(&compared));
        let expected = [
            "2 of 6 tests failed · 2 passed, 1 skipped, 1 flaky · 1.83s in 2 reports",
            "  FAILED b (a.rs:7)",
            "    b is wrong",
            "  ERROR e (a.rs:7)",
            "    e is wrong",
            "of `b.xml` 1 test read: it ends early",
            "newly failing: b",
            "newly passing: p0, p1, p2, p3, p4 and 2 more",
            "flaky: c",
            "slowest: 1.50s b, 0.30s f",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_run_without_failures_takes_few_lines() {
        let lines = lines(&results(vec![case("a", Status::Passed, 0)]), None);
        assert_eq!(
            lines[0],
            "1 test, none failed in what was read · 1 passed · 0.00s in 2 reports"
        );
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn tests_that_are_only_counted_are_told_of() {
        let mut results = results(vec![case("a", Status::Failed, 0)]);
        results.files.pop();
        results.counted = Totals { passed: 5, ..Totals::default() };
        let told = |results: &Results| lines(results, None);
        assert_eq!(told(&results)[0], "1 of 6 tests failed · 5 passed · 0.00s in 1 report");
        let expected = "the reports say too much to keep all: 5 tests, only counted";
        assert_eq!(told(&results).last().map(String::as_str), Some(expected));
        results.counted.failed = 2;
        let expected =
            "the reports say too much to keep all: 7 tests, of which 2 failed, only counted";
        assert_eq!(told(&results).last().map(String::as_str), Some(expected));
    }
}
