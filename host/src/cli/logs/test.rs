//! `crabbox logs RUN --test NAME`: what the reports say of a test, and where the log names it.

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

/// A shorter part of a name stands everywhere, in bytes.
const SHORTEST: usize = 3;

/// What stands between the parts of a test's name.
const BETWEEN: [&str; 4] = ["::", " > ", "/", "#"];

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
    let mut passages = Passages::of(&words(&cases, name));
    if log.is_there() {
        let read = pick.each(&log, |piece| {
            passages.add(piece);
            Ok::<_, io::Error>(())
        });
        read.map_err(|error| unreadable(run, error))?;
    }
    let found = passages.finish();
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

/// What the log may call them, and what was typed.
fn words(cases: &[&Case], name: &str) -> Vec<String> {
    let parts = cases.iter().flat_map(|case| [case.name.as_str(), last_part(&case.name)]);
    let parts = parts.chain([name]).filter(|part| part.len() >= SHORTEST).map(str::to_owned);
    let mut words: Vec<String> = cases.iter().map(|case| case.id()).chain(parts).collect();
    if words.is_empty() {
        words.push(name.to_owned());
    }
    words.sort();
    words.dedup();
    words
}

/// The last part of a name, as most tools print it.
fn last_part(name: &str) -> &str {
    let bare = without_parameters(name);
    let ends =
        BETWEEN.iter().filter_map(|between| bare.rfind(between).map(|at| at + between.len()));
    let mut from = ends.max().unwrap_or(0);
    // A name in words may have a number in it, or an end.
    if !bare[from..].contains(char::is_whitespace) {
        from = bare.rfind('.').map_or(from, |at| from.max(at + 1));
    }
    &name[from..]
}

/// As long as the name, with nothing in brackets that could stand between two parts of it: `opens[http://a/b]` is one.
fn without_parameters(name: &str) -> String {
    let mut depth = 0_usize;
    let mut bare = String::with_capacity(name.len());
    for letter in name.chars() {
        depth = depth.saturating_sub(usize::from(matches!(letter, ']' | ')')));
        match depth {
            0 => bare.push(letter),
            _ => bare.extend(std::iter::repeat_n('_', letter.len_utf8())),
        }
        depth += usize::from(matches!(letter, '[' | '('));
    }
    bare
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_calls_a_test_by_the_last_part_of_its_name() {
        for (name, last) in [
            ("tests::math::adds", "adds"),
            ("TestAdd/with_carry", "with_carry"),
            ("a.b.FooTest.works", "works"),
            ("math > adds 1.5 and 2", "adds 1.5 and 2"),
            ("test_x[1-2]", "test_x[1-2]"),
            ("a::b::test_x[1.5]", "test_x[1.5]"),
            ("test_get[http://example.com/a]", "test_get[http://example.com/a]"),
            ("a.FooTest.works(int, java.lang.String)[1]", "works(int, java.lang.String)[1]"),
            ("math (v1.2) > adds (ü.b)", "adds (ü.b)"),
            ("test_x[a[b]/c]::d]", "d]"),
            ("a::", ""),
        ] {
            assert_eq!(last_part(name), last, "{name}");
        }
    }

    #[test]
    fn it_may_call_it_by_its_whole_name_and_as_somebody_typed_it() {
        let case = |name: &str| Case {
            class: Some("t.test_a".to_owned()),
            name: name.to_owned(),
            ..Case::default()
        };
        let (long, short) = (case("a::test_x[1.5]"), case("it"));
        let expected =
            ["a::test_x[1.5]", "t.test_a::a::test_x[1.5]", "test_x", "test_x[1.5]"].as_slice();
        assert_eq!(words(&[&long], "test_x"), expected);
        // What is short stands everywhere.
        assert_eq!(words(&[&short], "it"), ["t.test_a::it"]);
        assert_eq!(words(&[], "it"), ["it"]);
    }
}
