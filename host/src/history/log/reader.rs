//! Reads a log piece by piece, also one that is still written, or whose writer was killed.

use super::piece::{self, Piece};
use super::segments::list;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use zstd::stream::read::Decoder;

/// Why no more of a log is looked at.
enum Seen {
    Something,
    Unreadable(io::Error),
}

impl From<io::Error> for Seen {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// What a run printed, as far as it is kept.
#[derive(Clone, Debug)]
pub struct Log(PathBuf);

impl Log {
    /// Of the run with this folder.
    #[must_use]
    pub fn of(run: &Path) -> Self {
        Self(run.join("log"))
    }

    /// Is there one?
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.0.is_dir()
    }

    /// Is nothing kept in it? Whoever is killed may have made it and no more.
    ///
    /// # Errors
    /// It can't be read.
    pub fn is_empty(&self) -> io::Result<bool> {
        match self.each(|_| Err(Seen::Something)) {
            Ok(()) => Ok(true),
            Err(Seen::Something) => Ok(false),
            Err(Seen::Unreadable(error)) => Err(error),
        }
    }

    /// How far it goes, in bytes, with what is missing in between.
    ///
    /// # Errors
    /// It can't be read.
    pub fn length(&self) -> io::Result<u64> {
        let mut length = 0;
        self.each(|piece| {
            length += match piece {
                Piece::Output { bytes, .. } => bytes.len() as u64,
                Piece::Cut(count) => count,
            };
            Ok::<_, io::Error>(())
        })?;
        Ok(length)
    }

