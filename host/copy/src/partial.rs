//! A file on its way to its place. A small one is held in memory until it is whole; a large one is written beside its
//! place, under a name that tells which content it is, so that the next copy of the same continues it.

use crabbox_wire::tree::Hash;
use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat, fchmod, flock, fstat,
    ftruncate, openat, renameat, renameat_with, statat, symlinkat, unlinkat,
};
use rustix::io::{Errno, pread, retry_on_intr, write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How much of a file's name is in that of its part.
const NAMED: usize = 180;

/// How often a part is opened anew that somebody took away meanwhile.
const ATTEMPTS: u32 = 5;

/// What becomes of what is at a name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// What comes takes its place.
    GivesWay,
    /// It stays: what comes fails with [`Errno::EXIST`].
    Stays,
}

pub(crate) const CHUNK: usize = 128 * 1024;

/// A large file, part of which may be there.
#[derive(Debug)]
pub struct Partial {
    file: OwnedFd,
    name: Vec<u8>,
}

/// A part can't be had.
#[derive(Debug, thiserror::Error)]
pub enum PartialError {
    /// Somebody else writes it.
    #[error("another copy of it is under way")]
    Taken,
    /// The system refuses it.
    #[error(transparent)]
    System(#[from] Errno),
}

impl Partial {
    /// The part of the file that is to be called `name` in this folder, and has content of this key: what an earlier
    /// copy left, or an empty one. What is there under its name and isn't ours gives way.
    pub fn open(folder: BorrowedFd<'_>, name: &[u8], key: Hash) -> Result<Self, PartialError> {
        let part = part_name(name, &key.0);
        for _ in 0..ATTEMPTS {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
            let mode = Mode::RUSR | Mode::WUSR;
            let file = match openat(folder, &*part, flags | OFlags::CLOEXEC, mode) {
                Ok(file) => file,
                Err(Errno::LOOP) => {
                    unlinkat(folder, &*part, AtFlags::empty())?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let found = fstat(&file)?;
            if !is_ours(&found) {
                unlinkat(folder, &*part, AtFlags::empty())?;
                continue;
            }
            // Where nothing can be locked, two copies at once are found out by their hash.
            let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
            if locked == Err(Errno::WOULDBLOCK) {
                return Err(PartialError::Taken);
            }
            // Whoever had it may have put it into its place since.
            let there = statat(folder, &*part, AtFlags::SYMLINK_NOFOLLOW);
            if there.is_ok_and(|there| (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino))
            {
                return Ok(Self { file, name: part });
            }
        }
        Err(PartialError::Taken)
    }

    /// How much of it is there, and the hash of that; it is at most `size` bytes.
    pub fn held(&self, size: u64) -> Result<(u64, blake3::Hasher), Errno> {
        let mut hasher = blake3::Hasher::new();
        let length = u64::try_from(fstat(&self.file)?.st_size).unwrap_or(0);
        if length > size {
            ftruncate(&self.file, 0)?;
            return Ok((0, hasher));
        }
        let mut chunk = vec![0; CHUNK];
        let mut at = 0;
        while at < length {
            match retry_on_intr(|| pread(&self.file, &mut *chunk, at))? {
                0 => break,
                count => {
                    hasher.update(&chunk[..count]);
                    at += count as u64;
                }
            }
        }
        Ok((at, hasher))
    }

    /// Content comes from this offset on.
    pub fn begin(&self, at: u64) -> Result<(), Errno> {
        ftruncate(&self.file, at)?;
        rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Start(at)).map(drop)
    }

    /// The next bytes.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Errno> {
        write_all(self.file.as_fd(), bytes)
    }

    /// Puts it into its place.
    pub fn finish(
        self,
        folder: BorrowedFd<'_>,
        name: &[u8],
        mode: u32,
        before: Before,
    ) -> Result<(), Errno> {
        let placed = fchmod(&self.file, Mode::from_raw_mode(mode))
            .and_then(|()| rename(folder, &self.name, name, before));
        placed.inspect_err(|_| {
            let _ = unlinkat(folder, &*self.name, AtFlags::empty());
        })
    }

    /// Takes it away again.
    pub fn discard(self, folder: BorrowedFd<'_>) {
        let _ = unlinkat(folder, &*self.name, AtFlags::empty());
    }
}

/// Nobody else has a way to it.
fn is_ours(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
        && found.st_nlink == 1
        && found.st_uid == rustix::process::geteuid().as_raw()
}

/// Puts a small file into its place, whole.
pub fn place(
    folder: BorrowedFd<'_>,
    name: &[u8],
    mode: u32,
    content: &[u8],
    before: Before,
) -> Result<(), Errno> {
    beside(folder, name, before, |part| {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mine = Mode::RUSR | Mode::WUSR;
        let file = openat(folder, part, flags | OFlags::CLOEXEC, mine)?;
        let written = write_all(file.as_fd(), content)
            .and_then(|()| fchmod(&file, Mode::from_raw_mode(mode)));
        written.inspect_err(|_| {
            let _ = unlinkat(folder, part, AtFlags::empty());
        })
    })
}

/// Puts a link into its place.
pub fn place_link(
    folder: BorrowedFd<'_>,
    name: &[u8],
    target: &[u8],
    before: Before,
) -> Result<(), Errno> {
    match symlinkat(target, folder, name) {
        Err(Errno::EXIST) if before == Before::GivesWay => {
            beside(folder, name, before, |part| symlinkat(target, folder, part))
        }
        other => other,
    }
}

/// Makes it under another name, then gives it its own: what had that name is replaced, not written to.
fn beside(
    folder: BorrowedFd<'_>,
    name: &[u8],
    before: Before,
    make: impl FnOnce(&[u8]) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut random = [0; 16];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    let part = part_name(name, &random);
    make(&part)?;
    rename(folder, &part, name, before).inspect_err(|_| {
        let _ = unlinkat(folder, &*part, AtFlags::empty());
    })
}

fn rename(folder: BorrowedFd<'_>, part: &[u8], name: &[u8], before: Before) -> Result<(), Errno> {
    if before == Before::GivesWay {
        return renameat(folder, part, folder, name);
    }
    match renameat_with(folder, part, folder, name, RenameFlags::NOREPLACE) {
        // Not every file system can do it at once.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Err(Errno::EXIST),
                Err(Errno::NOENT) => renameat(folder, part, folder, name),
                Err(error) => Err(error),
            }
        }
        other => other,
    }
}

