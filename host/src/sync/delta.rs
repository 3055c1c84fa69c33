//! The difference between two trees, and sending it.

use super::SyncError;
use super::folders::{Folders, is_gone, split};
use crate::output::Progress;
use crabbox_wire::delta::Record;
use crabbox_wire::frame::{CHUNK, FrameError, ToHelper};
use crabbox_wire::tree::{Entry, Kind, Tree};
use rustix::fs::{Mode, OFlags, openat, readlinkat};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// zstd's default: the best of size against time at the speeds of real lines.
const LEVEL: i32 = 3;

/// What must happen on the box to get from one tree to another.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Entries to write, in order.
    pub puts: Vec<&'a Entry>,
    /// Paths to remove, in order.
    pub deletes: Vec<&'a [u8]>,
    /// The content of all puts, in bytes.
    pub bytes: u64,
}

/// From `base` (or nothing) to `wanted`.
#[must_use]
pub fn plan<'a>(base: Option<&'a Tree>, wanted: &'a Tree) -> Plan<'a> {
    let mut plan = Plan { puts: Vec::new(), deletes: Vec::new(), bytes: 0 };
    let mut old = base.map_or(&[][..], Tree::entries).iter().peekable();
    for entry in wanted.entries() {
        while let Some(gone) = old.next_if(|old| old.path < entry.path) {
            plan.deletes.push(&gone.path);
        }
        if old.next_if(|old| old.path == entry.path) != Some(entry) {
            plan.bytes += entry.size;
            plan.puts.push(entry);
        }
    }
    plan.deletes.extend(old.map(|gone| gone.path.as_slice()));
    plan
}

/// Sends `plan` from the files below `root`, and flushes. Gives up early, without an error, once
/// `superseded` is set: the box has asked for another plan and reads this one for its end alone.
pub fn send(
    plan: &Plan<'_>,
    root: &Path,
    superseded: &AtomicBool,
    progress: &Progress,
    out: &mut impl Write,
) -> Result<(), SyncError> {
    let sent = send_records(plan, root, superseded, progress, out);
    if !superseded.load(Ordering::Relaxed) {
        sent?;
    }
    ToHelper::DeltaEnd.write(out).map_err(stream)?;
    out.flush().map_err(SyncError::Stream)
}

fn send_records(
    plan: &Plan<'_>,
    root: &Path,
    superseded: &AtomicBool,
    progress: &Progress,
    out: &mut impl Write,
) -> Result<(), SyncError> {
    let mut records = zstd::Encoder::new(Frames { out, superseded }, LEVEL)
        .map(|encoder| io::BufWriter::with_capacity(CHUNK, encoder))
        .map_err(SyncError::Stream)?;
    let mut folders =
        Folders::open(root).map_err(|source| SyncError::Read { path: root.to_owned(), source })?;
    let mut head = Vec::new();
    for entry in &plan.puts {
        head.clear();
        Record::Put((*entry).clone()).encode(&mut head);
        records.write_all(&head).map_err(SyncError::Stream)?;
        let path = || root.join(OsStr::from_bytes(&entry.path));
        match send_content(entry, &mut folders, progress, &mut records) {
            Ok(sent) if sent == entry.size => {}
            Ok(_) => return Err(SyncError::Changed(path())),
            Err(Copy::Read(error)) if is_gone(&error) => return Err(SyncError::Changed(path())),
            Err(Copy::Read(source)) => return Err(SyncError::Read { path: path(), source }),
            Err(Copy::Write(source)) => return Err(SyncError::Stream(source)),
        }
    }
    head.clear();
    for path in &plan.deletes {
        Record::Delete(path.to_vec()).encode(&mut head);
    }
    Record::End.encode(&mut head);
    records.write_all(&head).map_err(SyncError::Stream)?;
    let encoder = records.into_inner().map_err(|error| SyncError::Stream(error.into_error()))?;
    encoder.finish().map_err(SyncError::Stream)?;
    Ok(())
}

