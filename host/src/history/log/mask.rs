//! Known secrets in what a program prints, covered before it is kept: whoever opens the log later can't know them.
//!
//! Each byte is covered by another one, so that whatever is said of the output by its offset holds for the log. What could be
//! the beginning of a secret waits for what comes next on its stream, and nothing else does.

use crabbox_wire::frame::Stream;
use memchr::memmem;

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
    pub(super) fn pass(&mut self, secrets: &[String], stream: Stream, bytes: Vec<u8>) -> Vec<u8> {
        let waiting = self.of(stream);
        if secrets.is_empty() && waiting.bytes.is_empty() {
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
    fn pass(&mut self, secrets: &[String], mut bytes: Vec<u8>) -> Vec<u8> {
        if !self.bytes.is_empty() {
            bytes.splice(..0, self.bytes.drain(..));
        }
        let found = found(secrets, &bytes, self.covered);
        let begun = secrets.iter().map(|secret| begun(secret.as_bytes(), &bytes));
        let free = bytes.len() - begun.max().unwrap_or(0);
        self.bytes = bytes.split_off(free);
        // What is found within it is found again.
        let reaching = found.iter().filter(|(start, _)| *start <= free);
        self.covered = reaching.map(|(_, end)| end.saturating_sub(free)).max().unwrap_or(0);
        for (start, end) in found.into_iter().filter(|(start, _)| *start < free) {
            cover(&mut bytes[start..end.min(free)]);
        }
        bytes
    }
}

/// From where to where there are secrets; some may be in each other. `covered`: so much belongs to an earlier one.
fn found(secrets: &[String], bytes: &[u8], covered: usize) -> Vec<(usize, usize)> {
    let mut found = vec![(0, covered)];
    for secret in secrets {
        let finder = memmem::Finder::new(secret);
        let mut from = 0;
        // One may begin within another of its kind.
        while let Some(at) = finder.find(&bytes[from..]) {
            found.push((from + at, from + at + secret.len()));
            from += at + 1;
        }
    }
    found.retain(|(start, end)| start < end);
    found
}

/// How many bytes at the end are the beginning of the secret, and not all of it.
fn begun(secret: &[u8], bytes: &[u8]) -> usize {
    let longest = secret.len().saturating_sub(1).min(bytes.len());
    (1..=longest).rev().find(|&length| bytes.ends_with(&secret[..length])).unwrap_or(0)
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

    /// What is kept of these pieces of one stream.
    fn kept(secrets: &[&str], pieces: &[&[u8]]) -> String {
        let secrets: Vec<String> = secrets.iter().map(|&secret| secret.to_owned()).collect();
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
        let secrets = ["canary-1".to_owned()];
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
        let passed = Mask::default().pass(&[], Stream::Stdout, bytes);
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
