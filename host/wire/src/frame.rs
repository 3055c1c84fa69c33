//! Frames: one byte of kind, four bytes of length (big-endian), the payload.
//!
//! Each direction has its own enum, [`ToHelper`] and [`ToHost`]. A frame of a kind
//! that the reader doesn't know is skipped; one that is longer than
//! [`MAX_PAYLOAD`] ends the session before memory is set aside for it.

use crate::collect::Collected;
use crate::copy::Word;
use crate::message::{
    Base, Ended, Environment, Failure, Fate, Proof, Request, Signal, Started, Sync, Synced, Waiting,
};
use crate::place::PlaceAnswer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read, Write};

/// The longest payload of any frame, in bytes. Bulk data is cut into frames of
/// [`CHUNK`]; control messages stay far below (a manifest travels in chunks, too).
pub const MAX_PAYLOAD: usize = 1024 * 1024;

/// How much bulk data goes into one frame, in bytes: large enough that headers
/// and system calls don't count, small enough that a signal isn't kept waiting.
pub const CHUNK: usize = 128 * 1024;

const HEADER: usize = 5;

/// A frame that can't be understood, or a stream that broke.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream itself failed, or ended inside a frame.
    #[error("the stream broke")]
    Io(#[from] io::Error),
    /// The header asks for more than [`MAX_PAYLOAD`].
    #[error("a frame of {0} bytes is over the limit of {MAX_PAYLOAD}")]
    TooLong(usize),
    /// The payload isn't what its kind promises.
    #[error("a frame of kind {kind} can't be read")]
    Malformed {
        /// The kind byte.
        kind: u8,
        /// What the decoder found.
        #[source]
        source: serde_json::Error,
    },
}

