//! Makes the workspace hold another tree, from the host's stream of records.
//!
//! Content is hashed before it comes near the workspace: in memory, or, where it is large, in a
//! temporary file outside. What takes another file's place is renamed into it; what has a place
//! of its own is written there. What is about to be touched is in the journal before it is, so
//! that a file which was left half written is looked at again. One thread decodes, another writes.

use crate::failure::Failure;
use crate::folders::{Folders, TO_WRITE, remove_all, split};
use crate::inbox::{Event, Inbox};
use crate::journal::{Journal, Row, Rows};
use crate::scan::{now, settled, stamp_of};
use crate::verify::{self, Written};
use crabbox_wire::delta::{DeltaError, Record};
use crabbox_wire::message::FailureCode;
use crabbox_wire::tree::{Entry, Hash, Kind};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, renameat, statat, symlinkat,
    unlinkat,
};
use rustix::io::Errno;
use ruzstd::decoding::StreamingDecoder;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Files up to this size are decoded in memory and written in batches.
const SMALL: u64 = 1024 * 1024;

/// A batch is this many bytes or entries, whichever comes first.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
const BATCH_ENTRIES: usize = 256;

/// How often an entry is written anew when something on the box takes its folder away meanwhile.
const ATTEMPTS: u32 = 5;

/// What is about to take another's place, in the temporary folder.
const NEXT: &str = "next";

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) written: u64,
    pub(crate) removed: u64,
}

/// An entry with its content, checked.
struct Item {
    entry: Entry,
    content: Content,
}

enum Content {
    Memory(Vec<u8>),
    /// In the folder for temporary files, under this name.
    Stored(String),
}

/// Applies the stream that comes through `inbox` to the workspace.
pub(crate) fn apply(
    inbox: &Inbox,
    workspace: &Path,
    temporary: &Path,
    journal: &mut Journal,
    rows: &mut Rows,
) -> Result<Done, Failure> {
    let wrap = |error| Failure::system("opening", workspace, &error);
    let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let temporary =
        rustix::fs::open(temporary, folder, Mode::empty()).map_err(|error| wrap(error.into()))?;
    let mut writer = Writer {
        folders: Folders::open(workspace, TO_WRITE).map_err(wrap)?,
        temporary: temporary.as_fd(),
        journal,
        rows,
        fresh: Vec::new(),
        done: Done::default(),
        workspace,
    };
    thread::scope(|scope| {
        let (batches, to_write) = sync_channel::<Vec<Item>>(2);
        let writing = scope.spawn(move || {
            for batch in to_write {
                writer.write(batch)?;
            }
            Ok::<_, Failure>(writer)
        });
        let decoded = decode(inbox, temporary.as_fd(), |batch| batches.send(batch).is_ok());
        drop(batches);
        // The writer's failure is why the decoder was stopped, not the other way round.
        let mut writer = writing.join().expect("the writing thread doesn't panic")?;
        writer.delete(&decoded?)?;
        verify::at_end(workspace, &writer.fresh, writer.rows)?;
        writer.settle()?;
        Ok(writer.done)
    })
}

/// Decodes the stream; hands on batches of puts, returns the deletes.
fn decode(
    inbox: &Inbox,
    temporary: BorrowedFd<'_>,
    mut hand_on: impl FnMut(Vec<Item>) -> bool,
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut stream = Stream { inbox, chunk: Vec::new(), at: 0, closed: false };
    let result = {
        let decoder = StreamingDecoder::new(&mut stream).map_err(io::Error::other);
        decoder.map_err(DeltaError::Io).and_then(|decoder| {
            let mut input = BufReader::with_capacity(256 * 1024, decoder);
            read_records(&mut input, temporary, &mut hand_on)
        })
    };
    match result {
        _ if stream.closed => Err(Failure::HostGone),
        Ok(deletes) => {
            // To the end of the stream, so that what follows starts with the next frame.
            io::copy(&mut stream, &mut io::sink()).map_err(|_| Failure::HostGone)?;
            deletes
        }
        Err(error) => Err(Failure::new(FailureCode::Verify, error.to_string())),
    }
}

