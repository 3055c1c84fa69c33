//! Ways into the checkout that never follow a link. What lies behind one isn't part of the
//! tree, as git sees it: the link itself is.

use rustix::fs::{Mode, OFlags, openat};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Folders below one root. Names come in order, so those that lead to the last one are kept open:
/// the next is mostly beside it.
#[derive(Debug)]
pub(super) struct Folders {
    root: OwnedFd,
    /// The folders that lead to the last one, each with the length of its path.
    open: Vec<(usize, OwnedFd)>,
    last: Vec<u8>,
}

/// A path's folder and its name in it.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

impl Folders {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let root = rustix::fs::open(root, FOLDER, Mode::empty())?;
        Ok(Self { root, open: Vec::new(), last: Vec::new() })
    }

    /// The folder at this path; an error where it isn't there, or a link or a file is in its place.
    pub(super) fn existing(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        if self.last != path {
            self.walk(path)?;
        }
        Ok(self.open.last().map_or(self.root.as_fd(), |(_, folder)| folder.as_fd()))
    }

    fn walk(&mut self, path: &[u8]) -> io::Result<()> {
        let is_above = |length: &usize| {
            path.starts_with(&self.last[..*length])
                && matches!(path.get(*length), None | Some(b'/'))
        };
        let kept = self.open.iter().take_while(|(length, _)| is_above(length)).count();
        self.open.truncate(kept);
        self.last.clear();
        let mut at = self.open.last().map_or(0, |(length, _)| *length);
        self.last.extend_from_slice(&path[..at]);
        while at < path.len() {
            let start = if at == 0 { 0 } else { at + 1 };
            let end = path[start..].iter().position(|byte| *byte == b'/');
            let end = end.map_or(path.len(), |length| start + length);
            let above = self.open.last().map_or(self.root.as_fd(), |(_, folder)| folder.as_fd());
            let folder = openat(above, &path[start..end], FOLDER, Mode::empty())?;
            self.open.push((end, folder));
            self.last.clear();
            self.last.extend_from_slice(&path[..end]);
            at = end;
        }
        Ok(())
    }
}

/// Tracked and deleted, or deleted since git was asked, or its folder is now a file or a link.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn folders_are_found_in_any_order_and_links_never() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        for name in ["a/b/c", "a/bb", "ab"] {
            fs::create_dir_all(root.join(name)).expect("folders");
        }
        symlink("b", root.join("a/link")).expect("links");
        let mut folders = Folders::open(root).expect("opens");
        let mut inode = |path: &str| {
            let folder = folders.existing(path.as_bytes()).ok()?;
            Some(rustix::fs::fstat(folder).expect("stat").st_ino)
        };
        for path in ["a/b/c", "a/bb", "a/b", "ab", "", "a/b/c", "a"] {
            let real = fs::metadata(root.join(path)).expect("stat").ino();
            assert_eq!(inode(path), Some(real), "{path}");
            for absent in ["a/link", "a/link/c", "a/no", "b"] {
                assert_eq!(inode(absent), None, "{absent}");
            }
        }
    }
}
