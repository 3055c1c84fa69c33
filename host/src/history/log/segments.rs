//! A log on the disk, in segments: what was printed first, and what was printed last.
//!
//! The beginning is compressed as it comes. Of what follows, only the end is wanted, and nobody knows when that comes: the
//! last part is held in memory as it is, and written when nothing comes for a while, every few seconds, and at the end. So
//! of much output little is compressed. What comes as fast as a program can write it isn't at all: that would take as long as
//! the program does.

use super::frames::Frames;
use super::piece;
use crabbox_wire::frame::Stream;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How long a segment of the beginning is at most, in bytes of output.
const SEGMENT: u64 = 8 * 1024 * 1024;

/// How much of the end is kept at most: it is held in memory, of which a run has little.
const END_OF_IT: u64 = 2 * 1024 * 1024;

/// In so many parts the end goes: what is too old of it leaves the rest there.
const PARTS: u64 = 8;

/// No segment is shorter.
const SHORTEST: u64 = 4 * 1024;

/// How the files are called behind their offset.
const END: &str = ".zst";

/// How much is kept, and in segments of which length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    /// Of the beginning.
    first: u64,
    /// Of the end.
    last: u64,
    /// A segment of each.
    of_first: u64,
    of_last: u64,
}

impl Limits {
    /// For a log of so many bytes.
    fn of(size: u64) -> Self {
        let size = size.max(2 * SHORTEST);
        let last = (size / 2).min(END_OF_IT);
        let first = size - last;
        let of_first = first.clamp(SHORTEST, SEGMENT);
        Self { first, last, of_first, of_last: (last / PARTS).max(SHORTEST) }
    }
}

/// A log that is being written.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    limits: Limits,
    /// Of the output, whether it is kept or not.
    offset: u64,
    current: Option<Segment>,
    /// The last part, which is on no disk yet.
    held: VecDeque<Held>,
    /// How much output is in it.
    held_bytes: u64,
    /// The segments of the end: where they begin, and how much is in them.
    last: VecDeque<(u64, u64)>,
    kept: u64,
    /// How much of that is still with the current segment's compressor, and may never come to the disk.
    unflushed: u64,
    /// There is no time to compress.
    is_fast: bool,
    /// Memory that isn't needed any more.
    pub(super) done: Vec<Vec<u8>>,
}

/// What was printed, or is missing.
#[derive(Debug)]
enum Held {
    Output { stream: Stream, ms: u64, bytes: Vec<u8> },
    Lost { ms: u64, count: u64 },
}

impl Held {
    /// How far it goes.
    fn length(&self) -> u64 {
        match self {
            Self::Output { bytes, .. } => bytes.len() as u64,
            Self::Lost { count, .. } => *count,
        }
    }
}

