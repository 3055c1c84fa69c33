//! What travels while connections are carried through a session: pieces of streams, each with the stream's number.
//!
//! A stream is opened by the host and has two directions, each with an end of its own. Each side sends no more content
//! than the other has granted: so a connection that nobody reads from stops itself, and none of the others.

use serde::{Deserialize, Serialize};

/// So many streams may be open at once.
pub const MOST: usize = 256;

/// What may be sent of each direction of a new stream before anything is granted, in bytes.
pub const FIRST: usize = 16 * 1024;

/// What is granted for a stream at most, in bytes, if there is room for it.
pub const WINDOW: usize = 256 * 1024;

/// How much may be granted to all streams together beyond [`FIRST`] for each, in bytes.
pub const POOL: usize = 4 * 1024 * 1024;

/// The longest reason, in bytes.
const MAX_REASON: usize = 512;

/// Where connections are carried to; part of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// A port of the box's loopback address.
    pub port: u16,
}

/// One step of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A new stream.
    Open,
    /// The next bytes, at least one.
    Data(&'a [u8]),
    /// Nothing more comes in this direction.
    End,
    /// The stream is over, in both directions.
    Reset,
    /// There is nothing at the other end.
    Refused(&'a str),
    /// So many bytes more may be sent.
    Grant(u32),
}

/// Bytes that aren't a piece of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a piece of a stream can't be read")]
pub struct PieceError;

const OPEN: u8 = 1;
const DATA: u8 = 2;
const END: u8 = 3;
const RESET: u8 = 4;
const REFUSED: u8 = 5;
const GRANT: u8 = 6;

impl<'a> Piece<'a> {
    /// As the payload of a frame, in place of whatever `out` holds.
    pub fn encode(&self, stream: u32, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&stream.to_be_bytes());
        match *self {
            Self::Open => out.push(OPEN),
            Self::Data(bytes) => {
                out.push(DATA);
                out.extend_from_slice(bytes);
            }
            Self::End => out.push(END),
            Self::Reset => out.push(RESET),
            Self::Refused(why) => {
                out.push(REFUSED);
                out.extend_from_slice(&why.as_bytes()[..why.floor_char_boundary(MAX_REASON)]);
            }
            Self::Grant(bytes) => {
                out.push(GRANT);
                out.extend_from_slice(&bytes.to_be_bytes());
            }
        }
    }

    /// The reverse: the stream, and the piece of it.
    pub fn decode(payload: &'a [u8]) -> Result<(u32, Self), PieceError> {
        let (stream, rest) = payload.split_first_chunk::<4>().ok_or(PieceError)?;
        let (kind, rest) = rest.split_first().ok_or(PieceError)?;
        let piece = match (*kind, rest) {
            (OPEN, []) => Self::Open,
            (DATA, bytes) => Self::Data(bytes),
            (END, []) => Self::End,
            (RESET, []) => Self::Reset,
            (REFUSED, why) if why.len() <= MAX_REASON => {
                Self::Refused(str::from_utf8(why).map_err(|_| PieceError)?)
            }
            (GRANT, bytes) => {
                Self::Grant(u32::from_be_bytes(bytes.try_into().map_err(|_| PieceError)?))
            }
            _ => return Err(PieceError),
        };
        Ok((u32::from_be_bytes(*stream), piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reason_that_is_too_long_is_cut() {
        let mut payload = Vec::new();
        Piece::Refused(&"ü".repeat(MAX_REASON)).encode(1, &mut payload);
        assert!(matches!(Piece::decode(&payload), Ok((1, Piece::Refused(_)))));
    }

    proptest! {
        #[test]
        fn a_piece_survives(stream: u32, bytes: Vec<u8>, grant: u32, why in "[a-z ]{0,40}") {
            for piece in [Piece::Open, Piece::Data(&bytes), Piece::End, Piece::Reset, Piece::Refused(&why), Piece::Grant(grant)] {
                let mut payload = Vec::new();
                piece.encode(stream, &mut payload);
                prop_assert_eq!(Piece::decode(&payload), Ok((stream, piece)));
            }
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Piece::decode(&bytes);
        }
    }
}
