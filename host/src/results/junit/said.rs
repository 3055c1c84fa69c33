//! What elements and attributes say of a test.

use super::super::case::{Case, Place, Problem, Status};
use super::super::{place, telling};
use super::bounds::{MAX_TRIES, MAX_WORD, Printed, cut};
use super::ends::{Ends, ends};
use crate::redact::Redactor;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart};
use std::borrow::Cow;

/// What it says of its test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Is(Status),
    /// A try before the one that counts.
    Was,
    /// The same, after which the test was well.
    WasNot,
}

/// What an element in a test says of it.
pub(super) fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "failure" => Kind::Is(Status::Failed),
        "error" => Kind::Is(Status::Error),
        "skipped" | "disabled" => Kind::Is(Status::Skipped),
        "rerunFailure" | "rerunError" => Kind::Was,
        "flakyFailure" | "flakyError" => Kind::WasNot,
        _ => return None,
    })
}

pub(super) fn add(case: &mut Case, kind: Kind, problem: Problem) {
    match kind {
        // Of several the first is the cause, and what says that it failed counts more than anything else.
        Kind::Is(status) if case.problem.is_none() || !case.status.is_failure() => {
            case.status = status;
            case.problem = Some(problem);
        }
        Kind::Is(_) => {}
        Kind::Was | Kind::WasNot => {
            if kind == Kind::WasNot && case.status == Status::Passed {
                case.status = Status::Flaky;
            }
            if case.earlier.len() < MAX_TRIES {
                case.earlier.push(problem);
            }
        }
    }
}

/// What a test printed is of use where something is wrong with it.
pub(super) fn settle(case: &mut Case, printed: Printed, redactor: &Redactor) {
    if case.status.is_failure() || case.status == Status::Flaky {
        case.output = printed.into_text(redactor);
    }
    case.find_place();
    if let Some(problem) = case.problem.as_mut().filter(|_| case.status == Status::Skipped) {
        say_reason(problem);
    }
}

/// Of a test that was skipped nothing counts but the reason, where a runner's lines stand round it.
fn say_reason(problem: &mut Problem) {
    if !telling::is_around(&problem.message) {
        return;
    }
    problem.message = problem.telling().into_owned();
    let own = problem.text.lines().filter(|line| !line.trim().is_empty());
    if own.filter(|line| !telling::is_around(line)).count() <= 1 {
        problem.text = String::new();
    }
}

/// An element's own words.
#[derive(Debug)]
pub(super) struct Words {
    message: Option<String>,
    /// What kind of a failure it is.
    class: Option<String>,
    pub(super) text: Ends,
}

impl Words {
    /// With the text that there is until it ends.
    pub(super) fn of(start: &BytesStart<'_>, redactor: &Redactor) -> Self {
        let message = raw(start, "message").map(|message| ends(&message, redactor));
        let class = attribute(start, "type", redactor);
        Self { message, class, text: Ends::default() }
    }
}

pub(super) fn declared_place(start: &BytesStart<'_>, redactor: &Redactor) -> Option<Place> {
    let line = || raw(start, "line").and_then(|line| line.trim().parse().ok());
    attribute(start, "file", redactor).map(|file| Place { file, line: line() })
}

/// What it comes to. Where the text says a line, that is nearer than where the test begins. `case`: the test.
pub(super) fn complete(
    words: Words,
    declared: Option<&Place>,
    case: &Case,
    redactor: &Redactor,
) -> Problem {
    let Words { message, class, text } = words;
    let message = message.unwrap_or_default();
    let text = text.into_text(redactor);
    let text = text.trim_matches(['\n', '\r']).trim_end().to_owned();
    let said = place::find_in_class(&text, case.class.as_deref().unwrap_or_default())
        .or_else(|| place::find_cause(&[&message, &text], |_| true));
    let class = class.as_deref().unwrap_or_default();
    // What kind of a failure it is says less than what the test does.
    let first = telling::first(&text, &case.name);
    let message_line = first_line(&message);
    // It may be the message, where an exception has none of its own.
    let is_class = message_line.is_some_and(|line| line == class);
    let first = first.filter(|line| message_line.is_none() || is_class && line.starts_with(class));
    let first = first.or(message_line);
    let first = first.or_else(|| first_line(class)).or_else(|| first_line(&text));
    let first = cut(first.unwrap_or(""), MAX_WORD).to_owned();
    let is_said = message.trim() == first || holds(&text, &message);
    let text = if is_said { text } else { with(&message, &text) };
    Problem { message: first, text, place: said.or_else(|| declared.cloned()) }
}

/// Does it hold all lines of the message, in their order? Tools indent them, or put something before.
fn holds(text: &str, message: &str) -> bool {
    let mut rest = text;
    message.lines().map(str::trim).filter(|line| !line.is_empty()).all(|line| {
        let found = rest.find(line);
        rest = found.map_or("", |at| &rest[at + line.len()..]);
        found.is_some()
    })
}

/// All of the message, and the text below it.
fn with(message: &str, text: &str) -> String {
    let message = message.trim_matches(['\n', '\r']).trim_end();
    let mut all = Ends::default();
    all.push(message);
    if !text.is_empty() {
        all.push("\n");
        all.push(text);
    }
    all.into_text(&Redactor::default())
}

fn first_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty())
}

/// How long it took, in milliseconds.
pub(super) fn time(start: &BytesStart<'_>) -> Option<u64> {
    millis(&raw(start, "time")?)
}

/// As `1.5`, and with separators: `1,234.5`.
fn millis(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.trim().replace(',', "").parse().ok()?;
    let time = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(time.as_millis()).ok()
}

/// A word.
pub(super) fn attribute(start: &BytesStart<'_>, name: &str, redactor: &Redactor) -> Option<String> {
    raw(start, name).map(|text| redactor.start_of(&text, MAX_WORD).into_owned())
}

fn raw<'a>(start: &'a BytesStart<'_>, name: &str) -> Option<Cow<'a, str>> {
    let mut all = start.attributes();
    let found = all.with_checks(false).flatten().find(|one| one.key.as_ref() == name)?;
    let whole = unescape(&found.value).map(Cow::into_owned);
    Some(whole.unwrap_or_else(|_| unescaped_in_parts(&found.value)).into())
}

/// What can't be unescaped stands for itself, and nothing else does.
fn unescaped_in_parts(text: &str) -> String {
    let parts = text.split_inclusive(';').flat_map(|part| {
        let (before, reference) = part.split_at(part.rfind('&').unwrap_or(part.len()));
        [Cow::Borrowed(before), unescape(reference).unwrap_or(Cow::Borrowed(reference))]
    });
    parts.collect()
}

pub(super) fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(char)) = reference.resolve_char_ref() {
        return char.to_string();
    }
    resolve_predefined_entity(reference)
        .map_or_else(|| format!("&{};", &**reference), str::to_owned)
}