fn read_records(
    input: &mut impl Read,
    temporary: BorrowedFd<'_>,
    hand_on: &mut impl FnMut(Vec<Item>) -> bool,
) -> Result<Result<Vec<Vec<u8>>, Failure>, DeltaError> {
    let mut deletes = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for number in 0_u64.. {
        match Record::read(input)? {
            Record::Put(entry) => {
                let content = if entry.size <= SMALL {
                    let mut content = vec![0; usize::try_from(entry.size).unwrap_or(0)];
                    input.read_exact(&mut content)?;
                    bytes += content.len();
                    check(&entry, Hash::of(&content)).map(|()| Content::Memory(content))
                } else {
                    store(input, &entry, temporary, number)?
                };
                match content {
                    Ok(content) => batch.push(Item { entry, content }),
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            Record::Delete(path) => deletes.push(path),
            Record::End => break,
        }
        if bytes >= BATCH_BYTES || batch.len() >= BATCH_ENTRIES {
            bytes = 0;
            if !hand_on(std::mem::take(&mut batch)) {
                break;
            }
        }
    }
    if !batch.is_empty() {
        hand_on(batch);
    }
    Ok(Ok(deletes))
}

fn check(entry: &Entry, hash: Hash) -> Result<(), Failure> {
    if entry.hash == hash {
        return Ok(());
    }
    let path = String::from_utf8_lossy(&entry.path).into_owned();
    Err(Failure::new(
        FailureCode::Verify,
        format!("`{path}` isn't what was announced: it changed while it was sent"),
    ))
}

/// Writes a large file to the temporary folder while it arrives.
fn store(
    input: &mut impl Read,
    entry: &Entry,
    temporary: BorrowedFd<'_>,
    number: u64,
) -> Result<Result<Content, Failure>, DeltaError> {
    let name = format!("large-{number}");
    let mut file = match create(temporary, &name, entry.kind) {
        Ok(file) => file,
        Err(error) => return Ok(Err(cannot_write(entry, &error.into()))),
    };
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; 256 * 1024];
    let mut left = entry.size;
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        input.read_exact(&mut chunk[..want])?;
        hasher.update(&chunk[..want]);
        if let Err(error) = file.write_all(&chunk[..want]) {
            return Ok(Err(cannot_write(entry, &error)));
        }
        left -= want as u64;
    }
    let hash = Hash(*hasher.finalize().as_bytes());
    Ok(check(entry, hash).map(|()| Content::Stored(name)))
}

fn cannot_write(entry: &Entry, error: &io::Error) -> Failure {
    Failure::entry("writing", &entry.path, error)
}

/// A new file in the temporary folder; what an earlier session left there goes.
fn create(temporary: BorrowedFd<'_>, name: &str, kind: Kind) -> Result<File, Errno> {
    match create_new(temporary, name.as_bytes(), kind) {
        Err(Errno::EXIST) => {
            unlinkat(temporary, name, AtFlags::empty())?;
            create_new(temporary, name.as_bytes(), kind)
        }
        other => other,
    }
}

fn create_new(folder: BorrowedFd<'_>, name: &[u8], kind: Kind) -> Result<File, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = if kind == Kind::Executable { 0o777 } else { 0o666 };
    openat(folder, name, flags, Mode::from_raw_mode(mode)).map(File::from)
}

struct Writer<'a> {
    folders: Folders,
    temporary: BorrowedFd<'a>,
    journal: &'a mut Journal,
    rows: &'a mut Rows,
    /// What was written: too young for its stamp to be relied on yet.
    fresh: Vec<Written>,
    done: Done,
    workspace: &'a Path,
}

