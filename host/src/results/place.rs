//! Where a test failed, read from what it says: tools write `file:line` somewhere, and few put it into a field.

use super::case::Place;
use super::go;
use crate::redact::REDACTED;

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

/// Files of Go's own as it calls them where it was built with `-trimpath`: a panic comes by them.
const OF_GO: [&str; 3] = ["testing/testing.go", "runtime/panic.go", "runtime/signal_unix.go"];

/// What names of hosts end in, before a port.
const HOSTS: [&str; 7] = ["com", "net", "org", "io", "dev", "cloud", "lan"];

/// Stands for a secret that was taken out: with brackets, that would be no part of a path.
const COVERED: &str = "\u{fffc}";

/// So much of a text is looked at, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// The first line of a file that is the tree's own, of what tells why in the first of these texts that says one.
pub(super) fn find_cause(texts: &[&str], is_ours: impl Fn(&str) -> bool) -> Option<Place> {
    // What Go's library logs itself, as of a race, is said elsewhere in detail.
    let is_cause = |file: &str| file != "testing.go" && is_ours(file);
    let found = texts.iter().flat_map(|text| {
        let ending = go::ending(text).and_then(|ending| find_where(ending, is_cause));
        ending.into_iter().chain(find_where(text, &is_ours))
    });
    surest(found)
}

/// The first line of a file that is the tree's own.
pub(super) fn find(text: &str) -> Option<Place> {
    find_where(text, |_| true).map(|found| found.place)
}

/// A place, and whether it is one for all that stands round it: a host with a port looks the same.
struct Found {
    place: Place,
    is_sure: bool,
}

/// The first that is sure, else the first.
fn surest(found: impl Iterator<Item = Found>) -> Option<Place> {
    let mut unsure = None;
    for Found { place, is_sure } in found {
        if is_sure {
            return Some(place);
        }
        unsure = unsure.or(Some(place));
    }
    unsure
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

fn find_where(text: &str, is_ours: impl Fn(&str) -> bool) -> Option<Found> {
    let text = &text[..text.floor_char_boundary(LOOKED_AT)];
    let is_foreign =
        |file: &str| FOREIGN.iter().any(|part| file.contains(part)) || OF_GO.contains(&file);
    let covered = text.contains(REDACTED).then(|| text.replace(REDACTED, COVERED));
    let all = covered.as_deref().unwrap_or(text).lines().flat_map(in_line);
    let all = all.map(|mut found| {
        if covered.is_some() {
            found.place.file = found.place.file.replace(COVERED, REDACTED);
        }
        found
    });
    let mut all =
        all.filter(|Found { place, .. }| !is_foreign(&place.file) && is_ours(&place.file));
    let first = all.next()?;
    if first.is_sure { Some(first) } else { all.find(|found| found.is_sure).or(Some(first)) }
}

/// Those of a line. One that a colon or nothing follows, at its beginning, with a folder or a column, or between brackets as Java writes it, is sure.
fn in_line(line: &str) -> impl Iterator<Item = Found> {
    let is_between = |c: char| c.is_whitespace() || "()[]<>\"'`,;".contains(c);
    let (mut before, mut is_first) = (None, true);
    line.split_inclusive(is_between).filter_map(move |piece| {
        let word = piece.trim_end_matches(is_between);
        let begins = is_first && (word.ends_with(':') || word == line.trim());
        let opened = before == Some('(');
        before = piece.chars().next_back();
        is_first &= word.is_empty();
        let place = of_word(word)?;
        let is_sure = begins
            || place.file.contains('/')
            || has_column(word)
            || opened && place.file.matches('.').count() == 1;
        Some(Found { place, is_sure })
    })
}

/// `a.rs:12:5`.
fn has_column(word: &str) -> bool {
    let numbers = word.split(':').skip(1).take(2);
    let are_numbers = numbers.map(|number| number.starts_with(|c: char| c.is_ascii_digit()));
    are_numbers.filter(|is_one| *is_one).count() == 2
}

/// `src/a.rs:12`, `src/a.rs:12:5:`, `a_test.go:12:`.
pub(super) fn of_word(word: &str) -> Option<Place> {
    let (file, rest) = word.split_once(':').filter(|(file, _)| is_file(file))?;
    let (digits, behind) =
        rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let is_number = !behind.starts_with(char::is_alphanumeric);
    let line = digits.parse().ok().filter(|line| *line > 0 && is_number)?;
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
    let is_host = !word.contains('/') && HOSTS.contains(&extension);
    let is_extension = (1..=5).contains(&extension.len()) && is_word(extension) && starts;
    !stem.is_empty() && is_extension && !is_host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_below_a_folder_with_a_secret_in_its_name_is_one() {
        let place = find("at /box/[redacted]-app/src/a.py:3 in [f]").expect("one");
        assert_eq!(place.file, "/box/[redacted]-app/src/a.py");
    }

    #[test]
    fn a_host_at_the_beginning_of_a_line_is_no_surer_than_any() {
        let text = "db.prod:5432 - no response\n  at Context.<anonymous> (test/foo.spec.js:12:20)";
        assert_eq!(find(text).expect("one").file, "test/foo.spec.js");
    }

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
            ("cannot reach db.prod:5432\n    at src/a.js:3:1", "src/a.js:3"),
            ("cannot reach db.prod:5432\n    at a.js:3:1", "a.js:3"),
            ("no db.prod:5432 (x.y.prod:80)\n\tat a.B.c(B.java:7)", "B.java:7"),
            ("see b.go:3 for more", "b.go:3"),
            (
                "panic()\n\truntime/panic.go:860 +0x1\n\texample.com/x/x_test.go:3",
                "example.com/x/x_test.go:3",
            ),
            ("at /rustc/abc/library/core/src/panicking.rs:80:14\nat ./src/a.rs:3", "./src/a.rs:3"),
        ];
        for (text, place) in found {
            assert_eq!(at(text).as_deref(), Some(place), "{text}");
        }
        for text in [
            "",
            "12:30:00 it broke",
            "http://localhost:8080/",
            "a.rs:443x 1.2.3.4:80",
            "cannot reach db.example.com:5432",
            "a.rs:0",
        ] {
            assert_eq!(at(text), None, "{text}");
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
