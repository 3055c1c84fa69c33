//! A file of zstd frames, one after the other, each compressed or as it came.
//!
//! What comes as it is goes to the file from where it is: whatever else is in its way, the compressor's own copies included, is
//! taken from the program that prints it.

use std::fs::File;
use std::io::{self, BufWriter, IoSlice, Write};
use zstd::stream::write::Encoder;

/// Output comes faster than a higher level would take it, and is much alike.
const LEVEL: i32 = -3;

/// A frame of unknown length, without a checksum, that refers to no more than 128 KiB before: no block is longer than that.
const BEGIN: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3];
const BLOCK: usize = 128 * 1024;

/// A block of nothing, the last one.
const END: [u8; 3] = [1, 0, 0];

/// Small pieces are put together to so much, in bytes.
const TOGETHER: usize = 64 * 1024;

/// A file that is being written.
pub(super) enum Frames {
    Compressed(Encoder<'static, File>),
    AsItCame(BufWriter<File>),
}

impl Frames {
    /// Begins the first frame.
    pub(super) fn begin(file: File, compressed: bool) -> io::Result<Self> {
        if compressed {
            return Encoder::new(file, LEVEL).map(Self::Compressed);
        }
        let mut file = BufWriter::with_capacity(TOGETHER, file);
        file.write_all(&BEGIN)?;
        Ok(Self::AsItCame(file))
    }

    /// With what follows compressed, or not: another frame begins where it isn't.
    pub(super) fn with(self, compressed: bool) -> io::Result<Self> {
        if compressed == matches!(self, Self::Compressed(_)) {
            return Ok(self);
        }
        Self::begin(self.end()?, compressed)
    }

    /// Adds a piece: its head, and what it consists of.
    pub(super) fn write(&mut self, head: &[u8], bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Compressed(encoder) => {
                encoder.write_all(head)?;
                encoder.write_all(bytes)
            }
            Self::AsItCame(file) => {
                let mut before = [&block(head.len())[..], head].concat();
                for part in bytes.chunks(BLOCK) {
                    before.extend(block(part.len()));
                    write_both(file, &before, part)?;
                    before.clear();
                }
                file.write_all(&before)
            }
        }
    }

    /// All of it can be read from now on.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Compressed(encoder) => encoder.flush(),
            Self::AsItCame(file) => file.flush(),
        }
    }

    /// Ends the frame.
    pub(super) fn end(self) -> io::Result<File> {
        match self {
            Self::Compressed(encoder) => encoder.finish(),
            Self::AsItCame(mut file) => {
                file.write_all(&END)?;
                Ok(file.into_inner()?)
            }
        }
    }
}

/// The head of a block of so many bytes that stand there as they are, and others follow.
fn block(length: usize) -> [u8; 3] {
    let [low, middle, high, ..] = (length << 3).to_le_bytes();
    [low, middle, high]
}

/// In one call of the system where it takes them all at once.
fn write_both(file: &mut BufWriter<File>, first: &[u8], then: &[u8]) -> io::Result<()> {
    let written = loop {
        match file.write_vectored(&[IoSlice::new(first), IoSlice::new(then)]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => break written?,
        }
    };
    file.write_all(first.get(written..).unwrap_or_default())?;
    file.write_all(&then[written.saturating_sub(first.len())..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::io::Read;

    /// What a file of these pieces decompresses to: compressed or not, flushed or not. Ended or as whoever is killed leaves it.
    fn read(pieces: &[(bool, bool, Vec<u8>)], ended: bool) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let mut frames = Frames::begin(File::create(&path).expect("a file"), true).expect("begins");
        for (compressed, flushed, bytes) in pieces {
            frames = frames.with(*compressed).expect("goes on");
            frames.write(b"head", bytes).expect("writes");
            if *flushed {
                frames.flush().expect("flushes");
            }
        }
        if ended {
            frames.end().expect("ends");
        } else {
            frames.flush().expect("flushes");
        }
        let written = fs::read(&path).expect("reads");
        let mut all = Vec::new();
        let mut decoder = zstd::stream::read::Decoder::new(written.as_slice()).expect("begins");
        assert_eq!(decoder.read_to_end(&mut all).is_ok(), ended);
        all
    }

    #[test]
    fn a_piece_of_any_length_is_read_again() {
        for length in [0, 1, TOGETHER, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let expected = [b"head", bytes.as_slice()].concat();
            for ended in [true, false] {
                assert_eq!(read(&[(false, false, bytes.clone())], ended), expected, "{length}");
            }
        }
    }

    #[test]
    fn what_is_as_it_came_stands_in_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let mut frames =
            Frames::begin(File::create(&path).expect("a file"), false).expect("begins");
        let bytes = vec![b'x'; BLOCK];
        frames.write(b"head", &bytes).expect("writes");
        // Nothing of a large piece waits to be written.
        let written = fs::read(&path).expect("reads");
        assert!(written.ends_with(&bytes));
        assert!(written.len() < BLOCK + 64, "{}", written.len());
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(pieces: Vec<(bool, bool, Vec<u8>)>, ended: bool) {
            let expected: Vec<u8> =
                pieces.iter().flat_map(|(_, _, bytes)| [b"head", bytes.as_slice()].concat()).collect();
            prop_assert_eq!(read(&pieces, ended), expected);
        }
    }
}
