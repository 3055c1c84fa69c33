//! Turns what lies at a path into records, a folder at a time. What can't be read is told of, and the rest goes on.

use crate::Gone;
use crate::budget::Budget;
use crate::reason::in_words;
use crabbox_wire::collect::{Collected, Limits};
use crabbox_wire::copy::{BLOCK, MAX_DEPTH, PIECE, RESUMABLE, Record};
use crabbox_wire::tree::Hash;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat,
};
use rustix::io::{Errno, pread, read, retry_on_intr};
use rustix::path::Arg;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How much of the beginning of a file tells it from another one, beside its length and its time.
const HEAD: usize = 64 * 1024;

/// What the receiver has of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// So much of its beginning, with this hash.
    Have(u64, Hash),
    /// It doesn't want the file.
    Skip,
}

/// What carries records to the receiver.
pub trait Line {
    /// Sends whole records, [`BLOCK`] bytes at most.
    fn block(&mut self, records: &[u8]) -> Result<(), Gone>;
    /// Waits for what the receiver has of the file that it was told of.
    fn answer(&mut self) -> Result<Answer, Gone>;
    /// So much content is on its way, or needn't go there.
    fn advance(&mut self, _bytes: u64) {}
    /// So much there will be, as far as is known.
    fn expect(&mut self, _total: u64) {}
}

/// Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is nothing at the path.
    #[error("it isn't there")]
    Missing,
    /// It can't be looked at.
    #[error("{}", in_words(*.0))]
    Look(Errno),
    /// The receiver is gone.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// Sends what lies at `path`: a link as a link, unless a slash follows it.
pub fn send(path: &Path, line: &mut dyn Line) -> Result<(), SendError> {
    send_within(path, Limits::NONE, line).map(drop)
}

/// The same, as much of it as the limits allow.
pub fn send_within(
    path: &Path,
    limits: Limits,
    line: &mut dyn Line,
) -> Result<Collected, SendError> {
    let name = path.as_os_str().as_bytes();
    let found = statat(CWD, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| match error {
        Errno::NOENT | Errno::NOTDIR => SendError::Missing,
        error => SendError::Look(error),
    })?;
    let total = measure(CWD, name, &found, 0);
    line.expect(total);
    let mut sender = Sender::new(line, limits);
    sender.say(&Record::Total(total))?;
    sender.entry(CWD, name, b"", 0)?;
    Ok(Collected { unnamed: sender.end()?, ..Collected::default() })
}

/// Says that there is nothing to be sent, and why.
pub fn send_nothing(why: &str, line: &mut dyn Line) -> Result<Collected, Gone> {
    let mut sender = Sender::new(line, Limits::NONE);
    sender.skip(b"", why)?;
    Ok(Collected { unnamed: sender.end()?, ..Collected::default() })
}

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How much content there is, as far as that can be told.
fn measure(parent: BorrowedFd<'_>, name: impl Arg + Copy, found: &Stat, depth: usize) -> u64 {
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => u64::try_from(found.st_size).unwrap_or(0),
        FileType::Directory if depth < MAX_DEPTH => {
            let Ok(folder) = openat(parent, name, FOLDER, Mode::empty()) else { return 0 };
            let entries = Dir::read_from(&folder).into_iter().flatten().flatten();
            let below =
                entries.filter(|entry| !is_dots(entry.file_name().to_bytes())).map(|entry| {
                    let name = entry.file_name();
                    let found = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW);
                    found.map_or(0, |found| measure(folder.as_fd(), name, &found, depth + 1))
                });
            below.fold(0, u64::saturating_add)
        }
        _ => 0,
    }
}

/// A folder that is sent, open.
pub(crate) struct Listed {
    pub(crate) folder: OwnedFd,
    pub(crate) mode: u32,
    pub(crate) entries: Dir,
}

impl Listed {
    /// The one that is found as `at`, and is no link.
    pub(crate) fn of(parent: BorrowedFd<'_>, at: &[u8]) -> Result<Self, Errno> {
        let folder = openat(parent, at, FOLDER, Mode::empty())?;
        let (mode, entries) = (mode_of(&fstat(&folder)?), Dir::read_from(&folder)?);
        Ok(Self { folder, mode, entries })
    }
}

