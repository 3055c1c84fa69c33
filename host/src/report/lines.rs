//! The last lines of what a program printed, out of pieces that end anywhere.

use super::log::{Line, Log};
use crate::history::{self, Piece};
use crate::redact::Redactor;
use crabbox_wire::frame::Stream;
use std::collections::VecDeque;
use std::io;

/// So many lines are on the page.
const LINES: usize = 5_000;

/// So much text, in bytes.
const BYTES: usize = 2 * 1024 * 1024;

/// The longest line, in bytes; of a longer one the beginning is there.
const LONGEST: usize = 16 * 1024;

/// So much of a line is held until its end is there, in bytes: what is longer is known to be cut.
const HELD: usize = 2 * LONGEST;

/// Reads a log to its end.
pub(super) fn last(log: &history::Log) -> io::Result<Log> {
    let mut lines = Lines::default();
    if log.is_there() {
        log.each(|piece| {
            match piece {
                Piece::Output { stream, bytes, .. } => lines.add(stream, bytes),
                Piece::Cut(count) => lines.cut(count),
            }
            Ok::<_, io::Error>(())
        })?;
    }
    Ok(lines.finish())
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<Line>,
    /// In bytes of text.
    size: usize,
    /// So many lines were there before the first that is kept.
    before: u64,
    cut: u64,
    /// What has no end yet, of each stream.
    open: [Vec<u8>; 2],
}

impl Lines {
    fn add(&mut self, stream: Stream, bytes: &[u8]) {
        let at = usize::from(stream == Stream::Stderr);
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = HELD.saturating_sub(self.open[at].len());
            self.open[at].extend_from_slice(&part[..part.len().min(room)]);
            if parts.peek().is_some() {
                self.end(stream, at);
            }
        }
    }

    fn end(&mut self, stream: Stream, at: usize) {
        let bytes = std::mem::take(&mut self.open[at]);
        let text = String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(&bytes));
        let text = Redactor::of_now().start_of(&text, LONGEST).into_owned();
        self.size += text.len();
        self.kept.push_back(Line { stream, text });
        while self.kept.len() > LINES || self.size > BYTES {
            let Some(gone) = self.kept.pop_front() else { return };
            self.size -= gone.text.len();
            self.before += 1;
            self.cut += gone.text.len() as u64 + 1;
        }
    }

    /// What isn't kept counts to what is before: the lines around it are as they are.
    fn cut(&mut self, count: u64) {
        self.end_open();
        self.kept.clear();
        self.cut += count + self.size as u64;
        self.size = 0;
    }

    fn end_open(&mut self) {
        for (at, stream) in [(0, Stream::Stdout), (1, Stream::Stderr)] {
            if !self.open[at].is_empty() {
                self.end(stream, at);
            }
        }
    }

    fn finish(mut self) -> Log {
        self.end_open();
        Log { lines: self.kept.into(), first: self.before + 1, cut: self.cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(log: &Log) -> Vec<&str> {
        log.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn the_two_streams_have_their_own_lines() {
        let mut lines = Lines::default();
        lines.add(Stream::Stdout, b"on");
        lines.add(Stream::Stderr, b"oops\r\nmo");
        lines.add(Stream::Stdout, b"e\n\ntwo");
        let log = lines.finish();
        assert_eq!(texts(&log), ["oops", "one", "", "two", "mo"]);
        assert_eq!((log.first, log.cut), (1, 0));
    }

    #[test]
    fn of_many_lines_the_last_are_there_and_have_their_numbers() {
        let mut lines = Lines::default();
        for at in 1..=LINES + 10 {
            lines.add(Stream::Stdout, format!("{at}\n").as_bytes());
        }
        let log = lines.finish();
        assert_eq!((log.first, texts(&log)[0], log.lines.len()), (11, "11", LINES));
        assert_eq!(log.cut, 9 * 2 + 3);
    }

    #[test]
    fn a_line_without_an_end_costs_little() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            lines.add(Stream::Stdout, &vec![b'x'; 100_000]);
        }
        lines.add(Stream::Stdout, b"\nnext\n");
        let log = lines.finish();
        assert_eq!((log.lines[0].text.len(), texts(&log)[1]), (LONGEST, "next"));
    }

    #[test]
    fn of_a_secret_at_the_end_of_a_long_line_nothing_is_shown() {
        crate::redact::register("c4nary-of-a-long-line");
        let mut lines = Lines::default();
        lines.add(Stream::Stdout, &vec![b'x'; LONGEST - 4]);
        lines.add(Stream::Stdout, b"c4nary-of-a-long-line\n");
        let text = lines.finish().lines.remove(0).text;
        assert!(text.ends_with("x[redacted]"), "{}", &text[LONGEST - 8..]);
    }

    #[test]
    fn what_comes_behind_a_cut_is_shown() {
        let mut lines = Lines::default();
        lines.add(Stream::Stdout, b"a\nb");
        lines.cut(1000);
        lines.add(Stream::Stdout, b"c\n");
        let log = lines.finish();
        assert_eq!((texts(&log), log.cut), (vec!["c"], 1002));
    }
}