impl Writer<'_> {
    fn journal_failed(&self, error: &io::Error) -> Failure {
        Failure::system("recording what is done to", self.workspace, error)
    }

    fn write(&mut self, batch: Vec<Item>) -> Result<(), Failure> {
        let intents: Vec<Row> =
            batch.iter().map(|item| Row { entry: item.entry.clone(), stamp: None }).collect();
        self.journal.put(&intents).map_err(|error| self.journal_failed(&error))?;
        for Item { entry, content } in batch {
            let stat =
                self.place(&entry, &content).map_err(|error| cannot_write(&entry, &error))?;
            verify::at_once(&entry, &stat)?;
            self.fresh.push(Written { path: entry.path.clone(), stamp: stamp_of(&stat) });
            self.rows.insert(entry.path.clone(), Row { entry, stamp: None });
            self.done.written += 1;
        }
        Ok(())
    }

    /// Puts one entry into its place.
    fn place(&mut self, entry: &Entry, content: &Content) -> io::Result<Stat> {
        let mut attempt = 1;
        loop {
            match self.try_to_place(entry, content) {
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::STALE | Errno::EXIST)
                    if attempt < ATTEMPTS =>
                {
                    // Its folder isn't where it was a moment ago, or something is there again.
                    self.folders.forget();
                    attempt += 1;
                }
                other => return Ok(other?),
            }
        }
    }

    fn try_to_place(&mut self, entry: &Entry, content: &Content) -> Result<Stat, Errno> {
        let (parent, name) = split(&entry.path);
        let folder = self.folders.made(parent).map_err(|error| errno(&error))?;
        let from = match content {
            Content::Memory(_) if entry.kind == Kind::Folder => return make_folder(folder, name),
            Content::Memory(target) if entry.kind == Kind::Symlink => {
                make_link(target, self.temporary)?;
                NEXT
            }
            Content::Memory(content) => {
                match create_new(folder, name, entry.kind) {
                    Ok(mut file) => {
                        let written = file.write_all(content).map_err(|error| errno(&error));
                        if written.is_err() {
                            // On a full disk half a file is in the way of whatever comes next.
                            let _ = unlinkat(folder, name, AtFlags::empty());
                        }
                        return written.and_then(|()| fstat(&file));
                    }
                    Err(Errno::EXIST) => {}
                    Err(error) => return Err(error),
                }
                create(self.temporary, NEXT, entry.kind)?
                    .write_all(content)
                    .map_err(|error| errno(&error))?;
                NEXT
            }
            Content::Stored(name) => name,
        };
        match renameat(self.temporary, from, folder, name) {
            Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => {
                remove_all(folder, name).map_err(|error| errno(&error))?;
                renameat(self.temporary, from, folder, name)?;
            }
            other => other?,
        }
        statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Removes what isn't wanted any more, and the folders that this leaves empty.
    fn delete(&mut self, paths: &[Vec<u8>]) -> Result<(), Failure> {
        for path in paths {
            // A path that is unknown here was never put here.
            if self.rows.contains_key(path) {
                self.remove(path).map_err(|error| Failure::entry("removing", path, &error))?;
                self.rows.remove(path);
                self.done.removed += 1;
            }
        }
        self.journal.delete(paths).map_err(|error| self.journal_failed(&error))
    }

    fn remove(&mut self, path: &[u8]) -> io::Result<()> {
        let (mut parent, name) = split(path);
        let Ok(folder) = self.folders.existing(parent) else {
            return Ok(());
        };
        match unlinkat(folder, name, AtFlags::empty()) {
            // By now a folder of the new tree, or one that was made on the box and holds
            // what isn't ours: only an empty one goes.
            Err(Errno::ISDIR | Errno::PERM) if is_folder(folder, name) => {
                let _ = unlinkat(folder, name, AtFlags::REMOVEDIR);
            }
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        while !parent.is_empty() && !self.rows.contains_key(parent) {
            let (above, name) = split(parent);
            self.folders.forget();
            let Ok(folder) = self.folders.existing(above) else {
                break;
            };
            if unlinkat(folder, name, AtFlags::REMOVEDIR).is_err() {
                break;
            }
            parent = above;
        }
        Ok(())
    }

    /// Notes the stamps of what was written, where enough time has passed since: whoever writes
    /// there from now on leaves another stamp.
    fn settle(&mut self) -> Result<(), Failure> {
        let now = now();
        let mut known = Vec::new();
        for Written { path, stamp } in std::mem::take(&mut self.fresh) {
            if let Some(stamp) = settled(stamp, now)
                && let Some(row) = self.rows.get_mut(&path)
                && row.entry.kind != Kind::Folder
            {
                row.stamp = Some(stamp);
                known.push(row.clone());
            }
        }
        self.journal
            .put(&known)
            .and_then(|()| self.journal.compact(self.rows))
            .map_err(|error| self.journal_failed(&error))
    }
}

/// A folder will do; anything else is in the way.
fn make_folder(folder: BorrowedFd<'_>, name: &[u8]) -> Result<Stat, Errno> {
    let make = || mkdirat(folder, name, Mode::from_raw_mode(0o777));
    match make() {
        Err(Errno::EXIST) if !is_folder(folder, name) => {
            unlinkat(folder, name, AtFlags::empty())?;
            make()?;
        }
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// A link in the temporary folder, under [`NEXT`].
fn make_link(target: &[u8], temporary: BorrowedFd<'_>) -> Result<(), Errno> {
    match symlinkat(target, temporary, NEXT) {
        Err(Errno::EXIST) => {
            unlinkat(temporary, NEXT, AtFlags::empty())?;
            symlinkat(target, temporary, NEXT)
        }
        other => other,
    }
}

fn is_folder(folder: BorrowedFd<'_>, name: &[u8]) -> bool {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// The number behind an error of the standard library; it has one wherever a system call failed.
fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// Empties the folder for temporary files: a session that was killed leaves what it had stored.
pub(crate) fn empty(temporary: &Path) {
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        // What is still in the way when its name is needed is an error then.
        let _ = fs::remove_file(entry.path());
    }
}

/// The bytes of a delta, out of its frames.
struct Stream<'a> {
    inbox: &'a Inbox,
    chunk: Vec<u8>,
    at: usize,
    /// The host is gone: what the decoder says of the rest doesn't matter.
    closed: bool,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            match self.inbox.next() {
                Some(Event::Delta(bytes)) => {
                    self.chunk = bytes;
                    self.at = 0;
                }
                Some(Event::DeltaEnd) => return Ok(0),
                None => {
                    self.closed = true;
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                Some(_) => {}
            }
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
