//! Text from outside (a provider, a claim, a box, a file's name) in what people read: terminal
//! escapes in it are shown, not obeyed.

use std::borrow::Cow;
use std::fmt::Write as _;

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

/// Text of JSON, pretty or not, with the same characters written as JSON writes them: `\u009b`. They
/// stand in strings alone there, so it is the same document.
#[must_use]
pub(super) fn visible_json(text: &str) -> Cow<'_, str> {
    let acts = |character| acts(character) && !matches!(character, '\n' | '\t');
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if acts(character) {
            let _ = write!(clean, "\\u{:04x}", u32::from(character));
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

    #[test]
    fn json_is_the_same_document_without_what_a_terminal_would_obey() {
        let document =
            serde_json::json!({ "a\u{7f}": ["\u{9b}31m", "\u{202e}b", "\u{1b}[2J\n🦀"] });
        let pretty = format!("{document:#}\n");
        let shown = visible_json(&pretty);
        assert!(!shown.contains(|one| one != '\n' && acts(one)), "{shown}");
        assert!(shown.contains("\"\\u009b31m\""), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(read, document);
    }
}
