//! What a program printed, without secrets: as whole lines of each stream, since a piece of the other one may stand in the
//! middle of a secret.

use crate::redact;
use crabbox_wire::frame::Stream;
use std::io::{self, Write};
use std::mem;

/// The longest line that is looked at as one, in bytes. A longer one is cut: no secret is that long.
const LONGEST: usize = 1024 * 1024;

/// Writes lines without the secrets in them.
pub(super) struct Lines<W> {
    out: W,
    /// What has no end yet, of each stream.
    open: [Vec<u8>; 2],
}

impl<W: Write> Lines<W> {
    pub(super) fn to(out: W) -> Self {
        Self { out, open: [Vec::new(), Vec::new()] }
    }

    pub(super) fn add(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let at = usize::from(stream == Stream::Stderr);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.open[at].extend_from_slice(part);
            if part.ends_with(b"\n") || self.open[at].len() > LONGEST {
                self.end(at)?;
            }
        }
        Ok(())
    }

    /// So much isn't there.
    pub(super) fn cut(&mut self, count: u64) -> io::Result<()> {
        self.end_both()?;
        writeln!(self.out, "[crabbox: {count} bytes of the output aren't kept]")
    }

    /// Writes what has no end, too.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.end_both()?;
        Ok(self.out)
    }

    fn end_both(&mut self) -> io::Result<()> {
        (0..self.open.len()).try_for_each(|at| self.end(at))
    }

    fn end(&mut self, at: usize) -> io::Result<()> {
        let line = mem::take(&mut self.open[at]);
        self.out.write_all(redact::text(&String::from_utf8_lossy(&line)).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_the_other_stream_hides_no_secret() {
        redact::register("c4nary-of-two-streams");
        let mut lines = Lines::to(Vec::new());
        for (stream, bytes) in [
            (Stream::Stdout, &b"a c4nary-of"[..]),
            (Stream::Stderr, b"warning\nc4nary-"),
            (Stream::Stdout, b"-two-streams b\n"),
            (Stream::Stderr, b"of-two-streams"),
        ] {
            lines.add(stream, bytes).expect("room");
        }
        lines.cut(3).expect("room");
        lines.add(Stream::Stdout, b"end").expect("room");
        let text = String::from_utf8(lines.finish().expect("room")).expect("text");
        assert_eq!(
            text,
            "warning\na [redacted] b\n[redacted][crabbox: 3 bytes of the output aren't kept]\nend"
        );
    }
}
