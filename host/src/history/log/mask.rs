//! Known secrets in what a program prints, covered before it is kept: whoever opens the log later can't know them.
//!
//! Each byte is covered by another one, so that whatever is said of the output by its offset holds for the log. What could be
//! the beginning of a secret waits for what comes next on its stream, and nothing else does.

use crate::redact::Redactor;
use crabbox_wire::frame::Stream;
use std::ops::Range;

/// What covers a byte of a secret. Its lines stay, for those who count them.
const COVER: u8 = b'*';

/// What waits, of each stream.
#[derive(Debug, Default)]
pub(super) struct Mask {
    stdout: Waiting,
    stderr: Waiting,
}

/// The end of what came, which could be the beginning of a secret.
#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// So many of them belong to a secret that ended there.
    covered: usize,
}

impl Mask {
    /// What can be kept once this has come.
    pub(super) fn pass(&mut self, secrets: &Redactor, stream: Stream, bytes: Vec<u8>) -> Vec<u8> {
        let waiting = self.of(stream);
        if secrets.is_idle() && waiting.bytes.is_empty() {
            return bytes;
        }
        waiting.pass(secrets, bytes)
    }

    /// What waits on this stream, once nothing follows it.
    pub(super) fn rest(&mut self, stream: Stream) -> Vec<u8> {
        let Waiting { mut bytes, covered } = std::mem::take(self.of(stream));
        cover(&mut bytes[..covered]);
        bytes
    }

    fn of(&mut self, stream: Stream) -> &mut Waiting {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

impl Waiting {
    fn pass(&mut self, secrets: &Redactor, mut bytes: Vec<u8>) -> Vec<u8> {
        if !self.bytes.is_empty() {
            bytes.splice(..0, self.bytes.drain(..));
        }
        let mut found: Vec<Range<usize>> = secrets.found(&bytes);
        found.extend(Some(0..self.covered).filter(|covered| !covered.is_empty()));
        let free = bytes.len() - secrets.begun(&bytes);
        self.bytes = bytes.split_off(free);
        // What is found within it is found again.
        let reaching = found.iter().filter(|range| range.start <= free);
        self.covered = reaching.map(|range| range.end.saturating_sub(free)).max().unwrap_or(0);
        for range in found.into_iter().filter(|range| range.start < free) {
            cover(&mut bytes[range.start..range.end.min(free)]);
        }
        bytes
    }
}

fn cover(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = COVER;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        Redactor::of(secrets.iter().map(|&secret| secret.to_owned()).collect())
    }

    /// What is kept of these pieces of one stream.
    fn kept(secrets: &[&str], pieces: &[&[u8]]) -> String {
        let secrets = redactor(secrets);
        let mut mask = Mask::default();
        let mut kept = Vec::new();
        for piece in pieces {
            kept.extend(mask.pass(&secrets, Stream::Stdout, piece.to_vec()));
        }
        kept.extend(mask.rest(Stream::Stdout));
        String::from_utf8(kept).expect("text")
    }

    #[test]
    fn a_secret_is_covered_however_it_comes() {
        let text = b"a canary-1 b canary-1";
        let covered = "a ******** b ********";
        assert_eq!(kept(&["canary-1"], &[text]), covered);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(kept(&["canary-1"], &bytes), covered);
        for at in 0..text.len() {
            assert_eq!(kept(&["canary-1"], &[&text[..at], &text[at..]]), covered, "{at}");
        }
    }

    #[test]
    fn what_only_begins_like_one_stays() {
        assert_eq!(kept(&["canary-1"], &[b"cana", b"canary", b"-2 canary"]), "canacanary-2 canary");
    }

    #[test]
    fn secrets_that_overlap_are_covered_whole() {
        assert_eq!(kept(&["abcabc"], &[b"abcab", b"cab", b"c-"]), "*********-");
        assert_eq!(
            kept(&["secret", "secret-and-more"], &[b"secret", b"-and-", b"more!"]),
            "***************!"
        );
        assert_eq!(
            kept(&["secret", "secret-and-more"], &[b"secret", b"-and", b" less"]),
            "******-and less"
        );
        assert_eq!(kept(&["one\nsecret"], &[b"one\nse", b"cret"]), "***\n******");
    }

    #[test]
    fn only_what_could_begin_one_waits_and_each_stream_alone() {
        let secrets = redactor(&["canary-1"]);
        let mut mask = Mask::default();
        let mut pass = |stream, bytes: &[u8]| mask.pass(&secrets, stream, bytes.to_vec());
        assert_eq!(pass(Stream::Stdout, b"can can"), b"can ");
        assert_eq!(pass(Stream::Stderr, b"ary-1"), b"ary-1");
        assert_eq!(pass(Stream::Stdout, b"ary-1."), b"********.");
        assert_eq!(mask.rest(Stream::Stdout), b"");
    }

    #[test]
    fn without_secrets_nothing_waits_and_nothing_is_copied() {
        let bytes = b"anything".to_vec();
        let place = bytes.as_ptr();
        let passed = Mask::default().pass(&Redactor::default(), Stream::Stdout, bytes);
        assert_eq!((passed.as_ptr(), passed.as_slice()), (place, &b"anything"[..]));
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(
            text in "[ab\n]{0,40}", secrets in prop::collection::vec("[ab\n]{1,5}", 0..3), length in 1_usize..6
        ) {
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let whole = kept(&secrets, &[text.as_bytes()]);
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(length).collect();
            prop_assert_eq!(&kept(&secrets, &pieces), &whole);
            prop_assert_eq!(whole.len(), text.len());
        }
    }
}