struct Segment {
    frames: Frames,
    offset: u64,
    /// The output that is in it.
    length: u64,
    /// How far it goes, with what is missing of it.
    end: u64,
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
        Ok(Self {
            folder,
            limits: Limits::of(size),
            offset: 0,
            current: None,
            held: VecDeque::new(),
            held_bytes: 0,
            last: VecDeque::new(),
            kept: 0,
            unflushed: 0,
            is_fast: false,
            done: Vec::new(),
        })
    }

    /// How much of the output can be read, in bytes: what is held, or not flushed, isn't kept yet.
    pub(super) fn kept(&self) -> u64 {
        self.kept - self.held_bytes - self.unflushed
    }

    /// Does what follows come faster than it could be compressed in a small part of the time?
    pub(super) fn hurry(&mut self, is_fast: bool) {
        self.is_fast = is_fast;
    }

    /// Adds what was printed.
    pub(super) fn add(&mut self, stream: Stream, ms: u64, bytes: Vec<u8>) -> io::Result<()> {
        let room = usize::try_from(self.limits.first.saturating_sub(self.offset));
        match room.unwrap_or(usize::MAX) {
            0 => self.hold(stream, ms, bytes),
            room => {
                let (now, later) = bytes.split_at(room.min(bytes.len()));
                self.write(stream, ms, now, self.limits.of_first)?;
                if !later.is_empty() {
                    self.hold(stream, ms, later.to_vec())?;
                }
                self.done.push(bytes);
                Ok(())
            }
        }
    }

    /// Adds this to the end, of which nothing is on a disk yet.
    fn hold(&mut self, stream: Stream, ms: u64, later: Vec<u8>) -> io::Result<()> {
        self.end_beginning()?;
        self.kept += later.len() as u64;
        self.offset += later.len() as u64;
        self.held_bytes += later.len() as u64;
        // None of them is more than goes at once.
        let longest = usize::try_from(self.limits.of_last).unwrap_or(usize::MAX);
        if later.len() <= longest {
            self.held.push_back(Held::Output { stream, ms, bytes: later });
        } else {
            let parts = later.chunks(longest).map(<[u8]>::to_vec);
            self.held.extend(parts.map(|bytes| Held::Output { stream, ms, bytes }));
        }
        self.let_go();
        Ok(())
    }

    /// So much was printed and isn't kept.
    pub(super) fn lose(&mut self, ms: u64, count: u64) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        if self.offset < self.limits.first {
            let offset = self.offset;
            let segment = self.segment(offset, self.limits.of_first)?;
            segment.frames.write(&piece::cut(ms, count), &[])?;
            segment.is_flushed = false;
        } else {
            self.end_beginning()?;
            self.held.push_back(Held::Lost { ms, count });
        }
        self.offset += count;
        Ok(())
    }

    /// All of it can be read from now on.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.held.is_empty() {
            self.write_held()?;
        }
        match &mut self.current {
            Some(segment) if !segment.is_flushed => {
                segment.is_flushed = true;
                segment.frames.flush()?;
                self.unflushed = 0;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Ends it.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        self.end_segment()
    }

    /// Writes this to segments of such a length.
    fn write(&mut self, stream: Stream, ms: u64, mut bytes: &[u8], longest: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let offset = self.offset;
            let segment = self.segment(offset, longest)?;
            let room = usize::try_from(longest - segment.length).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            segment.frames.write(&piece::head(stream, ms, now.len()), now)?;
            segment.length += now.len() as u64;
            segment.is_flushed = false;
            segment.end = offset + now.len() as u64;
            self.offset += now.len() as u64;
            self.kept += now.len() as u64;
            self.unflushed += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// What is held is more than the end: the oldest isn't kept.
    fn let_go(&mut self) {
        while self.held_bytes > self.limits.last && self.held.len() > 1 {
            if let Some(Held::Output { bytes, .. }) = self.held.pop_front() {
                self.held_bytes -= bytes.len() as u64;
                self.kept -= bytes.len() as u64;
                self.done.push(bytes);
            }
        }
    }

    /// Writes what is held to segments of the end, for which older ones go. A segment that has room is gone on with, unless
    /// something in between isn't kept: a program that prints little makes few files.
    fn write_held(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        self.kept -= self.held_bytes;
        self.held_bytes = 0;
        self.offset -= held.iter().map(Held::length).sum::<u64>();
        if self.current.as_ref().is_some_and(|segment| segment.end != self.offset) {
            self.end_segment()?;
        }
        for part in held {
            match part {
                Held::Output { stream, ms, bytes } => {
                    self.write_last(stream, ms, &bytes)?;
                    self.done.push(bytes);
                }
                Held::Lost { ms, count } => {
                    let (offset, longest) = (self.offset, self.limits.of_last);
                    let segment = self.segment(offset, longest)?;
                    segment.frames.write(&piece::cut(ms, count), &[])?;
                    segment.is_flushed = false;
                    segment.end = offset + count;
                    self.offset += count;
                }
            }
        }
        let current = self.current.as_ref().map_or(0, |segment| segment.length);
        let mut all = current + self.last.iter().map(|(_, length)| length).sum::<u64>();
        while all > self.limits.last {
            let Some((offset, length)) = self.last.pop_front() else { break };
            all -= length;
            self.kept -= length;
            fs::remove_file(self.folder.join(name(offset)))?;
        }
        Ok(())
    }

    /// Writes this to segments of the end.
    fn write_last(&mut self, stream: Stream, ms: u64, bytes: &[u8]) -> io::Result<()> {
        let longest = self.limits.of_last;
        let parts = bytes.chunks(usize::try_from(longest).unwrap_or(usize::MAX));
        for part in parts {
            if self.current.as_ref().is_some_and(|one| one.length + part.len() as u64 > longest) {
                self.end_segment()?;
            }
            self.write(stream, ms, part, longest)?;
        }
        Ok(())
    }

    /// The segment with room for something, which is at this offset.
    fn segment(&mut self, offset: u64, longest: u64) -> io::Result<&mut Segment> {
        if self.current.as_ref().is_some_and(|segment| segment.length >= longest) {
            self.end_segment()?;
        }
        let compressed = !self.is_fast;
        let segment = match self.current.take() {
            Some(segment) => Segment { frames: segment.frames.with(compressed)?, ..segment },
            None => Segment::begin(&self.folder, offset, compressed)?,
        };
        Ok(self.current.insert(segment))
    }

    fn end_segment(&mut self) -> io::Result<()> {
        let Some(segment) = self.current.take() else { return Ok(()) };
        // One of the end may go later.
        if segment.offset >= self.limits.first {
            self.last.push_back((segment.offset, segment.length));
        }
        segment.frames.end()?;
        self.unflushed = 0;
        Ok(())
    }

    /// What comes next is of the end.
    fn end_beginning(&mut self) -> io::Result<()> {
        match &self.current {
            Some(segment) if segment.offset < self.limits.first => self.end_segment(),
            _ => Ok(()),
        }
    }
}

impl Segment {
    fn begin(folder: &Path, offset: u64, compressed: bool) -> io::Result<Self> {
        let path = folder.join(name(offset));
        let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        let frames = Frames::begin(file, compressed)?;
        Ok(Self { frames, offset, length: 0, end: offset, is_flushed: true })
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
            let Limits { first, last, of_first, of_last } = Limits::of(size);
            assert!(of_first >= SHORTEST && of_last >= SHORTEST && last >= SHORTEST, "{size}");
            assert_eq!(first + last, size.max(2 * SHORTEST), "{size}");
            assert!(first >= last, "{size}");
        }
    }

    #[test]
    fn the_end_is_the_last_that_was_printed_however_often_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut segments = Segments::begin(folder.path().join("log"), 100_000).expect("begins");
        for round in 0..100_u8 {
            for _ in 0..10 {
                segments.add(Stream::Stdout, 1, vec![round; 777]).expect("writes");
            }
            segments.lose(1, 5).expect("writes");
            if round % 3 == 0 {
                segments.flush().expect("flushes");
            }
            let of_end = segments.kept() - segments.limits.first.min(segments.kept());
            let longest = 2 * segments.limits.last;
            assert!(of_end <= longest, "{round}: {of_end}");
        }
        segments.finish().expect("ends");
        let all = list(&folder.path().join("log")).expect("lists");
        assert_eq!(segments.offset, 100 * (7770 + 5));
        assert!(segments.kept() <= 100_000 && segments.kept() > 90_000, "{}", segments.kept());
        assert!(all.last().expect("one").0 < segments.offset);
    }

    #[test]
    fn what_isnt_flushed_may_never_be_read_and_counts_as_lost() {
        let folder = tempfile::tempdir().expect("a folder");
        for is_fast in [false, true] {
            let log = folder.path().join(is_fast.to_string());
            let mut segments = Segments::begin(log, 1 << 20).expect("begins");
            segments.hurry(is_fast);
            segments.add(Stream::Stdout, 1, vec![b'x'; 700]).expect("writes");
            assert_eq!(segments.kept(), 0);
            segments.flush().expect("flushes");
            segments.add(Stream::Stdout, 1, vec![b'x'; 70]).expect("writes");
            assert_eq!(segments.kept(), 700);
            segments.finish().expect("ends");
            assert_eq!(segments.kept(), 770);
        }
    }

    #[test]
    fn a_program_that_prints_little_for_long_makes_few_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut segments = Segments::begin(folder.path().join("log"), 100_000).expect("begins");
        segments.add(Stream::Stdout, 1, vec![b'x'; 60_000]).expect("writes");
        for round in 0..1000 {
            segments.add(Stream::Stdout, 1, b"a line\n".to_vec()).expect("writes");
            if round % 100 == 0 {
                segments.lose(1, 3).expect("writes");
            }
            segments.flush().expect("flushes");
        }
        segments.finish().expect("ends");
        let all = list(&folder.path().join("log")).expect("lists");
        assert!(all.len() <= 4, "{all:?}");
        assert_eq!(segments.kept(), 60_000 + 7000);
    }
}