    /// Hands over every piece in order. What is missing between two of them is one, too; what can't be read counts as missing.
    pub fn each<E: From<io::Error>>(
        &self,
        mut take: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffer = Vec::new();
        let mut at = 0;
        for (offset, path) in list(&self.0)? {
            if offset > at {
                take(Piece::Cut(offset - at))?;
            }
            at = offset;
            let file = match File::open(&path) {
                Ok(file) => file,
                // It went meanwhile, for others that came.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            let mut input = BufReader::new(Decoder::new(file)?);
            // A damaged one ends there.
            while let Ok(Some(piece)) = piece::read(&mut input, &mut buffer) {
                at += match piece {
                    Piece::Output { bytes, .. } => bytes.len() as u64,
                    Piece::Cut(count) => count,
                };
                take(piece)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::segments::Segments;
    use super::super::writer::OutputLog;
    use super::*;
    use crabbox_wire::frame::Stream;
    use std::fs;

    /// The output, and how much of it is missing, with where that begins.
    fn read(run: &Path) -> (Vec<u8>, Vec<(usize, u64)>) {
        let (mut all, mut cuts) = (Vec::new(), Vec::new());
        let read = Log::of(run).each(|piece| {
            match piece {
                Piece::Output { bytes, .. } => all.extend_from_slice(bytes),
                Piece::Cut(count) => cuts.push((all.len(), count)),
            }
            Ok::<_, io::Error>(())
        });
        read.expect("reads");
        (all, cuts)
    }

    fn lines(count: usize) -> Vec<u8> {
        (0..count).flat_map(|number| format!("line {number:08}\n").into_bytes()).collect()
    }

    #[test]
    fn what_is_printed_is_read_again_byte_for_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("run");
        let log = OutputLog::new(run.clone(), 64 << 20);
        assert_eq!(log.finish().0, None);
        assert!(!run.exists(), "nothing is made before there is something");
        let log = OutputLog::new(run.clone(), 64 << 20);
        let mut expected = lines(1000);
        expected.extend([0xff, 0, 0x1b, 0xc3]);
        for (at, bytes) in expected.chunks(7).enumerate() {
            let stream = if at % 3 == 0 { Stream::Stderr } else { Stream::Stdout };
            log.add(stream, &mut bytes.to_vec());
        }
        let (kept, cut) = log.finish();
        let kept = kept.expect("a log");
        assert_eq!((kept.bytes, kept.cut, cut.is_none()), (expected.len() as u64, 0, true));
        assert_eq!(read(&run), (expected, Vec::new()));
    }

    #[test]
    fn of_a_log_that_is_too_long_the_beginning_and_the_end_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("run");
        let log = OutputLog::new(run.clone(), 100_000);
        let expected = lines(100_000);
        for bytes in expected.chunks(1000) {
            log.add(Stream::Stdout, &mut bytes.to_vec());
        }
        let (kept, cut) = log.finish();
        let kept = kept.expect("a log");
        let (found, cuts) = read(&run);
        let [(at, count)] = cuts[..] else { panic!("{cuts:?}") };
        assert!(cut.is_none() && count == kept.cut && kept.bytes == expected.len() as u64);
        assert!(found.len() <= 100_000 && found.len() > 80_000, "{}", found.len());
        let (before, after) = found.split_at(at);
        assert!(expected.starts_with(before) && expected.ends_with(after));
        assert!(before.len() > 40_000 && after.len() > 30_000);
        let entries = fs::read_dir(run.join("log")).expect("reads").flatten();
        let size: u64 = entries.map(|entry| entry.metadata().expect("looks").len()).sum();
        assert!(size < 110_000, "as it came, at most: {size}");
    }

    #[test]
    fn what_was_flushed_is_there_when_the_writer_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut segments = Segments::begin(folder.path().join("log"), 1 << 20).expect("begins");
        segments.add(Stream::Stdout, 1, b"one\n".to_vec()).expect("writes");
        segments.flush().expect("flushes");
        segments.add(Stream::Stdout, 2, b"two\n".to_vec()).expect("writes");
        std::mem::forget(segments);
        assert_eq!(read(folder.path()).0, b"one\n");
    }

    #[test]
    fn what_comes_too_fast_is_kept_as_it_came_beside_what_is_compressed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut segments = Segments::begin(folder.path().join("log"), 10 << 20).expect("begins");
        let part = lines(20_000);
        let mut expected = Vec::new();
        for is_fast in [false, true, true, false] {
            segments.hurry(is_fast);
            segments.add(Stream::Stdout, 1, part.clone()).expect("writes");
            expected.extend_from_slice(&part);
        }
        segments.finish().expect("ends");
        assert_eq!(read(folder.path()), (expected, Vec::new()));
        let all = list(&folder.path().join("log")).expect("lists");
        let size = usize::try_from(fs::metadata(&all[0].1).expect("looks").len()).expect("small");
        assert!(all.len() == 1 && size > 2 * part.len() && size < 3 * part.len(), "{size}");
    }

    #[test]
    fn whatever_is_damaged_the_rest_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut segments = Segments::begin(folder.path().join("log"), 100_000).expect("begins");
        let expected = lines(5000);
        segments.add(Stream::Stdout, 1, expected.clone()).expect("writes");
        segments.finish().expect("ends");
        let all = list(&folder.path().join("log")).expect("lists");
        assert!(all.len() > 4);
        let (offset, path) = &all[2];
        for damage in [Vec::new(), b"no zstd".to_vec(), vec![0xa5; 1000]] {
            fs::write(path, damage).expect("damages");
            let (found, cuts) = read(folder.path());
            let missing = usize::try_from(all[3].0 - offset).expect("small");
            let at = usize::try_from(*offset).expect("small");
            assert_eq!(cuts, [(at, missing as u64)]);
            assert_eq!(found.len() + missing, expected.len());
        }
    }

    #[test]
    fn a_log_that_can_not_be_written_holds_nobody_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("run");
        fs::write(&run, "no folder").expect("writes");
        let log = OutputLog::new(run, 1 << 20);
        for _ in 0..100 {
            log.add(Stream::Stdout, &mut vec![b'x'; 1 << 20]);
        }
        let (kept, cut) = log.finish();
        let kept = kept.expect("there was output");
        assert_eq!((kept.bytes, kept.cut), (100 << 20, 100 << 20));
        assert!(cut.is_some());
    }
}
