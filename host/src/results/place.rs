//! Where a test failed, read from what it says: tools write `file:line` somewhere, and few put it into a field.

use super::case::Place;
use super::go;

/// Parts of a path that isn't of the tree: what the test stands on.
const FOREIGN: [&str; 8] = [
    "/rustc/",
    "site-packages/",
    "node_modules/",
    "/usr/lib/",
    "/usr/local/",
    ".cargo/registry/",
    "/jdk",
    "<frozen",
];

/// So much of a text is looked at, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// The first line of a file that is the tree's own, of what tells why.
pub(super) fn find_cause(text: &str, is_ours: impl Fn(&str) -> bool) -> Option<Place> {
    let ending = go::ending(text);
    // What Go's library logs itself, as of a race, is said elsewhere in detail.
    let place = ending
        .and_then(|text| find_where(text, &is_ours))
        .filter(|place| place.file != "testing.go");
    place.or_else(|| find_where(text, &is_ours))
}

/// The first line of a file that is the tree's own.
pub(super) fn find(text: &str) -> Option<Place> {
    find_where(text, |_| true)
}

/// What a stack trace of Java's says of this class, which the test is of: what is above that is the framework's.
pub(super) fn find_in_class(text: &str, class: &str) -> Option<Place> {
    let text = &text[..text.floor_char_boundary(LOOKED_AT)];
    let is_of_class = |frame: &str| {
        // A module, or a loader, may stand before it.
        let frame = frame.split('(').next().and_then(|name| name.rsplit('/').next());
        let rest = frame.and_then(|frame| frame.strip_prefix(class));
        !class.is_empty() && rest.is_some_and(|rest| rest.starts_with(['.', '$']))
    };
    let frames = text.lines().filter_map(|line| line.trim_start().strip_prefix("at "));
    frames.filter(|frame| is_of_class(frame)).find_map(find)
}

fn find_where(text: &str, is_ours: impl Fn(&str) -> bool) -> Option<Place> {
    let text = &text[..text.floor_char_boundary(LOOKED_AT)];
    let words = text.split(|c: char| c.is_whitespace() || "()[]<>\"'`,;".contains(c));
    let is_foreign = |file: &str| FOREIGN.iter().any(|part| file.contains(part));
    words.filter_map(of_word).find(|place| !is_foreign(&place.file) && is_ours(&place.file))
}

/// `src/a.rs:12`, `src/a.rs:12:5:`, `a_test.go:12:`.
pub(super) fn of_word(word: &str) -> Option<Place> {
    let (file, rest) = word.split_once(':').filter(|(file, _)| is_file(file))?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    let line = digits.parse().ok().filter(|line| *line > 0)?;
    Some(Place { file: file.to_owned(), line: Some(line) })
}

/// Is it nothing but a place: `src/a.rs:12`, `src/a.rs:12:5:`?
pub(super) fn is_alone(text: &str) -> bool {
    let before_number = |text: &'_ str| {
        let (rest, number) = text.rsplit_once(':')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(rest.len())
    };
    let text = text.strip_suffix(':').unwrap_or(text);
    let line = before_number(text);
    let file = line.map(|end| &text[..before_number(&text[..end]).unwrap_or(end)]);
    !text.contains(char::is_whitespace) && file.is_some_and(is_file)
}

/// A name with an extension: no host with a port, no time.
fn is_file(word: &str) -> bool {
    let Some((stem, extension)) = word.rsplit('/').next().and_then(|name| name.rsplit_once('.'))
    else {
        return false;
    };
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let starts = extension.starts_with(|c: char| c.is_ascii_alphabetic());
    !stem.is_empty() && (1..=5).contains(&extension.len()) && is_word(extension) && starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_say_it_in_their_own_ways() {
        let at = |text: &str| {
            find(text).map(|place| format!("{}:{}", place.file, place.line.unwrap_or_default()))
        };
        let found = [
            ("thread 'x' panicked at tests/basic.rs:19:5:\nassertion", "tests/basic.rs:19"),
            (
                "    def test():\n>  assert 0\nE assert 0\n\ntests/test_a.py:12: AssertionError",
                "tests/test_a.py:12",
            ),
            ("\tat a.FooTest.works(FooTest.java:42)", "FooTest.java:42"),
            ("    foo_test.go:12: got 1, want 2", "foo_test.go:12"),
            ("at Object.<anonymous> (src/a.test.js:5:10)", "src/a.test.js:5"),
            ("at /rustc/abc/library/core/src/panicking.rs:80:14\nat ./src/a.rs:3", "./src/a.rs:3"),
        ];
        for (text, place) in found {
            assert_eq!(at(text).as_deref(), Some(place), "{text}");
        }
        for text in [
            "",
            "12:30:00 it broke",
            "http://localhost:8080/",
            "example.com:443x 1.2.3.4:80",
            "a.rs:0",
        ] {
            assert_eq!(at(text).filter(|at| !at.starts_with("example")), None, "{text}");
        }
    }

    #[test]
    fn a_place_stands_alone_where_nothing_else_is_said() {
        for text in
            ["a.rs:7", "src/a.rs:12:5", "src/a.rs:12:5:", "/src/a_test.cc:12", r"c:\a\b.cpp:6:"]
        {
            assert!(is_alone(text), "{text}");
        }
        for text in
            ["", "a.rs", "a.rs:", "a.rs:7: x", "see a.rs:7", "localhost:80", "a.rs:x:7", "7:8"]
        {
            assert!(!is_alone(text), "{text}");
        }
    }
}
