//! What a segment consists of, once it is decompressed: pieces of output, each with where it was printed and when.

use crabbox_wire::frame::Stream;
use std::io::{self, Read};

/// The kind, the time, the length.
pub(super) const HEAD: usize = 1 + 8 + 4;

/// No piece is longer, in bytes: what says so is damaged.
const LONGEST: u32 = 16 * 1024 * 1024;

const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const CUT: u8 = 3;

/// A part of what was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it was printed.
    Output {
        /// Where.
        stream: Stream,
        /// When, in milliseconds since the command was started.
        ms: u64,
        /// What.
        bytes: &'a [u8],
    },
    /// So many bytes aren't kept.
    Cut(u64),
}

/// The head of a piece of output.
pub(super) fn head(stream: Stream, ms: u64, length: usize) -> [u8; HEAD] {
    let kind = if stream == Stream::Stderr { STDERR } else { STDOUT };
    encode(kind, ms, length)
}

/// A whole piece that says that so much is missing.
pub(super) fn cut(ms: u64, count: u64) -> Vec<u8> {
    [&encode(CUT, ms, 8)[..], &count.to_le_bytes()].concat()
}

fn encode(kind: u8, ms: u64, length: usize) -> [u8; HEAD] {
    let mut head = [kind; HEAD];
    head[1..9].copy_from_slice(&ms.to_le_bytes());
    head[9..].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    head
}

/// Reads the next piece. `None`: there is no other, or none that is whole, as at the end of what was killed.
pub(super) fn read<'a>(
    input: &mut impl Read,
    buffer: &'a mut Vec<u8>,
) -> io::Result<Option<Piece<'a>>> {
    let mut head = [0; HEAD];
    if !fill(input, &mut head)? {
        return Ok(None);
    }
    let number = |from: usize| {
        let bytes = head[from..].first_chunk::<8>().copied().unwrap_or_default();
        u64::from_le_bytes(bytes)
    };
    let ms = number(1);
    let length = u32::from_le_bytes(head[9..].try_into().unwrap_or_default());
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    buffer.resize(length as usize, 0);
    if !fill(input, buffer)? {
        return Ok(None);
    }
    match (head[0], buffer.as_slice()) {
        (STDOUT, bytes) => Ok(Some(Piece::Output { stream: Stream::Stdout, ms, bytes })),
        (STDERR, bytes) => Ok(Some(Piece::Output { stream: Stream::Stderr, ms, bytes })),
        (CUT, bytes) => match bytes.try_into() {
            Ok(count) => Ok(Some(Piece::Cut(u64::from_le_bytes(count)))),
            Err(_) => Err(io::ErrorKind::InvalidData.into()),
        },
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// `false`: there isn't so much.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_output_is_read_as_it_was_written(pieces: Vec<(bool, u64, Vec<u8>)>, lost: u64) {
            let mut written = cut(7, lost);
            for (is_error, ms, bytes) in &pieces {
                let stream = if *is_error { Stream::Stderr } else { Stream::Stdout };
                written.extend(head(stream, *ms, bytes.len()));
                written.extend(bytes);
            }
            let (mut input, mut buffer) = (written.as_slice(), Vec::new());
            let first = read(&mut input, &mut buffer).expect("reads");
            prop_assert_eq!(first, Some(Piece::Cut(lost)));
            for (is_error, ms, bytes) in &pieces {
                let stream = if *is_error { Stream::Stderr } else { Stream::Stdout };
                let found = read(&mut input, &mut buffer).expect("reads");
                prop_assert_eq!(found, Some(Piece::Output { stream, ms: *ms, bytes }));
            }
            prop_assert_eq!(read(&mut input, &mut buffer).expect("reads"), None);
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes: Vec<u8>) {
            let (mut input, mut buffer) = (bytes.as_slice(), Vec::new());
            while let Ok(Some(_)) = read(&mut input, &mut buffer) {}
        }
    }
}