/// Why more may be in a folder than came.
pub(crate) fn not_all(error: Errno) -> String {
    format!("not all of it could be listed: {}", in_words(error))
}

pub(crate) fn is_dots(name: &[u8]) -> bool {
    name == b"." || name == b".."
}

pub(crate) struct Sender<'a> {
    line: &'a mut dyn Line,
    budget: Budget,
    /// Records that wait to be sent together.
    block: Vec<u8>,
    /// For content.
    piece: Vec<u8>,
}

/// How the content of a file ended.
enum End {
    Whole { hash: Hash, grew: bool },
    Broken(String),
}

impl<'a> Sender<'a> {
    pub(crate) fn new(line: &'a mut dyn Line, limits: Limits) -> Self {
        let block = Vec::with_capacity(BLOCK);
        Self { line, budget: Budget::of(limits), block, piece: vec![0; PIECE] }
    }

    /// Nothing follows. How many entries weren't sent and weren't named.
    pub(crate) fn end(mut self) -> Result<u64, Gone> {
        self.say(&Record::End)?;
        self.flush()?;
        Ok(self.budget.unnamed)
    }

    /// Why no file is sent any more.
    pub(crate) fn is_used_up(&self) -> Option<String> {
        self.budget.is_used_up()
    }

    /// Is one more entry named that isn't sent?
    pub(crate) fn names_another(&mut self) -> bool {
        self.budget.names_another()
    }

