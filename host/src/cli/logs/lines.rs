//! A log line by line, for machines.

use crate::history::Piece;
use crabbox_wire::frame::Stream;
use serde::Serialize;
use std::mem;

/// One line of one stream.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    /// Which: `stdout` or `stderr`.
    stream: &'static str,
    /// When it was begun, in milliseconds since the command was started.
    ms: u64,
    /// Without its end. What is no UTF-8 is replaced.
    text: String,
    /// How much of the output isn't kept before it, in bytes.
    cut: u64,
}

/// Lines so far, and what was begun of one in each stream.
#[derive(Debug, Default)]
pub(super) struct Lines {
    whole: Vec<Line>,
    begun: [Option<(u64, Vec<u8>)>; 2],
    /// Since the last line.
    cut: u64,
    all_cut: u64,
}

impl Lines {
    pub(super) fn add(&mut self, piece: Piece<'_>) {
        let (stream, ms, mut bytes) = match piece {
            Piece::Cut(count) => {
                self.end();
                self.cut += count;
                self.all_cut += count;
                return;
            }
            Piece::Output { stream, ms, bytes } => (stream, ms, bytes),
        };
        let which = usize::from(stream == Stream::Stderr);
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (since, mut line) = self.begun[which].take().unwrap_or((ms, Vec::new()));
            line.extend_from_slice(&bytes[..end]);
            self.push(which, since, &line);
            bytes = &bytes[end + 1..];
        }
        if !bytes.is_empty() {
            self.begun[which].get_or_insert((ms, Vec::new())).1.extend_from_slice(bytes);
        }
    }

    /// All of them, and how much is missing altogether.
    pub(super) fn finish(mut self) -> (Vec<Line>, u64) {
        self.end();
        (self.whole, self.all_cut)
    }

    fn end(&mut self) {
        for which in 0..self.begun.len() {
            if let Some((ms, line)) = self.begun[which].take() {
                self.push(which, ms, &line);
            }
        }
    }

    fn push(&mut self, which: usize, ms: u64, line: &[u8]) {
        let text = String::from_utf8_lossy(line).into_owned();
        let cut = mem::take(&mut self.cut);
        self.whole.push(Line { stream: ["stdout", "stderr"][which], ms, text, cut });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_streams_are_whole_and_what_is_missing_stands_before_what_comes_after() {
        let mut lines = Lines::default();
        let output =
            |stream, ms, text: &'static str| Piece::Output { stream, ms, bytes: text.as_bytes() };
        lines.add(output(Stream::Stdout, 1, "a"));
        lines.add(output(Stream::Stderr, 2, "x\ny"));
        lines.add(output(Stream::Stdout, 3, "b\n\n"));
        lines.add(Piece::Cut(7));
        lines.add(output(Stream::Stdout, 9, "c"));
        let (lines, cut) = lines.finish();
        let line = |stream, ms, text: &str, cut| Line { stream, ms, text: text.to_owned(), cut };
        assert_eq!(cut, 7);
        assert_eq!(
            lines,
            [
                line("stderr", 2, "x", 0),
                line("stdout", 1, "ab", 0),
                line("stdout", 3, "", 0),
                line("stderr", 2, "y", 0),
                line("stdout", 9, "c", 7),
            ]
        );
    }
}
