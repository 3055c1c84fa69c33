//! `crabbox logs RUN --test NAME`: what the reports say of a test, and where the log names it.

use super::names::Names;
use super::passages::{Found, Passages};
use super::pick::Pick;
use super::unreadable;
use crate::cli::{Shared, results};
use crate::history::{Log, RunId, folder};
use crate::output::{CommandError, Exit, human, to_type, visible};
use crate::results::{Case, kept};
use serde_json::json;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// So many tests are shown of those whose names hold what was asked for.
const MOST: usize = 20;

/// Shows it. `name`: as `crabbox results --test` takes it.
pub(super) fn show(
    shared: &Shared,
    state: &Path,
    run: &RunId,
    name: &str,
    pick: &Pick,
) -> Result<(), CommandError> {
    let files = folder(state, run);
    let (all, damage) = match kept::read(&files) {
        Ok(results) => (results.map(|results| results.cases).unwrap_or_default(), None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let mut cases: Vec<&Case> = all.iter().filter(|case| case.id().contains(name)).collect();
    let more_tests = cases.len().saturating_sub(MOST);
    // Those that aren't well are what is asked for.
    cases.sort_by_key(|case| !case.status.is_failure());
    cases.truncate(MOST);
    let log = Log::of(&files);
    let found = if log.is_there() {
        passages(pick, &log, &Names::of(&cases, name)).map_err(|error| unreadable(run, error))?
    } else {
        Found::default()
    };
    if let Some(error) = damage {
        let message = format!("the results of {run} can't be read");
        if found.passages.is_empty() {
            return Err(CommandError::failed(message).because(error));
        }
        shared.printer.warning(&format!("{message}: {error}"));
    }
    if cases.is_empty() && found.passages.is_empty() {
        let message = format!("nothing that is kept of {run} names a test `{name}`");
        let hint = to_type(&["results", run.as_str()]);
        return Err(CommandError::new(Exit::NotFound, message).hint(hint));
    }
    if shared.printer.json {
        let Found { passages, more, cut } = found;
        return shared.printer.document(&json!({
            "schema_version": 1,
            "run": run,
            "tests": cases,
            "more_tests": more_tests,
            "passages": passages,
            "more_passages": more,
            "cut": cut,
        }));
    }
    let told: Vec<_> = cases.iter().map(|case| results::describe(case, None)).collect();
    let gap = if told.is_empty() || found.passages.is_empty() { "" } else { "\n" };
    shared.printer.data(&format!("{}{gap}{}", told.join("\n"), describe(&found)))?;
    tell_of_more(shared, run, name, more_tests, &found);
    Ok(())
}

/// What isn't shown of it, and where it is.
fn tell_of_more(shared: &Shared, run: &RunId, name: &str, more_tests: usize, found: &Found) {
    if more_tests > 0 {
        let line = format!(
            "{} more have `{name}` in their names",
            human::count(more_tests as u64, "test")
        );
        shared.printer.advice(&line, &to_type(&["results", run.as_str(), "--test", name]));
    }
    if found.more > 0 {
        let line = format!("{} more of the output", human::count(found.more, "passage"));
        shared.printer.advice(&line, &to_type(&["logs", run.as_str()]));
    }
    if found.cut > 0 {
        shared.printer.phase(&format!("{} of the output aren't kept", human::bytes(found.cut)));
    }
}

/// Where the log names them. What a name has in common with other words is looked for only where nothing else is found, or
/// where it doesn't hide what names the test and nothing else.
fn passages(pick: &Pick, log: &Log, names: &Names) -> io::Result<Found> {
    let of = |words: &[String]| {
        let mut passages = Passages::of(words);
        pick.each(log, |piece| {
            passages.add(piece);
            Ok::<_, io::Error>(())
        })?;
        Ok::<_, io::Error>(passages.finish())
    };
    let found = of(&names.whole)?;
    if found.passages.is_empty() && !names.parts.is_empty() {
        return of(&names.parts);
    }
    if found.more == 0 {
        return Ok(found);
    }
    let sure = of(&names.sure)?;
    Ok(if sure.passages.is_empty() { found } else { sure })
}

/// With the numbers of the lines; those that name a test are marked.
fn describe(found: &Found) -> String {
    let last = found.passages.iter().flat_map(|passage| &passage.lines).map(|line| line.number);
    let width = last.max().unwrap_or(0).to_string().len();
    let mut text = String::new();
    for (at, passage) in found.passages.iter().enumerate() {
        if at > 0 {
            text.push_str("  ...\n");
        }
        for line in &passage.lines {
            let mark = if line.names { '>' } else { ' ' };
            let shown: Vec<_> = line.text.split('\t').map(visible).collect();
            // Writing to a string doesn't fail.
            let _ = writeln!(text, "{mark} {:>width$}  {}", line.number, shown.join("\t"));
        }
    }
    text
}
