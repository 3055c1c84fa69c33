//! What of a failure stands in one line. The message does, unless it says no more than that the test failed: then the first
//! line of the text does that tells why. Documents of all that is kept have the message as the tool said it, or where it said
//! none, that line.

use super::case::{Place, Problem};
use super::{go, place};
use std::borrow::Cow;

/// Messages that say only that, in small letters.
const GENERIC: [&str; 17] = [
    "",
    "fail",
    "failed",
    "failure",
    "error",
    "errored",
    "test failed",
    "test failure",
    "test error",
    "tests failed",
    // What Rust's own writer calls it.
    "assert",
    "assertion failed",
    "assertion failure",
    "unknown",
    "unknown error",
    // Where pytest can't import a file.
    "collection failure",
    // Where GoogleTest knows no place.
    "unknown file",
];

/// How lines begin that a runner writes round what the test says.
const AROUND: [&str; 9] = [
    "=== RUN",
    "=== PAUSE",
    "=== CONT",
    "=== NAME",
    "--- FAIL",
    "--- PASS",
    "--- SKIP",
    "Error Trace:",
    "test failure with exit code",
];

/// Lines that a stack trace begins with: what is indented below them is of it.
const TRACES: [&str; 2] = ["Traceback (most recent call last):", "stack backtrace:"];

/// What PHPUnit puts behind the name of a test that is given data.
const DATA: &str = " with data set";

/// So much of a text is looked at, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// What stands above the two values that GoogleTest has compared.
const VALUES: &str = "Expected equality of these values:";

/// How lines begin that say what there was instead of what was expected, in small letters.
const COMPARED: [&str; 4] = ["got:", "actual:", "actual :", "received:"];

/// A longer line that ends with a colon says something itself, in bytes.
const HEADING: usize = 40;

impl Problem {
    /// What was wrong, in one line.
    #[must_use]
    pub fn telling(&self) -> Cow<'_, str> {
        let told = if is_bare(&self.message) {
            self.reason()
        } else if is_heading(&self.message) || begins(&self.message, &["expected:"]) {
            join(self.lines().skip_while(|line| *line != self.message))
        } else {
            None
        };
        told.map_or(Cow::Borrowed(&self.message), Cow::Owned)
    }

    /// Does it say no more than that the test failed?
    #[must_use]
    pub fn is_bare(&self) -> bool {
        is_bare(&self.message) && self.reason().is_none()
    }

    /// From the text; a heading goes with what stands below it.
    fn reason(&self) -> Option<String> {
        let ending = go::ending(&self.text).and_then(|text| join(self.lines_of(text)));
        let raised = || join(raised(&self.text).map(str::to_owned).into_iter());
        ending.or_else(raised).or_else(|| join(self.lines()))
    }

    /// What those of the text say that may tell something.
    fn lines(&self) -> impl Iterator<Item = String> {
        self.lines_of(&self.text)
    }

    fn lines_of<'a>(&'a self, text: &'a str) -> impl Iterator<Item = String> + 'a {
        looked_at(text).map(|line| said(line, self.place.as_ref()))
    }
}

/// The line of a text that tells why a test of this name failed, where nothing else does.
pub(super) fn first<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let text = go::ending(text).unwrap_or(text);
    looked_at(text).map(str::trim).find(|line| !is_bare(line) && !is_title(line, name))
}

/// `Tests\FooTest::testX`, as PHPUnit begins each text: the name once more.
fn is_title(line: &str, name: &str) -> bool {
    let parts = line.split_once("::").filter(|(class, _)| !class.contains(char::is_whitespace));
    let called =
        parts.filter(|_| !name.is_empty()).and_then(|(_, called)| called.strip_prefix(name));
    called
        .is_some_and(|rest| rest.is_empty() || [name, rest].iter().any(|part| part.contains(DATA)))
}

