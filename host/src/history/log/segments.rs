//! The segments of a log on the disk: the first and the last are kept, those between them go as others come.

use super::piece;
use crabbox_wire::frame::Stream;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zstd::stream::write::Encoder;

/// How long a segment is, in bytes of output.
const SEGMENT: u64 = 8 * 1024 * 1024;

/// No log has fewer, unless it is tiny.
const SEGMENTS: u64 = 8;

/// No segment is shorter.
const SHORTEST: u64 = 4 * 1024;

/// Output comes faster than a higher level would take it, and is much alike.
const LEVEL: i32 = -3;

/// How the files are called behind their offset.
const END: &str = ".zst";

/// How many segments there are, and how long each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    length: u64,
    first: usize,
    last: usize,
}

impl Limits {
    /// For a log of so many bytes.
    fn of(size: u64) -> Self {
        let length = (size / SEGMENTS).clamp(SHORTEST, SEGMENT);
        let count = usize::try_from((size / length).max(2)).unwrap_or(usize::MAX);
        Self { length, first: count / 2, last: count - count / 2 }
    }
}

/// A log that is being written.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    limits: Limits,
    /// Of the output, whether it is kept or not.
    offset: u64,
    /// How many of the first ones are full.
    first: usize,
    /// The last ones that are full: where they begin, and how much is in them.
    last: VecDeque<(u64, u64)>,
    current: Option<Segment>,
    kept: u64,
}

struct Segment {
    encoder: Encoder<'static, File>,
    offset: u64,
    length: u64,
    is_flushed: bool,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes from {}", self.length, self.offset)
    }
}

impl Segments {
    /// Makes the folder. `size`: how much is kept at most, in bytes of output.
    pub(super) fn begin(folder: PathBuf, size: u64) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let (limits, last) = (Limits::of(size), VecDeque::new());
        Ok(Self { folder, limits, offset: 0, first: 0, last, current: None, kept: 0 })
    }

    /// How much of the output is kept, in bytes.
    pub(super) fn kept(&self) -> u64 {
        self.kept
    }

    /// Adds what was printed.
    pub(super) fn add(&mut self, stream: Stream, ms: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let longest = self.limits.length;
            let segment = self.room()?;
            let room = usize::try_from(longest - segment.length).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            segment.encoder.write_all(&piece::head(stream, ms, now.len()))?;
            segment.encoder.write_all(now)?;
            segment.length += now.len() as u64;
            segment.is_flushed = false;
            self.offset += now.len() as u64;
            self.kept += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// So much was printed and isn't kept.
    pub(super) fn lose(&mut self, ms: u64, count: u64) -> io::Result<()> {
        if count > 0 {
            self.offset += count;
            let segment = self.room()?;
            segment.encoder.write_all(&piece::cut(ms, count))?;
            segment.is_flushed = false;
        }
        Ok(())
    }

    /// All of it can be read from now on.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match &mut self.current {
            Some(segment) if !segment.is_flushed => {
                segment.is_flushed = true;
                segment.encoder.flush()
            }
            _ => Ok(()),
        }
    }

    /// Ends it.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self.current.take() {
            Some(segment) => segment.encoder.finish().map(drop),
            None => Ok(()),
        }
    }

    /// The segment with room for something.
    fn room(&mut self) -> io::Result<&mut Segment> {
        if self.current.as_ref().is_some_and(|segment| segment.length >= self.limits.length) {
            self.close()?;
        }
        if self.current.is_none() {
            self.current = Some(Segment::begin(&self.folder, self.offset)?);
        }
        self.current.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The current one is full: another one may have to go for the next.
    fn close(&mut self) -> io::Result<()> {
        let Some(segment) = self.current.take() else { return Ok(()) };
        let (offset, length) = (segment.offset, segment.length);
        segment.encoder.finish()?;
        if self.first < self.limits.first {
            self.first += 1;
            return Ok(());
        }
        self.last.push_back((offset, length));
        while self.last.len() >= self.limits.last {
            let Some((offset, length)) = self.last.pop_front() else { break };
            self.kept -= length;
            fs::remove_file(self.folder.join(name(offset)))?;
        }
        Ok(())
    }
}

impl Segment {
    fn begin(folder: &Path, offset: u64) -> io::Result<Self> {
        let path = folder.join(name(offset));
        let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Self { encoder: Encoder::new(file, LEVEL)?, offset, length: 0, is_flushed: true })
    }
}

fn name(offset: u64) -> String {
    format!("{offset:020}{END}")
}

/// Those that are there, in order, with the offset of each.
pub(super) fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let offset = name.to_str().and_then(|name| name.strip_suffix(END)?.parse().ok());
        found.extend(offset.map(|offset| (offset, entry.path())));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_any_size_has_a_beginning_and_an_end() {
        for size in [1, 5000, 1 << 20, 64 << 20, 1 << 40] {
            let Limits { length, first, last } = Limits::of(size);
            assert!(first > 0 && last > 0 && length >= SHORTEST, "{size}");
            let whole = length * (first + last) as u64;
            assert!(whole <= size.max(2 * SHORTEST) && whole * 2 > size, "{size}: {whole}");
        }
        assert_eq!(Limits::of(64 << 20), Limits { length: SEGMENT, first: 4, last: 4 });
    }
}
