//! A line without what a terminal obeys in it: the colours of a word are no part of it.

use std::borrow::Cow;

const ESCAPE: u8 = 0x1b;

/// The line without escape sequences.
pub(super) fn plain(line: &[u8]) -> Cow<'_, [u8]> {
    let Some(mut at) = memchr::memchr(ESCAPE, line) else { return Cow::Borrowed(line) };
    let (before, mut rest) = line.split_at(at);
    let mut kept = before.to_vec();
    while !rest.is_empty() {
        rest = &rest[sequence(&rest[1..]) + 1..];
        at = memchr::memchr(ESCAPE, rest).unwrap_or(rest.len());
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
    }
    Cow::Owned(kept)
}

/// How long a sequence is behind its first byte. One that isn't ended in this line hides nothing of it.
fn sequence(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(b'[') => 1 + until_final(&bytes[1..], 0x40),
        // Text that is no part of what is shown: the title of the window, where a link leads.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => 1 + string(&bytes[1..]),
        Some(_) => until_final(bytes, 0x30),
        None => 0,
    }
}

/// Parameters, and the byte behind them that says what is to be done, which is at least `first`.
fn until_final(bytes: &[u8], first: u8) -> usize {
    let parameters = bytes.iter().take_while(|byte| (b' '..first).contains(byte)).count();
    let is_ended = bytes.get(parameters).is_some_and(|byte| (first..0x7f).contains(byte));
    parameters + usize::from(is_ended)
}

/// Up to a bell, or to an escape, which ends it together with what follows.
fn string(bytes: &[u8]) -> usize {
    match memchr::memchr2(0x07, ESCAPE, bytes) {
        Some(at) if bytes[at] == ESCAPE => at,
        Some(at) => at + 1,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_left_out() {
        for (line, expected) in [
            ("as it is", "as it is"),
            ("", ""),
            ("\u{1b}[1;31mred\u{1b}[0m, \u{1b}[38:2::255:0:0mtoo\u{1b}[K", "red, too"),
            ("\u{1b}(B\u{1b}[mplain\u{1b}=", "plain"),
            ("\u{1b}]0;title\u{7}a\u{1b}]8;;http://b\u{1b}\\link\u{1b}]8;;\u{1b}\\", "alink"),
            // Of what is cut off, something may stay.
            ("a\u{1b}", "a"),
            ("a\u{1b}[1;3", "a"),
            ("\u{1b}]not ended", "not ended"),
            ("\u{1b}\u{1b}[1mtwice", "twice"),
            ("\u{1b}[31grüße", "rüße"),
            ("\u{1b}ü", "ü"),
        ] {
            assert_eq!(String::from_utf8_lossy(&plain(line.as_bytes())), expected, "{line:?}");
        }
    }
}
