//! The tests of a run: what failed, with all that it said; then what was flaky, and what took long.

use super::text::Text;
use crate::output::human;
use crate::results::{Case, Compared, Problem, Results, Source, Status, Totals};
use maud::{Markup, html};
use std::collections::HashSet;
use std::time::Duration;

/// So many that failed are shown with all that they said, and so many that were flaky.
const SHOWN: usize = 200;

/// So many that pass now are named.
const NAMED: usize = 1_000;

/// So many of those that took longest.
const SLOWEST: usize = 10;

pub(super) fn show(results: &Results, compared: Option<&Compared>) -> Markup {
    let Totals { passed, failed, skipped, flaky, ms } = results.totals();
    let new: HashSet<&str> = compared
        .map(|compared| compared.newly_failing.iter().map(String::as_str).collect())
        .unwrap_or_default();
    let of = |status: Status| results.cases.iter().filter(move |case| case.status == status);
    let causes = results.causes_with_new_first(compared);
    let troubled: Vec<&Source> =
        results.files.iter().filter(|file| file.trouble.is_some()).collect();
    html! {
        p.counts {
            span.count.failed[failed > 0] { (failed) " failed" }
            span.count.passed[passed > 0] { (passed) " passed" }
            span.count.flaky[flaky > 0] { (flaky) " flaky" }
            span.count.skipped[skipped > 0] { (skipped) " skipped" }
            span.count { (human::duration(Duration::from_millis(ms))) }
        }
        @for source in troubled.iter().take(NAMED) { (trouble(source)) }
        (and_more(troubled.len(), NAMED))
        @if let Some(counted) = results.only_counted() { p.why { (counted) } }
        @for case in causes.iter().take(SHOWN) { (failed_case(case, &new)) }
        (and_more(causes.len(), SHOWN))
        (failed_with(results, &causes))
        @if let Some(compared) = compared.filter(|compared| !compared.newly_passing.is_empty()) {
            details {
                summary { (compared.newly_passing.len()) " newly passing" }
                ul { @for id in compared.newly_passing.iter().take(NAMED) { li { code { (Text(id)) } } } }
                (and_more(compared.newly_passing.len(), NAMED))
            }
        }
        @for case in of(Status::Flaky).take(SHOWN) { (failed_case(case, &new)) }
        (and_more(of(Status::Flaky).count(), SHOWN))
        (slowest(results))
    }
}

/// Of so many, these many are shown at most.
pub(super) fn and_more(count: usize, shown: usize) -> Markup {
    html! { @if count > shown { p { "... and " (count - shown) " more" } } }
}

fn trouble(source: &Source) -> Markup {
    html! {
        @if let Some(trouble) = &source.trouble {
            p.why { "Of " code { (Text(&source.path)) } " " (human::count(source.tests, "test")) " could be read: " (Text(trouble)) }
        }
    }
}

/// Those that failed only because one in them did are named, and say no more than that.
fn failed_with(results: &Results, causes: &[&Case]) -> Markup {
    let causes: HashSet<*const Case> =
        causes.iter().map(|case| std::ptr::from_ref(*case)).collect();
    let with: Vec<&Case> =
        results.failed().filter(|case| !causes.contains(&std::ptr::from_ref(*case))).collect();
    html! {
        @if !with.is_empty() {
            details {
                summary { "... and " (with.len()) " that failed with these" }
                ul { @for case in with.iter().take(NAMED) { li { code { (Text(&case.id())) } } } }
                (and_more(with.len(), NAMED))
            }
        }
    }
}

fn failed_case(case: &Case, new: &HashSet<&str>) -> Markup {
    let id = case.id();
    let is_failure = case.status.is_failure();
    html! {
        details.case.failed[is_failure].flaky[!is_failure] open[is_failure] {
            summary {
                code { (Text(&id)) }
                @if !is_failure { " " span.tag { "flaky" } }
                @if case.status == Status::Error { " " span.tag { "error" } }
                @if new.contains(id.as_str()) { " " span.tag { "new" } }
                @if let Some(ms) = case.ms { " " small { (human::duration(Duration::from_millis(ms))) } }
            }
            @for problem in case.problem.iter().chain(&case.earlier) { (said(case, problem)) }
            @if !case.output.trim().is_empty() { h3 { "Output" } pre { (Text(&case.output)) } }
        }
    }
}

fn said(case: &Case, problem: &Problem) -> Markup {
    let message = case.telling_of(problem);
    html! {
        @if !message.is_empty() { p.message { (Text(&message)) } }
        @if let Some(place) = &problem.place {
            p.place { code { (Text(&place.file)) @if let Some(line) = place.line { ":" (line) } } }
        }
        @if !problem.text.is_empty() { pre { (Text(&problem.text)) } }
    }
}

fn slowest(results: &Results) -> Markup {
    let timed = results.slowest();
    let most = timed.first().map_or(1, |(ms, _)| *ms);
    html! {
        @if timed.len() > 1 {
            details {
                summary { "The slowest" }
                table.slowest {
                    tbody {
                        @for (ms, case) in timed.iter().take(SLOWEST) {
                            tr {
                                td.time { (human::duration(Duration::from_millis(*ms))) }
                                td { meter min="0" max=(most) value=(ms) {} }
                                td { code { (Text(&case.id())) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_tests_only_so_many_are_shown() {
        let case = |status, at: usize| Case { name: format!("t{at}"), status, ..Case::default() };
        let cases = (0..NAMED).flat_map(|at| [case(Status::Failed, at), case(Status::Flaky, at)]);
        let results = Results { cases: cases.collect(), ..Results::default() };
        let newly_passing = (0..=NAMED).map(|at| at.to_string()).collect();
        let compared = Compared { newly_passing, ..Compared::default() };
        let page = show(&results, Some(&compared)).into_string();
        assert_eq!(page.matches("<details").count(), 2 * SHOWN + 1);
        assert_eq!(page.matches("<li>").count(), NAMED);
        assert_eq!(page.matches(&format!("... and {} more", NAMED - SHOWN)).count(), 2);
        assert_eq!(page.matches("... and 1 more").count(), 1);
    }

    #[test]
    fn what_failed_is_said_as_the_summary_says_it() {
        let case = |name: &str, text: &str| {
            let problem =
                Problem { message: "Failed".to_owned(), text: text.to_owned(), place: None };
            let (name, status) = (name.to_owned(), Status::Failed);
            Case { name, status, problem: Some(problem), ..Case::default() }
        };
        let cases = vec![case("X", ""), case("X/a", "=== RUN   X/a\nwant 2, got 1\n")];
        let page = show(&Results { cases, ..Results::default() }, None).into_string();
        assert_eq!(page.matches("<p class=\"message\">").count(), 1, "{page}");
        assert!(page.contains("<p class=\"message\">want 2, got 1</p>"), "{page}");
        assert!(page.contains("... and 1 that failed with these"), "{page}");
        assert!(page.contains("<li><code>X</code></li>"), "{page}");
    }
}