/// What pytest marks with `E` as the exception that came out in the end, without the lines of code that a syntax error shows
/// deeper than that.
fn raised(text: &str) -> Option<&str> {
    let text = &text[..text.floor_char_boundary(LOOKED_AT)];
    let mut found: Option<(usize, &str)> = None;
    let mut was_marked = false;
    for line in text.lines() {
        let marked = line.strip_prefix("E   ");
        if let Some(rest) = marked.filter(|rest| !rest.trim().is_empty()) {
            let words = rest.trim_start();
            let indent = rest.len() - words.len();
            if !was_marked || found.is_none_or(|(least, _)| indent < least) {
                found = Some((indent, words.trim_end()));
            }
        }
        was_marked = marked.is_some() || line.trim_end() == "E";
    }
    found.map(|(_, line)| line)
}

fn looked_at(text: &str) -> impl Iterator<Item = &str> {
    let text = &text[..text.floor_char_boundary(LOOKED_AT)];
    outside_traces(text.lines()).filter(|line| !is_frame(line))
}

/// Those lines that are no part of a stack trace which says where it begins.
pub(super) fn outside_traces<'a>(
    lines: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = &'a str> {
    let mut trace = None;
    lines.filter(move |line| {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        if TRACES.contains(&words.trim_end()) {
            trace = Some(indent);
        } else if trace.is_some_and(|above| indent <= above) {
            trace = None;
        }
        trace.is_none()
    })
}

/// `at a.FooTest.works(FooTest.java:42)`: a line of a stack trace.
fn is_frame(line: &str) -> bool {
    let frame = line.trim_start().strip_prefix("at ");
    frame.is_some_and(|frame| frame.contains('(') || place::find(frame).is_some())
}

/// The first of these lines that tells something, and where that is a heading, what stands below it.
pub(super) fn join(lines: impl Iterator<Item = String>) -> Option<String> {
    let mut lines = lines.filter(|line| !is_bare(line));
    let mut reason = lines.next()?;
    while is_heading(&reason) {
        let Some(next) = lines.next() else { break };
        reason = format!("{reason} {next}");
    }
    Some(with_compared(reason, lines))
}

/// What something was compared with stands in a line of its own.
fn with_compared(mut reason: String, lines: impl Iterator<Item = String>) -> String {
    // GoogleTest names none of them, and says of each what it is.
    let mut values = if reason.starts_with(VALUES) { 2 } else { 0 };
    let mut is_any = values > 0;
    let mut is_named = reason.to_ascii_lowercase().contains("expected:");
    for line in lines {
        if values > 0 && line.starts_with("Which is:") {
            values -= 1;
            reason.extend([" (", &line, ")"]);
        } else if is_any || is_named && begins(&line, &COMPARED) {
            (is_any, is_named) = (false, false);
            reason.extend([", ", &line]);
        } else {
            break;
        }
    }
    reason
}

fn begins(line: &str, with: &[&str]) -> bool {
    let head =
        |begin: &&str| line.get(..begin.len()).is_some_and(|head| head.eq_ignore_ascii_case(begin));
    with.iter().any(head)
}

fn is_heading(line: &str) -> bool {
    line.ends_with(':') && line.len() <= HEADING
}

/// Does this line say no more than that something failed?
fn is_bare(line: &str) -> bool {
    let words = line.trim().trim_end_matches(['.', '!']);
    let is_generic = GENERIC.iter().any(|generic| words.eq_ignore_ascii_case(generic));
    is_generic || place::is_alone(words) || is_head_of_panic(words) || is_around(words)
}

/// Does a runner write it round what the test says?
pub(super) fn is_around(line: &str) -> bool {
    AROUND.iter().any(|begin| line.trim_start().starts_with(begin))
}

/// Rust says in one line who panicked and where, in the next one why. Some tools put that behind the place, as Rust did between
/// quotes until 1.72.
pub(super) fn is_head_of_panic(words: &str) -> bool {
    let rest = words.strip_prefix("thread '").and_then(|words| words.split_once(" panicked at "));
    rest.is_some_and(|(_, place)| place::is_alone(place))
}

/// What a line says, without the place before it: that is said beside the name, or nothing stands behind it.
pub(super) fn said(line: &str, known: Option<&Place>) -> String {
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if place::is_alone(&line) {
        return String::new();
    }
    let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
    let place = word.strip_suffix(':').and_then(place::of_word);
    if place.is_some_and(|place| known.is_some_and(|one| is_same(one, &place))) {
        return rest.to_owned();
    }
    line
}

