//! How much of a report is kept: it comes from a box. Secrets go out of each text before it is cut, and before anything is read
//! of it: of half a secret nobody could tell.

use crate::redact::Redactor;

/// So deep may elements be nested.
pub(super) const MAX_DEPTH: usize = 100;

/// So many tests of a report are kept; the others are counted.
pub(super) const MAX_CASES: usize = 1_000_000;

/// The longest name, message or path that is kept, in bytes.
pub(in crate::results) const MAX_WORD: usize = 4 * 1024;

/// The longest text that is kept, in bytes, of each problem and of each test's output.
pub(in crate::results) const MAX_TEXT: usize = 64 * 1024;

/// So much of all names, messages and texts of a report is kept, in bytes. The tests beyond that are counted, and of those that
/// failed a line is kept.
pub(super) const MAX_KEPT: usize = 64 * 1024 * 1024;

/// Tries of a test that are kept.
pub(in crate::results) const MAX_TRIES: usize = 20;

/// So much of a text is held until its end is there, in bytes: what is longer is known to be cut.
const MAX_HELD: usize = 2 * MAX_TEXT;

/// What a test printed, as it comes, in pieces: the end of it says more than the beginning.
#[derive(Debug, Default)]
pub(super) struct Printed(String);

impl Printed {
    pub(super) fn push(&mut self, text: &str) {
        let text = end(text);
        if self.0.len() + text.len() > 2 * MAX_HELD {
            self.0 = end(&self.0).to_owned();
        }
        self.0.push_str(text);
    }

    /// All that is held of it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it, without secrets.
    pub(super) fn into_text(self, redactor: &Redactor) -> String {
        redactor.end_of(&self.0, MAX_TEXT).into_owned()
    }
}

fn end(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(MAX_HELD))..]
}

/// So many bytes of it at most.
pub(in crate::results) fn cut(text: &str, length: usize) -> &str {
    &text[..text.floor_char_boundary(length)]
}