/// The name of a part: hidden, and told from others of the file by a digest.
pub(crate) fn part_name(name: &[u8], key: &[u8]) -> Vec<u8> {
    let digest = Hash::of(&[name, b"\0", key].concat()).to_string();
    [b".", &name[..name.len().min(NAMED)], b".crabbox-", &digest.as_bytes()[..16]].concat()
}

/// Is the last part of this path such a name?
#[must_use]
pub fn is_part_name(path: &[u8]) -> bool {
    const MARK: &[u8] = b".crabbox-";
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    let Some((rest, digest)) = name.split_last_chunk::<16>() else { return false };
    let of = rest.strip_prefix(b".").and_then(|rest| rest.strip_suffix(MARK));
    of.is_some_and(|of| !of.is_empty() && of.len() <= NAMED)
        && digest.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

fn write_all(file: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let count = retry_on_intr(|| write(file, bytes))?;
        bytes = &bytes[count..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn folder_of(path: &Path) -> OwnedFd {
        openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).expect("opens")
    }

    #[test]
    fn a_part_is_continued_and_one_of_another_content_is_not() {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = folder_of(temporary.path());
        let (one, other) = (Hash::of(b"1"), Hash::of(b"2"));
        Partial::open(folder.as_fd(), b"f", one).expect("opens").write(b"abc").expect("writes");
        let again = Partial::open(folder.as_fd(), b"f", one).expect("opens");
        let (at, hasher) = again.held(10).expect("reads");
        assert_eq!((at, *hasher.finalize().as_bytes()), (3, Hash::of(b"abc").0));
        let fresh = Partial::open(folder.as_fd(), b"f", other).expect("opens");
        assert_eq!(fresh.held(10).expect("reads").0, 0);
        assert_eq!(again.held(2).expect("reads").0, 0, "longer than the file can't be its part");
    }

    #[test]
    fn two_at_once_are_told_apart() {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = folder_of(temporary.path());
        let held = Partial::open(folder.as_fd(), b"f", Hash::of(b"")).expect("opens");
        let second = Partial::open(folder.as_fd(), b"f", Hash::of(b""));
        assert!(matches!(second, Err(PartialError::Taken)));
        held.finish(folder.as_fd(), b"f", 0o600, Before::Stays).expect("places");
        Partial::open(folder.as_fd(), b"f", Hash::of(b"")).expect("a new one");
    }

    #[test]
    fn what_stays_is_not_replaced() {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = folder_of(temporary.path());
        let put = |content, before| place(folder.as_fd(), b"f", 0o600, content, before);
        assert_eq!(put(b"1", Before::Stays), Ok(()));
        assert_eq!(put(b"2", Before::Stays), Err(Errno::EXIST));
        let content = || fs::read(temporary.path().join("f")).expect("reads");
        assert_eq!(content(), b"1");
        assert_eq!(put(b"2", Before::GivesWay), Ok(()));
        assert_eq!(content(), b"2");
        assert_eq!(fs::read_dir(temporary.path()).expect("reads").count(), 1);
    }

    #[test]
    fn what_was_planted_under_the_name_of_a_part_is_not_written_to() {
        let temporary = tempfile::tempdir().expect("a folder");
        let (root, key) = (temporary.path(), Hash::of(b""));
        let folder = folder_of(root);
        fs::write(root.join("outside"), "mine").expect("a file");
        let part = String::from_utf8(part_name(b"f", &key.0)).expect("a name");
        for plant in [
            (|from, to| symlink(from, to)) as fn(&Path, &Path) -> std::io::Result<()>,
            |from, to| fs::hard_link(from, to),
        ] {
            plant(&root.join("outside"), &root.join(&part)).expect("plants");
            let opened = Partial::open(folder.as_fd(), b"f", key).expect("opens");
            opened.write(b"theirs").expect("writes");
            opened.discard(folder.as_fd());
            assert_eq!(fs::read(root.join("outside")).expect("reads"), b"mine");
        }
    }

    #[test]
    fn only_our_own_names_are_of_parts() {
        for name in [b"f".as_slice(), b"x.crabbox-1", &[b'x'; 255]] {
            let part = part_name(name, b"key");
            assert!(is_part_name(&part) && is_part_name(&[b"a/b/", &*part].concat()));
            assert!(!is_part_name(name) && !is_part_name(&part[1..]));
            assert!(!is_part_name(&part[..part.len() - 1]));
        }
        assert!(!is_part_name(b"..crabbox-0123456789abcdef"));
        assert!(!is_part_name(b".f.crabbox-0123456789ABCDEF"));
    }

    #[test]
    fn a_long_name_has_a_part_of_its_own() {
        let (one, other) = ([b"x".repeat(254), b"1".to_vec()], [b"x".repeat(254), b"2".to_vec()]);
        let (one, other) = (part_name(&one.concat(), b""), part_name(&other.concat(), b""));
        assert!(one != other && one.len() <= 255);
    }
}
