//! What is here already, where nothing that is here gives way to what comes.

use crate::partial::CHUNK;
use crabbox_wire::tree::Hash;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, openat, readlinkat, statat};
use rustix::io::{Errno, read, retry_on_intr};
use std::os::fd::BorrowedFd;

/// Why something isn't put into its place, for people.
pub(crate) const OTHER: &str = "something else of that name is here already, and stays";

/// What is at a name that a file is to get.
pub(crate) enum There {
    /// Nothing.
    Nothing,
    /// A file of that length, with this content.
    Alike(Box<blake3::Hasher>),
    /// Something else.
    Other,
}

/// Looks at it, and reads what could be the same.
pub(crate) fn look(folder: BorrowedFd<'_>, name: &[u8], size: u64) -> Result<There, Errno> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(There::Nothing),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(folder, name, flags, Mode::empty()) else { return Ok(There::Other) };
    let found = fstat(&file)?;
    let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    if !is_file || u64::try_from(found.st_size) != Ok(size) {
        return Ok(There::Other);
    }
    let mut hasher = Box::new(blake3::Hasher::new());
    let mut chunk = vec![0; CHUNK];
    let mut left = size;
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        match retry_on_intr(|| read(&file, &mut chunk[..want]))? {
            0 => return Ok(There::Other),
            count => {
                hasher.update(&chunk[..count]);
                left -= count as u64;
            }
        }
    }
    Ok(There::Alike(hasher))
}

/// Is what is there a file with this content?
pub(crate) fn is_file(folder: BorrowedFd<'_>, name: &[u8], size: u64, hash: Hash) -> bool {
    match look(folder, name, size) {
        Ok(There::Alike(hasher)) => *hasher.finalize().as_bytes() == hash.0,
        _ => false,
    }
}

/// Is what is there a link that leads there?
pub(crate) fn is_link(folder: BorrowedFd<'_>, name: &[u8], target: &[u8]) -> bool {
    readlinkat(folder, name, Vec::new()).is_ok_and(|found| found.as_bytes() == target)
}
