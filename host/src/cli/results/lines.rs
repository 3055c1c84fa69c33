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
    lines.extend(troubles(results, |_| true));
    lines.extend(new(results, compared));
    lines.extend(slowest(results));
    lines
}

/// `2 of 124 tests failed · 118 passed, 3 skipped, 1 flaky · 3.1s in 4 reports`.
pub(in crate::cli) fn counts(results: &Results) -> String {
    let totals = results.totals();
    let Totals { passed, failed, skipped, flaky, ms } = totals;
    let all = totals.all();
    let reports = reports(results);
    if all == 0 {
        let is_none = results.files.iter().all(|file| file.path.is_empty());
        return if is_none {
            "no report is here".to_owned()
        } else {
            format!("no tests in {reports}")
        };
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

/// `4 reports`, or how many were read of all that there are.
fn reports(results: &Results) -> String {
    let (left_out, read): (Vec<_>, Vec<_>) = results.files.iter().partition(|file| file.left_out);
    // What has no path is no report, but why there are none.
    let left_out = left_out.iter().filter(|file| !file.path.is_empty()).count() as u64;
    let read = read.len() as u64;
    let of_all = match results.more_left_out.saturating_add(left_out) {
        0 => String::new(),
        more => format!(" of {}", read.saturating_add(more)),
    };
    format!("{}{of_all}", human::count(read, "report"))
}

/// What isn't as it was, or as it should be, a line for each kind. Of reports that were left out the run warns.
pub(in crate::cli) fn changes(results: &Results, compared: Option<&Compared>) -> Vec<String> {
    let mut lines = troubles(results, |source| !source.left_out);
    lines.extend(new(results, compared));
    lines
}

/// What wasn't read of those that are told of, of a few of them.
fn troubles(results: &Results, is_told: impl Fn(&Source) -> bool) -> Vec<String> {
    let told = || results.files.iter().filter(|one| is_told(one));
    let mut lines: Vec<String> = told().filter_map(|one| trouble(one, results)).collect();
    let beyond = if told().any(|one| one.left_out) { results.more_left_out } else { 0 };
    let more = beyond.saturating_add(lines.len().saturating_sub(NAMED) as u64);
    lines.truncate(NAMED);
    if more > 0 {
        lines.push(format!("... and {more} more that weren't read to the end"));
    }
    lines.extend(results.only_counted());
    lines
}

fn new(results: &Results, compared: Option<&Compared>) -> Vec<String> {
    let mut lines = Vec::new();
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
    fn reports_that_are_not_here_are_counted_and_a_few_of_them_named_later() {
        let mut results = results(vec![case("a", Status::Passed, 0)]);
        results.files.pop();
        let left_out = |path: &str| Source {
            path: path.to_owned(),
            trouble: Some("it is larger than 64 MiB".to_owned()),
            left_out: true,
            ..Source::default()
        };
        results.files.extend(["c", "d", "e", "f", "g", "h"].map(left_out));
        results.more_left_out = 100;
        let expected = "1 test, none failed in what was read · 1 passed · 0.00s in 1 report of 107";
        assert_eq!(counts(&results), expected);
        assert_eq!(changes(&results, None), [""; 0]);
        let lines = lines(&results, None);
        assert_eq!(lines[5], "of `g` 0 tests read: it is larger than 64 MiB");
        assert_eq!(lines[6], "... and 101 more that weren't read to the end");
        // The box says how many.
        results.more_left_out = u64::MAX;
        let [all, counted] = [counts(&results), super::lines(&results, None).join("\n")];
        assert!(all.ends_with(&format!("1 report of {}", u64::MAX)), "{all}");
        assert!(counted.contains(&format!("... and {} more", u64::MAX)), "{counted}");
        results.cases.clear();
        results.files = vec![left_out("c")];
        results.more_left_out = 0;
        assert_eq!(counts(&results), "no tests in 0 reports of 1");
        results.files = vec![left_out("")];
        assert_eq!(counts(&results), "no report is here");
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