/// What the host says.
#[derive(Debug, PartialEq)]
pub enum ToHelper<'a> {
    /// What is wanted of this session. Only sent when it didn't fit into the
    /// command line (the helper was started with `serve -`).
    Request(Box<Request>),
    /// The tree that the workspace must hold, where the request doesn't say it.
    Sync(Sync),
    /// The next bytes of the zstd stream of [`crate::delta`] records.
    Delta(&'a [u8]),
    /// The sync stream ends here: complete, or given up since [`ToHost::Base`] asked for another.
    DeltaEnd,
    /// The sync stream can't be completed: the session is over.
    Abort,
    /// Environment values for the command. They travel here, never in a command line.
    Environment(Environment),
    /// Bytes for the command's standard input.
    Stdin(&'a [u8]),
    /// The command's standard input ends here.
    StdinEnd,
    /// Deliver a signal to the command.
    Signal(Signal),
    /// The host has written out everything before this offset of the output.
    Ack(u64),
    /// Answer with [`ToHost::Pong`].
    Ping,
    /// The next records of a copy: a block of [`crate::copy`].
    Copy(&'a [u8]),
    /// The same as a zstd frame.
    CopyPacked(&'a [u8]),
    /// What the receiver of a copy says.
    CopyWord(Word),
    /// A piece of a stream: [`crate::tunnel`].
    Tunnel(&'a [u8]),
}

/// What the helper says.
#[derive(Debug, PartialEq)]
pub enum ToHost<'a> {
    /// The box is the one that was asked for; always the first frame, unless
    /// that is [`ToHost::Failed`].
    Proved(Box<Proof>),
    /// Somebody else uses this workspace; sent again whenever the holder changes.
    Waiting(Waiting),
    /// What the workspace holds now, when that isn't what is wanted.
    Base(Base),
    /// The next bytes of the box's manifest ([`crate::tree::encode`]), which
    /// follows a [`Base`] that announces it.
    Manifest(&'a [u8]),
    /// The box's manifest is complete.
    ManifestEnd,
    /// The workspace holds exactly the wanted tree.
    Synced(Synced),
    /// The command runs.
    Started(Started),
    /// Output of the command.
    Output {
        /// Which of the two streams.
        stream: Stream,
        /// Where these bytes begin in the joint stream of all output.
        offset: u64,
        /// The bytes, as the command wrote them.
        bytes: &'a [u8],
    },
    /// The command ended and all its output has been sent.
    Ended(Ended),
    /// The session is over because of this.
    Failed(Failure),
    /// The command has taken this many bytes of its standard input altogether.
    Taken(u64),
    /// Answer to [`ToHelper::Ping`].
    Pong,
    /// Answer to [`Request::look`], after which the session is over.
    Fate(Fate),
    /// Answer to [`Request::place`], after which the session is over.
    Place(Box<PlaceAnswer>),
    /// The next records of a copy: a block of [`crate::copy`].
    Copy(&'a [u8]),
    /// The same as a zstd frame.
    CopyPacked(&'a [u8]),
    /// What the receiver of a copy says.
    CopyWord(Word),
    /// A piece of a stream: [`crate::tunnel`].
    Tunnel(&'a [u8]),
    /// A part of what was to be brought back is complete: [`crate::collect`].
    Collected(Collected),
}

/// One of the two output streams of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout = 1,
    /// Standard error.
    Stderr = 2,
}

/// The kind bytes. Host to helper below 64, helper to host from 64 on. A number,
/// once used, is never given another meaning.
mod kind {
    pub(super) const REQUEST: u8 = 1;
    pub(super) const DELTA: u8 = 2;
    pub(super) const DELTA_END: u8 = 3;
    pub(super) const ENVIRONMENT: u8 = 4;
    pub(super) const STDIN: u8 = 5;
    pub(super) const STDIN_END: u8 = 6;
    pub(super) const SIGNAL: u8 = 7;
    pub(super) const ACK: u8 = 8;
    pub(super) const PING: u8 = 9;
    pub(super) const ABORT: u8 = 10;
    pub(super) const SYNC: u8 = 11;
    pub(super) const COPY: u8 = 20;
    pub(super) const COPY_PACKED: u8 = 21;
    pub(super) const COPY_WORD: u8 = 22;
    pub(super) const TUNNEL: u8 = 23;

    pub(super) const PROVED: u8 = 64;
    pub(super) const WAITING: u8 = 65;
    pub(super) const BASE: u8 = 66;
    pub(super) const MANIFEST: u8 = 67;
    pub(super) const MANIFEST_END: u8 = 68;
    pub(super) const SYNCED: u8 = 69;
    pub(super) const STARTED: u8 = 70;
    pub(super) const STDOUT: u8 = 71;
    pub(super) const STDERR: u8 = 72;
    pub(super) const ENDED: u8 = 73;
    pub(super) const FAILED: u8 = 74;
    pub(super) const PONG: u8 = 75;
    pub(super) const TAKEN: u8 = 76;
    pub(super) const FATE: u8 = 77;
    pub(super) const PLACE: u8 = 78;
    pub(super) const COPY_OUT: u8 = 84;
    pub(super) const COPY_OUT_PACKED: u8 = 85;
    pub(super) const COPY_OUT_WORD: u8 = 86;
    pub(super) const TUNNEL_OUT: u8 = 87;
    pub(super) const COLLECTED: u8 = 88;
}

impl<'a> ToHelper<'a> {
    /// Writes the frame in one call, without flushing.
    pub fn write(&self, out: &mut impl Write) -> Result<(), FrameError> {
        let mut frame = Vec::new();
        self.encode(&mut frame)?;
        Ok(out.write_all(&frame)?)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        match self {
            Self::Request(request) => encode_json(out, kind::REQUEST, request),
            Self::Delta(bytes) => encode_raw(out, kind::DELTA, &[bytes]),
            Self::DeltaEnd => encode_raw(out, kind::DELTA_END, &[]),
            Self::Environment(environment) => encode_json(out, kind::ENVIRONMENT, environment),
            Self::Stdin(bytes) => encode_raw(out, kind::STDIN, &[bytes]),
            Self::StdinEnd => encode_raw(out, kind::STDIN_END, &[]),
            Self::Signal(signal) => encode_json(out, kind::SIGNAL, signal),
            Self::Ack(offset) => encode_raw(out, kind::ACK, &[&offset.to_be_bytes()]),
            Self::Ping => encode_raw(out, kind::PING, &[]),
            Self::Abort => encode_raw(out, kind::ABORT, &[]),
            Self::Sync(sync) => encode_json(out, kind::SYNC, sync),
            Self::Copy(block) => encode_raw(out, kind::COPY, &[block]),
            Self::CopyPacked(block) => encode_raw(out, kind::COPY_PACKED, &[block]),
            Self::CopyWord(word) => encode_json(out, kind::COPY_WORD, word),
            Self::Tunnel(piece) => encode_raw(out, kind::TUNNEL, &[piece]),
        }
    }

    /// Reads the next frame of a known kind into `buffer`. `None`: the stream
    /// ended between two frames.
    pub fn read(
        input: &mut impl Read,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<Self>, FrameError> {
        let known = |kind| {
            (kind::REQUEST..=kind::SYNC).contains(&kind)
                || (kind::COPY..=kind::TUNNEL).contains(&kind)
        };
        let Some((kind, _)) = read_known(input, buffer, known, |_| false)? else {
            return Ok(None);
        };
        let payload: &'a [u8] = buffer;
        Ok(Some(match kind {
            kind::REQUEST => Self::Request(parse(kind, payload)?),
            kind::DELTA => Self::Delta(payload),
            kind::DELTA_END => Self::DeltaEnd,
            kind::ENVIRONMENT => Self::Environment(parse(kind, payload)?),
            kind::STDIN => Self::Stdin(payload),
            kind::STDIN_END => Self::StdinEnd,
            kind::SIGNAL => Self::Signal(parse(kind, payload)?),
            kind::ACK => Self::Ack(number(payload)?),
            kind::ABORT => Self::Abort,
            kind::SYNC => Self::Sync(parse(kind, payload)?),
            kind::COPY => Self::Copy(payload),
            kind::COPY_PACKED => Self::CopyPacked(payload),
            kind::COPY_WORD => Self::CopyWord(parse(kind, payload)?),
            kind::TUNNEL => Self::Tunnel(payload),
            _ => Self::Ping,
        }))
    }
}

impl<'a> ToHost<'a> {
    /// Writes the frame in one call, without flushing.
    pub fn write(&self, out: &mut impl Write) -> Result<(), FrameError> {
        let mut frame = Vec::new();
        self.encode(&mut frame)?;
        Ok(out.write_all(&frame)?)
    }

    /// The frame's bytes, in place of whatever `out` holds; what memory it has is used again.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        match self {
            Self::Proved(proof) => encode_json(out, kind::PROVED, proof),
            Self::Waiting(waiting) => encode_json(out, kind::WAITING, waiting),
            Self::Base(base) => encode_json(out, kind::BASE, base),
            Self::Manifest(bytes) => encode_raw(out, kind::MANIFEST, &[bytes]),
            Self::ManifestEnd => encode_raw(out, kind::MANIFEST_END, &[]),
            Self::Synced(synced) => encode_json(out, kind::SYNCED, synced),
            Self::Started(started) => encode_json(out, kind::STARTED, started),
            Self::Output { stream, offset, bytes } => {
                let kind = match stream {
                    Stream::Stdout => kind::STDOUT,
                    Stream::Stderr => kind::STDERR,
                };
                encode_raw(out, kind, &[&offset.to_be_bytes(), bytes])
            }
            Self::Ended(ended) => encode_json(out, kind::ENDED, ended),
            Self::Failed(failure) => encode_json(out, kind::FAILED, failure),
            Self::Pong => encode_raw(out, kind::PONG, &[]),
            Self::Taken(total) => encode_raw(out, kind::TAKEN, &[&total.to_be_bytes()]),
            Self::Fate(fate) => encode_json(out, kind::FATE, fate),
            Self::Place(answer) => encode_json(out, kind::PLACE, answer),
            Self::Copy(block) => encode_raw(out, kind::COPY_OUT, &[block]),
            Self::CopyPacked(block) => encode_raw(out, kind::COPY_OUT_PACKED, &[block]),
            Self::CopyWord(word) => encode_json(out, kind::COPY_OUT_WORD, word),
            Self::Tunnel(piece) => encode_raw(out, kind::TUNNEL_OUT, &[piece]),
            Self::Collected(collected) => encode_json(out, kind::COLLECTED, collected),
        }
    }

    /// Reads the next frame of a known kind into `buffer`. `None`: the stream
    /// ended between two frames. Of [`Self::Output`] the buffer holds the bytes and
    /// nothing else: whoever wants to have them takes it.
    pub fn read(
        input: &mut impl Read,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<Self>, FrameError> {
        let known = |kind| {
            (kind::PROVED..=kind::PLACE).contains(&kind)
                || (kind::COPY_OUT..=kind::COLLECTED).contains(&kind)
        };
        let is_output = |kind| kind == kind::STDOUT || kind == kind::STDERR;
        let Some((kind, offset)) = read_known(input, buffer, known, is_output)? else {
            return Ok(None);
        };
        let payload: &'a [u8] = buffer;
        Ok(Some(match kind {
            kind::PROVED => Self::Proved(parse(kind, payload)?),
            kind::WAITING => Self::Waiting(parse(kind, payload)?),
            kind::BASE => Self::Base(parse(kind, payload)?),
            kind::MANIFEST => Self::Manifest(payload),
            kind::MANIFEST_END => Self::ManifestEnd,
            kind::SYNCED => Self::Synced(parse(kind, payload)?),
            kind::STARTED => Self::Started(parse(kind, payload)?),
            kind::STDOUT | kind::STDERR => {
                let stream = if kind == kind::STDOUT { Stream::Stdout } else { Stream::Stderr };
                Self::Output { stream, offset, bytes: payload }
            }
            kind::ENDED => Self::Ended(parse(kind, payload)?),
            kind::FAILED => Self::Failed(parse(kind, payload)?),
            kind::TAKEN => Self::Taken(number(payload)?),
            kind::FATE => Self::Fate(parse(kind, payload)?),
            kind::PLACE => Self::Place(parse(kind, payload)?),
            kind::COPY_OUT => Self::Copy(payload),
            kind::COPY_OUT_PACKED => Self::CopyPacked(payload),
            kind::COPY_OUT_WORD => Self::CopyWord(parse(kind, payload)?),
            kind::TUNNEL_OUT => Self::Tunnel(payload),
            kind::COLLECTED => Self::Collected(parse(kind, payload)?),
            _ => Self::Pong,
        }))
    }
}

fn encode_json(out: &mut Vec<u8>, kind: u8, message: &impl Serialize) -> Result<(), FrameError> {
    let payload =
        serde_json::to_vec(message).map_err(|source| FrameError::Malformed { kind, source })?;
    encode_raw(out, kind, &[&payload])
}

/// One buffer, to be written in one call: the writers of two threads take turns by frame.
fn encode_raw(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) -> Result<(), FrameError> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length > MAX_PAYLOAD {
        return Err(FrameError::TooLong(length));
    }
    let announced = u32::try_from(length).map_err(|_| FrameError::TooLong(length))?;
    out.clear();
    out.reserve(HEADER + length);
    out.push(kind);
    out.extend_from_slice(&announced.to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(())
}

/// Reads frames until one of a known kind stands in `buffer`; returns its kind. Of those that begin
/// with a number, that is returned instead of standing there.
fn read_known(
    input: &mut impl Read,
    buffer: &mut Vec<u8>,
    known: impl Fn(u8) -> bool,
    numbered: impl Fn(u8) -> bool,
) -> Result<Option<(u8, u64)>, FrameError> {
    loop {
        let Some(header) = read_header(input)? else {
            return Ok(None);
        };
        let [kind, length @ ..] = header;
        let mut length = u32::from_be_bytes(length) as usize;
        if length > MAX_PAYLOAD {
            return Err(FrameError::TooLong(length));
        }
        let mut first = [0; 8];
        if numbered(kind) {
            length = length
                .checked_sub(first.len())
                .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
            input.read_exact(&mut first)?;
        }
        // What was there is read over, and isn't filled with zeroes first.
        buffer.truncate(length);
        buffer.reserve_exact(length - buffer.len());
        buffer.resize(length, 0);
        input.read_exact(buffer)?;
        if known(kind) {
            return Ok(Some((kind, u64::from_be_bytes(first))));
        }
    }
}

fn read_header(input: &mut impl Read) -> Result<Option<[u8; HEADER]>, FrameError> {
    let mut header = [0; HEADER];
    let mut filled = 0;
    while filled < HEADER {
        match input.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Some(header))
}

fn parse<T: DeserializeOwned>(kind: u8, payload: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(payload).map_err(|source| FrameError::Malformed { kind, source })
}

fn number(payload: &[u8]) -> Result<u64, FrameError> {
    let bytes = payload
        .first_chunk::<8>()
        .ok_or_else(|| FrameError::Io(io::Error::from(io::ErrorKind::UnexpectedEof)))?;
    Ok(u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unknown_kinds_are_skipped() {
        let mut stream = Vec::new();
        encode_raw(&mut stream, 200, &[b"from the future"]).expect("encodes");
        ToHost::Pong.write(&mut stream).expect("writes");
        let mut buffer = Vec::new();
        let frame = ToHost::read(&mut stream.as_slice(), &mut buffer).expect("reads");
        assert_eq!(frame, Some(ToHost::Pong));
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_it_is_allocated() {
        let mut stream: &[u8] = &[kind::STDOUT, 0xff, 0xff, 0xff, 0xff];
        let mut buffer = Vec::new();
        let error = ToHost::read(&mut stream, &mut buffer).expect_err("refuses");
        assert!(matches!(error, FrameError::TooLong(_)));
        assert_eq!(buffer.capacity(), 0);
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_is_an_error_not_an_end() {
        let mut stream: &[u8] = &[kind::PONG, 0, 0];
        assert!(ToHost::read(&mut stream, &mut Vec::new()).is_err());
        assert_eq!(ToHost::read(&mut [].as_slice(), &mut Vec::new()).expect("ends"), None);
    }

    #[test]
    fn output_without_an_offset_is_an_error() {
        let mut stream = Vec::new();
        encode_raw(&mut stream, kind::STDERR, &[b"seven b"]).expect("encodes");
        ToHost::Pong.write(&mut stream).expect("writes");
        assert!(ToHost::read(&mut stream.as_slice(), &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn output_survives(offset: u64, bytes: Vec<u8>, stdout: bool) {
            let stream = if stdout { Stream::Stdout } else { Stream::Stderr };
            let frame = ToHost::Output { stream, offset, bytes: &bytes };
            let mut wire = Vec::new();
            frame.write(&mut wire).expect("writes");
            let mut buffer = b"what was there before".to_vec();
            let back = ToHost::read(&mut wire.as_slice(), &mut buffer).expect("reads");
            prop_assert_eq!(back, Some(frame));
            prop_assert_eq!(buffer, bytes);
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let mut buffer = Vec::new();
            let mut input = bytes.as_slice();
            while let Ok(Some(_)) = ToHost::read(&mut input, &mut buffer) {}
            let mut input = bytes.as_slice();
            while let Ok(Some(_)) = ToHelper::read(&mut input, &mut buffer) {}
        }
    }
}
