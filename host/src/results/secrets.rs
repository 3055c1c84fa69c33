//! Reports that hold secrets, in each place where something is kept of them, and where it is cut.

use super::junit::{MAX_TEXT, MAX_WORD};
use super::{Gather, Results};
use crate::redact::{self, REDACTED};

/// What a report of such tests comes to.
fn gathered(secret: &str, tests: &str) -> Results {
    redact::register(secret);
    let mut gather = Gather::of("", false);
    let xml = format!("<testsuite name='s'>{tests}</testsuite>");
    gather.add_bytes("a.xml".to_owned(), xml.as_bytes(), true);
    gather.results()
}

/// All of it.
fn text(results: &Results) -> String {
    serde_json::to_string(results).expect("JSON")
}

#[test]
fn a_secret_is_taken_out_of_every_corner() {
    const CANARY: &str = "c4nary<of>a&report";
    redact::register(CANARY);
    let said = "a c4nary&#60;of&gt;a&amp;report b";
    let failure = format!("<failure message='{said}' type='{said}'>{said} {said}:3</failure>");
    let xml = format!(
        "<testsuite name='{said}'><testcase name='{said}' classname='{said}' file='{said}'>{failure}
        <rerunFailure message='{said}'><![CDATA[a c4nary<of>]]>a&amp;report b</rerunFailure>
        <system-out>{said}</system-out></testcase></testsuite>"
    );
    let mut gather = Gather::of(&format!("/{CANARY}/"), true);
    gather.add_bytes(format!("{CANARY}.xml"), xml.as_bytes(), true);
    gather.miss(CANARY.to_owned(), format!("no {CANARY}"), true);
    let text = text(&gather.results());
    assert!(!text.contains("c4nary<of"), "{text}");
    assert_eq!(text.matches(&format!("a {REDACTED} b")).count(), 12, "{text}");
    assert_eq!(text.matches(REDACTED).count(), 15, "{text}");
}

#[test]
fn of_a_secret_where_a_text_is_cut_nothing_is_kept() {
    const CANARY: &str = "qzjvwwvjzqzzjjqqvvwwqjzvjqwzj";
    for inside in [1, 4, 15, 28] {
        let at = |length: usize| format!("{}{CANARY}", ".".repeat(length - inside));
        let (word, start) = (at(MAX_WORD), at(MAX_TEXT));
        let end = format!("{CANARY}{}", ".".repeat(MAX_TEXT - inside));
        let tests = format!(
            "<testcase name='{word}'><failure message='{start}'>{start}</failure>
            <system-out>{end}</system-out></testcase>
            <testcase name='b'><failure>{word}\nmore</failure></testcase>"
        );
        let text = text(&gathered(CANARY, &tests));
        assert!(!text.contains(['q', 'z', 'j', 'v', 'w']), "{inside}");
    }
}

#[test]
fn a_secret_in_pieces_of_what_was_printed_is_kept_nowhere() {
    const CANARY: &str = "qzjxvkwqzj-in-pieces";
    let [dots, more] = [".".repeat(MAX_TEXT), ".".repeat(MAX_TEXT - 8)];
    let tests = format!(
        "<testcase name='a'><failure/><system-out>{dots}</system-out><system-out>{dots}{dots}{CANARY}{more}</system-out>
        <system-err/></testcase>"
    );
    let text = text(&gathered(CANARY, &tests));
    assert!(!text.contains("pieces") && text.contains("...."));
}

#[test]
fn of_a_secret_with_short_lines_the_first_is_in_no_message() {
    const CANARY: &str = "qzjx-line-1\nvkwq-line-2";
    for tests in [
        "<testcase name='a'><failure message='got: qzjx-line-1&#10;vkwq-line-2'/></testcase>",
        "<testcase name='a'><failure>got: qzjx-line-1\nvkwq-line-2</failure></testcase>",
    ] {
        let results = gathered(CANARY, tests);
        assert_eq!(results.cases[0].telling(), "got: [redacted]");
        assert!(!text(&results).contains("line"));
    }
}

#[test]
fn a_secret_between_whose_halves_a_colour_changes_is_kept_in_no_pieces() {
    const CANARY: &str = "qzjxvkw-of-two-colours";
    let tests = "<testcase name='a'><failure message='&#27;[31mqzjxvkw-of&#27;[0m-two-colours'>\u{1b}[31mqzjxvkw-\u{1b}[0mof-two-colours</failure></testcase>";
    let text = text(&gathered(CANARY, tests));
    assert!(!text.contains("qzjxvkw") && !text.contains("colours"), "{text}");
}

#[test]
fn beside_what_is_no_reference_a_secret_is_found() {
    const CANARY: &str = "qzjxvkw<of>references";
    let said = "a &amp; &no; b&c; & qzjxvkw&#60;of&gt;references &";
    let tests = format!("<testcase name='{said}'><failure message=\"{said}\"/></testcase>");
    let results = gathered(CANARY, &tests);
    let expected = "a & &no; b&c; & [redacted] &";
    assert_eq!(
        (results.cases[0].name.as_str(), &*results.cases[0].telling()),
        (expected, expected)
    );
}