    pub(crate) fn say(&mut self, record: &Record<'_>) -> Result<(), Gone> {
        let before = self.block.len();
        record.encode(&mut self.block);
        if self.block.len() > BLOCK {
            let last = self.block.split_off(before);
            self.flush()?;
            self.block = last;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Gone> {
        if !self.block.is_empty() {
            self.line.block(&self.block)?;
            self.block.clear();
        }
        Ok(())
    }

    fn skip(&mut self, name: &[u8], why: &str) -> Result<(), Gone> {
        if self.budget.names_another() {
            self.say(&Record::Skipped { name, why })?;
        }
        Ok(())
    }

    /// An entry that is found as `at`, and is called `name`.
    fn entry(
        &mut self,
        parent: BorrowedFd<'_>,
        at: &[u8],
        name: &[u8],
        depth: usize,
    ) -> Result<(), Gone> {
        let found = match statat(parent, at, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => found,
            Err(error) => return self.skip(name, &in_words(error)),
        };
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => self.file(parent, at, name),
            FileType::Directory if depth >= MAX_DEPTH => {
                self.skip(name, &format!("folders are nested deeper than {MAX_DEPTH}"))
            }
            FileType::Directory => self.folder(parent, at, name, depth),
            FileType::Symlink => match readlinkat(parent, at, Vec::new()) {
                Ok(target) => self.say(&Record::Link { name, target: target.to_bytes() }),
                Err(error) => self.skip(name, &in_words(error)),
            },
            _ => self.skip(name, "it is no file, folder or link"),
        }
    }

    fn folder(
        &mut self,
        parent: BorrowedFd<'_>,
        at: &[u8],
        name: &[u8],
        depth: usize,
    ) -> Result<(), Gone> {
        let Listed { folder, mode, entries } = match Listed::of(parent, at) {
            Ok(listed) => listed,
            Err(error) => return self.skip(name, &in_words(error)),
        };
        self.say(&Record::Folder { name, mode })?;
        for entry in entries {
            match entry {
                Ok(entry) => {
                    let name = entry.file_name().to_bytes();
                    if !is_dots(name) {
                        self.entry(folder.as_fd(), name, name, depth + 1)?;
                    }
                }
                Err(error) => {
                    self.skip(b"", &not_all(error))?;
                    break;
                }
            }
        }
        self.say(&Record::Leave)
    }

    /// A file that is found as `at`, and is called `name`.
    pub(crate) fn file(
        &mut self,
        parent: BorrowedFd<'_>,
        at: &[u8],
        name: &[u8],
    ) -> Result<(), Gone> {
        // What has become a pipe meanwhile isn't waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(parent, at, flags, Mode::empty())
            .and_then(|file| fstat(&file).map(|found| (file, found)));
        let (file, found) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.skip(name, &in_words(error)),
        };
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return self.skip(name, "it is no file, folder or link");
        }
        let size = u64::try_from(found.st_size).unwrap_or(0);
        if let Err(why) = self.budget.take(size) {
            return self.skip(name, &why);
        }
        let key = (size >= RESUMABLE).then(|| key_of(&file, &found));
        self.say(&Record::File { name, mode: mode_of(&found), size, key })?;
        let mut hasher = blake3::Hasher::new();
        let mut start = 0;
        if key.is_some() {
            self.flush()?;
            let Answer::Have(at, hash) = self.line.answer()? else {
                self.line.advance(size);
                return Ok(());
            };
            if at > 0 && at <= size && self.begins_with(&file, at, hash, &mut hasher) {
                start = at;
                self.line.advance(at);
            } else {
                hasher = blake3::Hasher::new();
            }
            self.say(&Record::From(start))?;
        }
        match self.content(&file, &found, start, hasher)? {
            End::Whole { hash, grew } => self.say(&Record::Whole { hash, grew }),
            End::Broken(why) => self.say(&Record::Broken { why: &why }),
        }
    }

    /// Does the file begin with so many bytes of this hash? They are in `hasher` then, and have been read.
    fn begins_with(
        &mut self,
        file: &OwnedFd,
        length: u64,
        hash: Hash,
        hasher: &mut blake3::Hasher,
    ) -> bool {
        let mut left = length;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
            match retry_on_intr(|| pread(file, &mut self.piece[..want], length - left)) {
                Ok(count @ 1..) => {
                    hasher.update(&self.piece[..count]);
                    left -= count as u64;
                }
                _ => return false,
            }
        }
        Hash(*hasher.finalize().as_bytes()) == hash
    }

    fn content(
        &mut self,
        file: &OwnedFd,
        found: &Stat,
        start: u64,
        mut hasher: blake3::Hasher,
    ) -> Result<End, Gone> {
        let size = u64::try_from(found.st_size).unwrap_or(0);
        let mut at = start;
        if let Err(error) = rustix::fs::seek(file, rustix::fs::SeekFrom::Start(start)) {
            return Ok(End::Broken(in_words(error)));
        }
        while at < size {
            let want = usize::try_from(size - at).unwrap_or(usize::MAX).min(PIECE);
            let count = match retry_on_intr(|| read(file, &mut self.piece[..want])) {
                Ok(0) => return Ok(End::Broken("it became shorter while it was read".to_owned())),
                Ok(count) => count,
                Err(error) => return Ok(End::Broken(in_words(error))),
            };
            let piece = std::mem::take(&mut self.piece);
            hasher.update(&piece[..count]);
            let said = self.say(&Record::Data(&piece[..count]));
            self.piece = piece;
            said?;
            self.line.advance(count as u64);
            at += count as u64;
        }
        let hash = Hash(*hasher.finalize().as_bytes());
        Ok(match fstat(file) {
            // What is written to at its end alone has a beginning that can be relied on: a log, most often.
            Ok(now) if now.st_size > found.st_size => End::Whole { hash, grew: true },
            Ok(now) if is_same(&now, found) => End::Whole { hash, grew: false },
            Ok(_) => End::Broken("it changed while it was read".to_owned()),
            Err(error) => End::Broken(in_words(error)),
        })
    }
}

fn is_same(now: &Stat, then: &Stat) -> bool {
    (now.st_size, now.st_mtime, now.st_mtime_nsec)
        == (then.st_size, then.st_mtime, then.st_mtime_nsec)
}

/// The permissions; what makes somebody else of whoever runs a file stays behind.
pub(crate) fn mode_of(found: &Stat) -> u32 {
    found.st_mode & 0o777
}

/// Length, time and beginning.
fn key_of(file: &OwnedFd, found: &Stat) -> Hash {
    let mut head = vec![0; HEAD];
    // A file that can't be read shows that again where its content is read.
    let count = pread(file, &mut head, 0).unwrap_or(0);
    let words = format!("{} {} {}", found.st_size, found.st_mtime, found.st_mtime_nsec);
    Hash::of(&[words.as_bytes(), b"\0", &head[..count]].concat())
}
