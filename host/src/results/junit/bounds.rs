//! How much of a report is kept: it comes from a box.

/// So deep may elements be nested.
pub(super) const MAX_DEPTH: usize = 100;

/// So many tests of a report are kept; the others are counted.
pub(super) const MAX_CASES: usize = 1_000_000;

/// The longest name, message or path that is kept, in bytes.
pub(super) const MAX_WORD: usize = 4 * 1024;

/// The longest text that is kept, in bytes, of each problem and of each test's output.
pub(super) const MAX_TEXT: usize = 64 * 1024;

/// So much of all names, messages and texts of a report is kept, in bytes. The tests beyond that are counted, and of those that
/// failed a line is kept.
pub(super) const MAX_KEPT: usize = 64 * 1024 * 1024;

/// Tries of a test that are kept.
pub(super) const MAX_TRIES: usize = 20;

/// Adds to a text what there is room for.
pub(super) fn append(into: &mut String, text: &str) {
    into.push_str(cut(text, MAX_TEXT.saturating_sub(into.len())));
}

/// Adds to what a test printed, of which the end says more than the beginning. Up to twice as much is kept until [`end`].
pub(super) fn append_end(into: &mut String, text: &str) {
    let text = end(text);
    if into.len() + text.len() > 2 * MAX_TEXT {
        *into = end(into).to_owned();
    }
    into.push_str(text);
}

/// What is kept of what a test printed.
pub(super) fn end(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(MAX_TEXT))..]
}

/// So many bytes of it at most.
pub(super) fn cut(text: &str, length: usize) -> &str {
    &text[..text.floor_char_boundary(length)]
}
