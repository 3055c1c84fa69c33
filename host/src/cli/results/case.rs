//! All that is known of one test.

use super::lines::place;
use crate::output::human;
use crate::results::{Case, Problem, Status};
use std::fmt::Write as _;
use std::time::Duration;

/// A word for it.
fn word(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "FAILED",
        Status::Error => "ERROR",
        Status::Skipped => "skipped",
        Status::Flaky => "flaky",
    }
}

/// In lines, each without what a terminal obeys. `report`: the path of its report, if that tells it from others.
pub(in crate::cli) fn describe(case: &Case, report: Option<&str>) -> String {
    let took = case.ms.map(|ms| format!(" in {}", human::duration(Duration::from_millis(ms))));
    let mut text = format!(
        "{} {}{}{}\n",
        word(case.status),
        shown(&case.id()),
        shown(&place(case)),
        took.unwrap_or_default()
    );
    if let Some(report) = report {
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "  of {}", shown(report));
    }
    for problem in case.earlier.iter().chain(&case.problem) {
        told(&mut text, problem);
    }
    if !case.output.trim().is_empty() {
        text.push_str("  it printed:\n");
        indented(&mut text, &case.output);
    }
    text
}

fn told(text: &mut String, problem: &Problem) {
    let Problem { message, text: all, .. } = problem;
    // Most tools say the message once more in the text.
    if !message.is_empty() && !all.contains(message.as_str()) {
        indented(text, message);
    }
    indented(text, all);
}

fn indented(text: &mut String, lines: &str) {
    for line in lines.lines() {
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "    {}", shown(line));
    }
}

fn shown(line: &str) -> String {
    line.split('\t').map(crate::output::visible).collect::<Vec<_>>().join("\t")
}