/// Sends at most as many bytes as the entry announces, and says how many; the box checks
/// their hash.
fn send_content(
    entry: &Entry,
    folders: &mut Folders,
    progress: &Progress,
    out: &mut impl Write,
) -> Result<u64, Copy> {
    let (parent, name) = split(&entry.path);
    if entry.kind == Kind::Folder {
        return Ok(0);
    }
    let folder = folders.existing(parent).map_err(Copy::Read)?;
    if entry.kind == Kind::Symlink {
        let target = readlinkat(folder, name, Vec::new());
        let target = target.map_err(|error| Copy::Read(error.into()))?.into_bytes();
        out.write_all(&target).map_err(Copy::Write)?;
        return Ok(target.len() as u64);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = openat(folder, name, flags, Mode::empty());
    let file = File::from(file.map_err(|error| Copy::Read(error.into()))?);
    copy(&mut file.take(entry.size), progress, out)
}

enum Copy {
    Read(io::Error),
    Write(io::Error),
}

/// As `io::copy`, but says which side failed: a file that can't be read and a box
/// that can't be reached aren't the same news.
fn copy(input: &mut impl Read, progress: &Progress, out: &mut impl Write) -> Result<u64, Copy> {
    let mut chunk = vec![0; 64 * 1024];
    let mut copied = 0;
    loop {
        match input.read(&mut chunk) {
            Ok(0) => return Ok(copied),
            Ok(count) => {
                out.write_all(&chunk[..count]).map_err(Copy::Write)?;
                copied += count as u64;
                progress.advance(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Copy::Read(error)),
        }
    }
}

/// Cuts what is written to it into frames.
struct Frames<'a, W: Write> {
    out: &'a mut W,
    superseded: &'a AtomicBool,
}

impl<W: Write> Write for Frames<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.superseded.load(Ordering::Relaxed) {
            return Err(io::Error::other("the box asked for another plan"));
        }
        let bytes = &bytes[..bytes.len().min(CHUNK)];
        ToHelper::Delta(bytes).write(self.out).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn stream(error: FrameError) -> SyncError {
    SyncError::Stream(match error {
        FrameError::Io(error) => error,
        other => io::Error::other(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_wire::tree::Hash;
    use std::fs;

    fn tree(names: &[(&str, &str)]) -> Tree {
        let entry = |(name, content): &(&str, &str)| Entry {
            path: name.as_bytes().to_vec(),
            kind: Kind::File,
            size: content.len() as u64,
            hash: Hash::of(content.as_bytes()),
        };
        Tree::from_sorted(names.iter().map(entry).collect()).expect("sorted")
    }

    #[test]
    fn only_what_differs_is_in_a_plan() {
        let base = tree(&[("a", "1"), ("b", "1"), ("d", "1"), ("z", "1")]);
        let wanted = tree(&[("a", "1"), ("b", "22"), ("c", "1")]);
        let plan = plan(Some(&base), &wanted);
        let puts: Vec<_> = plan.puts.iter().map(|entry| entry.path.as_slice()).collect();
        assert_eq!(puts, [b"b", b"c"]);
        assert_eq!(plan.deletes, [b"d", b"z"]);
        assert_eq!(plan.bytes, 3);
    }

    #[test]
    fn a_file_that_shrank_meanwhile_stops_the_sync() {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::write(folder.path().join("a"), "x").expect("writes");
        let wanted = tree(&[("a", "longer")]);
        let (go_on, progress) = (AtomicBool::new(false), Progress::silent());
        let result = send(&plan(None, &wanted), folder.path(), &go_on, &progress, &mut Vec::new());
        assert!(matches!(result, Err(SyncError::Changed(_))));
    }

    #[test]
    fn a_superseded_plan_is_given_up_with_an_end() {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::write(folder.path().join("a"), "x").expect("writes");
        let wanted = tree(&[("a", "x"), ("not there", "any more")]);
        let mut sent = Vec::new();
        let plan = plan(None, &wanted);
        let (superseded, progress) = (AtomicBool::new(true), Progress::silent());
        send(&plan, folder.path(), &superseded, &progress, &mut sent).expect("ends");
        let mut end = Vec::new();
        ToHelper::DeltaEnd.write(&mut end).expect("writes");
        assert_eq!(sent, end);
    }
}
