//! Ways into the workspace that never follow a link: a command on the box may
//! have put one where a folder was.

use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Folders below one root. The last one stays open: entries come in order, so the
/// next is mostly in the same.
#[derive(Debug)]
pub(crate) struct Folders {
    root: OwnedFd,
    last: Option<(Vec<u8>, OwnedFd)>,
}

/// A path's folder and its name in it.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

impl Folders {
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let root = rustix::fs::open(root, FOLDER, Mode::empty())?;
        Ok(Self { root, last: None })
    }

    /// A folder that is there. A link or a file in its way is "not there".
    pub(crate) fn existing(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        self.walk(path, |parent, name| openat(parent, name, FOLDER, Mode::empty()))
    }

    /// A folder, made if it isn't there. What is in its way was made on the box: the
    /// tree must be exact, so it goes.
    pub(crate) fn made(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        self.walk(path, |parent, name| match openat(parent, name, FOLDER, Mode::empty()) {
            Err(Errno::NOENT) => make(parent, name),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                unlinkat(parent, name, AtFlags::empty())?;
                make(parent, name)
            }
            other => other,
        })
    }

    /// Forgets the open folder: it may have been removed.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    fn walk(
        &mut self,
        path: &[u8],
        step: impl Fn(BorrowedFd<'_>, &[u8]) -> Result<OwnedFd, Errno>,
    ) -> io::Result<BorrowedFd<'_>> {
        if path.is_empty() {
            return Ok(self.root.as_fd());
        }
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            let mut folder: Option<OwnedFd> = None;
            for name in path.split(|byte| *byte == b'/') {
                let parent = folder.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
                folder = Some(step(parent, name)?);
            }
            self.last = folder.map(|folder| (path.to_vec(), folder));
        }
        Ok(self.last.as_ref().map_or(self.root.as_fd(), |(_, folder)| folder.as_fd()))
    }
}

fn make(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    mkdirat(parent, name, Mode::from_raw_mode(0o777))?;
    openat(parent, name, FOLDER, Mode::empty())
}

/// Removes a folder with all that is in it; links in it are removed, not followed.
pub(crate) fn remove_all(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    // By way of the open parent, so that no part of the path can be exchanged for a link.
    let path = Path::new("/proc/self/fd").join(parent.as_raw_fd().to_string());
    fs::remove_dir_all(path.join(OsStr::from_bytes(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_is_no_way_in_and_gives_way_to_a_folder() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
        fs::create_dir(&root).expect("folder");
        fs::create_dir(&outside).expect("folder");
        symlink(&outside, root.join("src")).expect("links");
        let mut folders = Folders::open(&root).expect("opens");
        assert!(folders.existing(b"src").is_err());
        folders.made(b"src/deep").expect("makes");
        assert!(root.join("src/deep").is_dir());
        assert_eq!(fs::read_dir(&outside).expect("reads").count(), 0);
    }

    #[test]
    fn paths_are_split_at_the_last_slash() {
        assert_eq!(split(b"a/b/c"), (b"a/b".as_slice(), b"c".as_slice()));
        assert_eq!(split(b"c"), (b"".as_slice(), b"c".as_slice()));
    }
}
