//! Text from outside (a provider, a claim, a box, a file's name) in what people read: terminal
//! escapes in it are shown, not obeyed.

use std::borrow::Cow;

/// The text with every character that a terminal would act on written out, such as `\u{1b}`.
/// For whole values: line breaks and tabs are written out, too.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if acts(character) {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    Cow::Owned(clean)
}

/// Control characters, and those that turn the direction of what stands around them.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("\u{1b}[2J\u{9b}A\r\n\tb"), "\\u{1b}[2J\\u{9b}A\\r\\n\\tb");
        assert_eq!(visible("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(visible("\\ grüße 🦀"), "\\ grüße 🦀");
    }
}
