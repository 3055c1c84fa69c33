//! Text from outside on the page: nothing that a browser takes for markup, and nothing that a terminal would obey.

use maud::{Escaper, Render};
use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

/// Text that isn't ours.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Render for Text<'_> {
    fn render_to(&self, page: &mut String) {
        // Writing to a string doesn't fail.
        let _ = Escaper::new(page).write_str(&plain(self.0));
    }
}

/// Without what a terminal would obey: colours and movements say nothing on a page.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => skip_sequence(&mut chars),
            '\n' | '\t' => plain.push(char),
            char if char.is_control() => plain.extend(char.escape_default()),
            char => plain.push(char),
        }
    }
    plain
}

/// CSI up to its final byte, OSC up to its end, anything else with one byte more.
fn skip_sequence(chars: &mut Peekable<Chars<'_>>) {
    match chars.next() {
        Some('[') => while chars.next_if(|char| !('@'..='~').contains(char)).is_some() {},
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(char) = chars.next_if(|char| *char != '\n') {
                if char == '\u{7}' {
                    return;
                }
                if char == '\u{1b}' {
                    break;
                }
            }
        }
        _ => return,
    }
    chars.next_if(|char| *char != '\n');
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
        assert_eq!(plain("a\u{0}\u{8}b\r"), "a\\u{0}\\u{8}b\\r");
    }
}
