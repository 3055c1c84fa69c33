//! Output as a terminal may show it: what it would obey is written out, lines stay lines.

use crate::output::visible;
use crabbox_wire::frame::Stream;
use std::mem;

/// What was begun of a character at the end of a piece, of each stream.
#[derive(Debug, Default)]
pub(super) struct Shown {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Shown {
    /// The next piece.
    pub(super) fn of(&mut self, stream: Stream, bytes: &[u8]) -> String {
        let begun = if stream == Stream::Stderr { &mut self.stderr } else { &mut self.stdout };
        let mut whole = mem::take(begun);
        whole.extend_from_slice(bytes);
        let end = whole.len() - unfinished(&whole);
        *begun = whole.split_off(end);
        lines(&String::from_utf8_lossy(&whole))
    }

    /// What was begun and never ended.
    pub(super) fn rest(self) -> String {
        [self.stdout, self.stderr].map(|rest| lines(&String::from_utf8_lossy(&rest))).concat()
    }
}

/// How many bytes at the end are the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    let begun = (0..tail.len()).find(|at| {
        str::from_utf8(&tail[*at..])
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    });
    begun.map_or(0, |at| tail.len() - at)
}

fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for part in text.split_inclusive(['\n', '\t']) {
        let end = part.strip_suffix(['\n', '\t']).map_or(part.len(), str::len);
        shown.push_str(&visible(&part[..end]));
        shown.push_str(&part[end..]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out_and_characters_stay_whole() {
        let text = "grüße\t🦀\n\u{1b}[31mred\u{9b}m\r\n";
        for size in 1..8 {
            let mut shown = Shown::default();
            let pieces = text.as_bytes().chunks(size);
            let mut all: String = pieces.map(|bytes| shown.of(Stream::Stdout, bytes)).collect();
            all.push_str(&shown.rest());
            assert_eq!(all, "grüße\t🦀\n\\u{1b}[31mred\\u{9b}m\\r\n", "{size}");
        }
    }

    #[test]
    fn what_is_no_text_is_shown_as_that() {
        let mut shown = Shown::default();
        let first = shown.of(Stream::Stderr, b"\xff\xfeab\xe2\x82");
        assert_eq!((first.as_str(), shown.rest().as_str()), ("\u{fffd}\u{fffd}ab", "\u{fffd}"));
    }
}