/// What is known may count from the tree's root.
fn is_same(known: &Place, said: &Place) -> bool {
    let above = said.file.strip_suffix(known.file.as_str());
    known.line == said.line && above.is_some_and(|above| above.is_empty() || above.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(message: &str, text: &str) -> Problem {
        let place = place::find(text);
        Problem { message: message.to_owned(), text: text.to_owned(), place }
    }

    const GO: &str = "=== RUN   TestX/#17/Value\n=== PAUSE TestX/#17/Value\n=== CONT  TestX/#17/Value\n    \
        map_test.go:35: \n        error:\n          values are not deep equal\n        diff (-got +want):\n\
        --- FAIL: TestX/#17/Value (0.00s)\n";

    #[test]
    fn a_message_that_says_nothing_gives_way_to_the_text() {
        for (text, expected) in [
            (GO, "error: values are not deep equal"),
            ("=== RUN   TestA\n    a_test.go:12: got 1, want 2\n--- FAIL: TestA", "got 1, want 2"),
            ("Failed\n\nb.go:3: a\n\tc.go:4: b", "a"),
            (
                "    a_test.go:9: \n\tError Trace:\t/a/a_test.go:9\n\tError:      \tNot equal: \n\
                 \t            \texpected: 1\n\t            \tactual  : 2",
                "Error: Not equal: expected: 1, actual : 2",
            ),
            ("panic: out of range [recovered]", "panic: out of range [recovered]"),
            ("diff:", "diff:"),
        ] {
            for message in ["Failed", "", "failure", "Error", "Test failed.", "=== RUN   TestA"] {
                assert_eq!(problem(message, text).telling(), expected, "{message}: {text}");
            }
            assert_eq!(problem("own words", text).telling(), "own words");
        }
    }

    #[test]
    fn a_place_that_is_said_beside_the_name_is_not_said_again() {
        let said = |known: &str| {
            let place = place::of_word(known);
            let text = "/box/tree/f.cc:12: want 3\n".to_owned();
            let problem = Problem { message: String::new(), text, place };
            problem.telling().into_owned()
        };
        for known in ["f.cc:12", "tree/f.cc:12", "/box/tree/f.cc:12"] {
            assert_eq!(said(known), "want 3", "{known}");
        }
        for known in ["f.cc:1", "e/f.cc:12", "g.cc:12"] {
            assert_eq!(said(known), "/box/tree/f.cc:12: want 3", "{known}");
        }
    }

    #[test]
    fn of_a_panic_its_reason_is_said() {
        for head in [
            "thread 'tests::x' panicked at src/lib.rs:7:9:",
            "thread 'tests::x' (4711) panicked at src/lib.rs:7:9",
        ] {
            let text = format!("{head}\nassertion `left == right` failed\n  left: 1\n right: 2");
            assert_eq!(problem(head, &text).telling(), "assertion `left == right` failed");
            assert_eq!(problem(head, head).telling(), head);
        }
        let old = "thread 'x' panicked at 'no such thing', src/lib.rs:7:9";
        assert_eq!(problem(old, "more").telling(), old);
    }

    #[test]
    fn the_name_once_more_is_no_reason() {
        for (title, name) in [
            ("A::run", "run"),
            ("A::run with data set #0", "run"),
            (r"B\A::run with data set #0 (1, 2)", "run with data set #0"),
        ] {
            assert_eq!(first(&format!("{title}\nwhy"), name), Some("why"), "{title}");
        }
        for name in ["run", "", "runtime"] {
            assert_eq!(first("std::runtime_error: boom", name), Some("std::runtime_error: boom"));
        }
    }

    #[test]
    fn a_text_that_says_nothing_leaves_the_message() {
        let around = "=== RUN   TestX\n=== CONT  TestX\n\n--- FAIL: TestX (0.00s)\n";
        for text in ["", around] {
            let bare = problem("Failed", text);
            assert!(bare.is_bare());
            assert_eq!(bare.telling(), "Failed");
            assert!(!problem("own words", text).is_bare());
        }
        assert!(!problem("Failed", GO).is_bare());
    }
}
