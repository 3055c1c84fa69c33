//! Text from outside on the page: nothing that a browser takes for markup, nothing that a terminal would obey, and no secret that
//! is known now.

use crate::redact::{self, between};
use maud::{Escaper, Render};
use std::fmt::Write as _;

/// Text that isn't ours.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Render for Text<'_> {
    fn render_to(&self, page: &mut String) {
        // Writing to a string doesn't fail.
        let _ = Escaper::new(page).write_str(&plain(&redact::text(self.0)));
    }
}

/// Without what a terminal would obey: colours and movements say nothing on a page.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in between(text.as_bytes()).flat_map(|part| text[part].chars()) {
        match char {
            '\n' | '\t' => plain.push(char),
            char if char.is_control() => plain.extend(char.escape_default()),
            char => plain.push(char),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_left_out() {
        assert_eq!(plain("\u{1b}[1;31merror\u{1b}[0m: x\ty"), "error: x\ty");
        assert_eq!(plain("a\u{1b}]0;title\u{7}b"), "ab");
        assert_eq!(plain("a\u{1b}]8;;http://x\u{1b}\\b"), "ab");
        assert_eq!(plain("a\u{1b}"), "a");
        assert_eq!(plain("a\u{1b}[12"), "a");
        assert_eq!(plain("a\u{1b}é\u{1b}\nb\u{1b}]0;\nc\u{1b}Md"), "aé\nb\ncd");
        assert_eq!(plain("a\u{0}\u{8}b\r"), "a\\u{0}\\u{8}b\\r");
    }
}
