//! Which part of a log is wanted: a stream, its last lines.

use crate::history::{Log, Piece};
use crabbox_wire::frame::Stream;
use std::collections::VecDeque;
use std::io;

#[derive(Debug)]
pub(super) struct Pick {
    /// `None`: both.
    stream: Option<Stream>,
    /// How much is left out first, in bytes of what is wanted.
    from: u64,
}

impl Pick {
    pub(super) fn new(stdout: bool, stderr: bool) -> Self {
        let stream = match (stdout, stderr) {
            (true, _) => Some(Stream::Stdout),
            (_, true) => Some(Stream::Stderr),
            _ => None,
        };
        Self { stream, from: 0 }
    }

    /// Of it, only so many lines at the end. The log is read once for that: a line may be longer than memory.
    pub(super) fn last(self, log: &Log, count: usize) -> io::Result<Self> {
        let mut begins = VecDeque::from([0]);
        let mut at = 0;
        self.each(log, |piece| {
            if let Piece::Output { bytes, .. } = piece {
                for (index, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                    begins.push_back(at + index as u64 + 1);
                    // The last one may be of a line that doesn't come.
                    if begins.len() > count + 1 {
                        begins.pop_front();
                    }
                }
                at += bytes.len() as u64;
            }
            Ok::<_, io::Error>(())
        })?;
        let is_last_empty = begins.back() == Some(&at);
        let extra = begins.len() - usize::from(is_last_empty);
        let from = begins[extra.saturating_sub(count).min(begins.len() - 1)];
        Ok(Self { from, ..self })
    }

    /// Hands over what is wanted of the log.
    pub(super) fn each<E: From<io::Error>>(
        &self,
        log: &Log,
        mut take: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = self.from;
        log.each(|piece| match piece {
            Piece::Output { stream, ms, bytes } if self.stream.is_none_or(|one| one == stream) => {
                let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                left -= skipped as u64;
                let bytes = &bytes[skipped..];
                if bytes.is_empty() { Ok(()) } else { take(Piece::Output { stream, ms, bytes }) }
            }
            Piece::Output { .. } => Ok(()),
            Piece::Cut(_) if left > 0 => Ok(()),
            cut @ Piece::Cut(_) => take(cut),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::OutputLog;

    fn tail(output: &str, count: usize) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let log = OutputLog::new(folder.path().to_owned(), 1 << 20);
        for bytes in output.as_bytes().chunks(3) {
            log.add(Stream::Stdout, &mut bytes.to_vec());
            log.add(Stream::Stderr, &mut b"noise\n".to_vec());
        }
        assert!(log.finish().1.is_none());
        let log = Log::of(folder.path());
        let pick = Pick::new(true, false).last(&log, count).expect("reads");
        let mut found = Vec::new();
        let read = pick.each(&log, |piece| {
            if let Piece::Output { bytes, .. } = piece {
                found.extend_from_slice(bytes);
            }
            Ok::<_, io::Error>(())
        });
        read.expect("reads");
        String::from_utf8(found).expect("text")
    }

    #[test]
    fn the_last_lines_are_the_last_whether_or_not_the_output_ends_with_one() {
        assert_eq!(tail("one\ntwo\nthree\n", 2), "two\nthree\n");
        assert_eq!(tail("one\ntwo\nthree", 2), "two\nthree");
        assert_eq!(tail("one\ntwo\nthree", 1), "three");
        assert_eq!(tail("one\n\n\n", 2), "\n\n");
        assert_eq!(tail("one\ntwo\n", 9), "one\ntwo\n");
        assert_eq!(tail("one", 1), "one");
    }
}
