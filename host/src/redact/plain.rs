//! Text without what a terminal would obey: between two colours, the halves of a secret are whole to who reads it.

use memchr::memchr;
use std::iter;
use std::ops::Range;

/// What a sequence begins with.
const ESCAPE: u8 = 0x1b;

/// The bell, which ends some of them.
const BELL: u8 = 0x07;

/// From where to where there is text, between the sequences.
pub fn between(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut rest = Some(0);
    iter::from_fn(move || {
        let from = rest?;
        let sequence = memchr(ESCAPE, &bytes[from..]).map(|at| from + at);
        rest = sequence.map(|at| at + 1 + length(&bytes[at + 1..]));
        Some(from..sequence.unwrap_or(bytes.len()))
    })
}

/// Of what stands behind an escape: CSI up to its final byte, OSC up to its end, anything else up to the first byte that is none of
/// those in between (`ESC ( B`). A line is no part of one.
fn length(sequence: &[u8]) -> usize {
    let Some((kind, rest)) = sequence.split_first() else { return 0 };
    let up_to = |ends: fn(&u8) -> bool| rest.iter().position(ends).unwrap_or(rest.len());
    let one_more = |at: usize| {
        at + usize::from(rest.get(at).is_some_and(|byte| byte.is_ascii() && *byte != b'\n'))
    };
    match kind {
        b'[' => 1 + one_more(up_to(|byte| (b'@'..=b'~').contains(byte) || *byte == b'\n')),
        b' '..=b'/' => 1 + one_more(up_to(|byte| !(b' '..=b'/').contains(byte))),
        b']' | b'P' | b'_' | b'^' | b'X' => {
            let end = up_to(|byte| matches!(*byte, b'\n' | BELL | ESCAPE));
            let is_escape = rest.get(end) == Some(&ESCAPE);
            let is_ended = is_escape && rest.get(end + 1).is_some_and(u8::is_ascii_graphic);
            1 + one_more(end) + usize::from(is_ended)
        }
        kind => usize::from(kind.is_ascii() && *kind != b'\n'),
    }
}

/// A text, and where in the whole of it each part stood.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) bytes: Vec<u8>,
    /// Where a part begins here, and there.
    parts: Vec<(usize, usize)>,
}

impl Plain {
    /// `None`: it has no sequences.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        memchr(ESCAPE, bytes)?;
        let mut plain = Self { bytes: Vec::with_capacity(bytes.len()), parts: Vec::new() };
        for part in between(bytes).filter(|part| !part.is_empty()) {
            plain.parts.push((plain.bytes.len(), part.start));
            plain.bytes.extend_from_slice(&bytes[part]);
        }
        Some(plain)
    }

    /// Where it stood in the whole, with the sequences in it. It isn't empty.
    pub(super) fn back(&self, range: &Range<usize>) -> Range<usize> {
        let place = |at: usize| {
            let next = self.parts.partition_point(|(here, _)| *here <= at);
            let (here, there) = self.parts[next.saturating_sub(1)];
            there + at - here
        };
        place(range.start)..place(range.end - 1) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_plain_text_is_one_in_the_whole() {
        let text = "\u{1b}[1mab\u{1b}[0m\u{1b}]8;;http://x\u{1b}\\c\u{1b}dé";
        let plain = Plain::of(text.as_bytes()).expect("one");
        assert_eq!(plain.bytes, "abcé".as_bytes());
        let whole = |range| &text[plain.back(&range)];
        assert_eq!((whole(0..2), whole(2..5)), ("ab", "c\u{1b}dé"));
        assert_eq!(whole(1..3), "b\u{1b}[0m\u{1b}]8;;http://x\u{1b}\\c");
        assert!(Plain::of(b"no colours").is_none());
        // As `tput sgr0` ends a colour; what isn't ended ends with its line, and no letter is torn apart.
        for (text, expected) in
            [("a\u{1b}(B\u{1b}[mb", "ab"), ("a\u{1b}[0\nb", "a\nb"), ("a\u{1b}(éb", "aéb")]
        {
            assert_eq!(Plain::of(text.as_bytes()).expect("one").bytes, expected.as_bytes());
        }
    }
}
