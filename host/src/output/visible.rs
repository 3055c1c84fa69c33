//! Text from outside (a provider, a claim, a box, a file's name) in what people read: terminal
//! escapes in it are shown, not obeyed.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with every character that a terminal would act on written out, such as `\u{1b}`.
/// For whole values: line breaks and tabs are written out, too.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.contains(acts) {
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
    if is_of(text, |byte| is_printable(byte) || byte == b'\n') || !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if acts(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(clean, "\\u{unit:04x}");
            }
        } else {
            clean.push(character);
        }
    }
    Cow::Owned(clean)
}

/// Does it hold nothing but printable ASCII? Most text does, of which there may be much: this looks at many
/// bytes at once.
pub(super) fn is_plain(text: &str) -> bool {
    is_of(text, is_printable)
}

fn is_of(text: &str, right: impl Fn(u8) -> bool) -> bool {
    text.as_bytes().chunks(64).all(|bytes| bytes.iter().fold(true, |all, byte| all & right(*byte)))
}

fn is_printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

/// Control characters, and those of Unicode's formatting that turn the direction of what stands around
/// them, break the line, or hide text. The two joiners (U+200C, U+200D) only shape what stands beside
/// them, and some languages can't be written without.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Seen only where a line ends, or never.
            '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{feff}'
            // Marks of a direction.
            | '\u{61c}' | '\u{200e}' | '\u{200f}'
            // Separators of lines and paragraphs; embeddings, overrides and their ends.
            | '\u{2028}'..='\u{202e}'
            // Joiners and operators that aren't seen; isolates; deprecated switches of shapes and digits.
            | '\u{2060}'..='\u{206f}'
            // What stands between two of these is a note on other text, and isn't shown with it.
            | '\u{fff9}'..='\u{fffb}'
            // Tags: the whole of ASCII once more, unseen.
            | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("\u{1b}[2J\u{9b}A\r\n\tb"), "\\u{1b}[2J\\u{9b}A\\r\\n\\tb");
        assert_eq!(visible("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(visible("\\ grüße 🦀"), "\\ grüße 🦀");
        let of_formatting =
            "\u{ad}\u{61c}\u{200b}\u{2028}\u{2029}\u{2067}\u{206a}\u{feff}\u{fffa}\u{e0041}";
        for one in of_formatting.chars() {
            assert_eq!(visible(&one.to_string()), one.escape_unicode().to_string());
        }
        assert_eq!(visible("می\u{200c}خواهم 👩\u{200d}🔧"), "می\u{200c}خواهم 👩\u{200d}🔧");
    }

    #[test]
    fn json_is_the_same_document_without_what_a_terminal_would_obey() {
        let document = serde_json::json!({ "a\u{7f}": ["\u{9b}31m", "\u{202e}b", "\u{1b}[2J\n🦀", "\u{2028}\u{e0041}"] });
        let pretty = format!("{document:#}\n");
        let shown = visible_json(&pretty);
        assert!(!shown.contains(|one| one != '\n' && acts(one)), "{shown}");
        assert!(shown.contains("\"\\u009b31m\""), "{shown}");
        assert!(shown.contains("\"\\u2028\\udb40\\udc41\""), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(read, document);
    }
}
