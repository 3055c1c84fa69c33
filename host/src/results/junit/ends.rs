//! A text of which the beginning and the end are kept, where it is long: some tools say what was wrong in the one, and some
//! write all that a test logged before it.

use super::bounds::{MAX_TEXT, Printed, cut};
use crate::output::human;
use crate::redact::Redactor;

/// So much is kept of each end, in bytes: what says how much isn't there goes beside it.
const HALF: usize = MAX_TEXT / 2 - 32;

/// What was said of it by now.
#[derive(Debug, Default)]
pub(super) struct Ends {
    head: String,
    /// Of what is behind that, the end.
    tail: Printed,
    /// How long it is altogether, in bytes.
    length: usize,
}

impl Ends {
    pub(super) fn push(&mut self, text: &str) {
        let is_head = self.length == self.head.len();
        self.length += text.len();
        let room = if is_head { MAX_TEXT - self.head.len() } else { 0 };
        let head = cut(text, room);
        self.head.push_str(head);
        self.tail.push(&text[head.len()..]);
    }

    /// All of it, or both ends with a line between them that says how much is missing; without secrets, of which none is cut.
    pub(super) fn into_text(self, redactor: &Redactor) -> String {
        let Self { head, tail, length } = self;
        if length == head.len() {
            return redactor.clean(&head).into_owned();
        }
        let start = redactor.start_of(&head, HALF);
        // The end may begin before what is behind the head, if nothing between them went.
        let tail = tail.as_str();
        let behind = if head.len() + tail.len() == length {
            [&head, tail].concat()
        } else {
            tail.to_owned()
        };
        let end = redactor.end_of(&behind, HALF);
        let missing = human::bytes((length - 2 * HALF) as u64);
        [&start, "\n[", &missing, " left out]\n", &end].concat()
    }
}

/// What is kept of this one.
pub(super) fn ends(text: &str, redactor: &Redactor) -> String {
    let mut ends = Ends::default();
    ends.push(text);
    ends.into_text(redactor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_long_text_are_kept() {
        let none = Redactor::default();
        for text in ["", "a", &"ü".repeat(MAX_TEXT / 2)] {
            assert_eq!(ends(text, &none), text);
        }
        let middle = "ü".repeat(MAX_TEXT);
        let long = format!("begin {middle} end");
        let mut pieces = Ends::default();
        long.split_inclusive('ü').for_each(|piece| pieces.push(piece));
        for text in [ends(&long, &none), pieces.into_text(&none)] {
            assert!((MAX_TEXT - 64..=MAX_TEXT).contains(&text.len()), "{}", text.len());
            assert!(text.starts_with("begin ü") && text.ends_with("ü end"));
            assert!(text.contains("ü\n[64.1 KiB left out]\nü"), "{}", text.replace('ü', ""));
        }
    }

    #[test]
    fn no_part_of_a_secret_is_left_where_the_middle_went() {
        let secret = "qzvjx-0123456789";
        let redactor = Redactor::of(vec![secret.to_owned()]);
        for shift in 0..secret.len() {
            let [before, behind] = [HALF - shift, HALF - secret.len() + shift];
            let [before, behind] = [before, behind].map(|length| "w".repeat(length));
            let text = [&before, secret, &"w".repeat(MAX_TEXT), secret, &behind].concat();
            let kept = ends(&text, &redactor);
            assert!(!kept.contains(['q', 'z', 'v', 'j', 'x', '5', '9']), "{shift}");
        }
        // Nor where one stands in the middle of what is kept whole.
        let text = ["w".repeat(HALF - 3), secret.to_owned(), "w".repeat(HALF - 50)].concat();
        assert!(!ends(&text, &redactor).contains("qzv"));
    }
}
