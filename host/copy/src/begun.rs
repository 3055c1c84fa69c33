//! A folder that a copy has begun to make. What is there under its name decides where a source goes: into a folder, or in
//! its place. So whoever breaks off leaves a mark beside it, and the same copy once more goes on there, not one deeper.

use crate::partial::part_name;
use rustix::fs::{AtFlags, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::{Errno, read, write};
use std::os::fd::BorrowedFd;

/// How long a mark may be, in bytes: two numbers.
const LONGEST: usize = 64;

/// A folder of this name, made of a source of that name.
#[derive(Debug)]
pub(crate) struct Begun {
    name: Vec<u8>,
    mark: Vec<u8>,
}

impl Begun {
    pub(crate) fn of(name: &[u8], source: &[u8]) -> Self {
        let mark = part_name(name, &[b"folder\0", source].concat());
        Self { name: name.to_vec(), mark }
    }

    /// Was it begun, and is it still that one?
    pub(crate) fn is_there(&self, parent: BorrowedFd<'_>) -> bool {
        // Not to wait for whoever writes to a pipe that lies there.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = openat(parent, &*self.mark, flags, Mode::empty()) else { return false };
        let mut said = [0; LONGEST];
        let said = read(&file, &mut said).map(|length| said[..length].to_vec());
        said.is_ok_and(|said| self.id(parent).is_ok_and(|id| id == said))
    }

    /// It is made from now on. Without the mark, it is one that was there.
    pub(crate) fn mark(&self, parent: BorrowedFd<'_>) -> Result<(), Errno> {
        let id = self.id(parent)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        self.clear(parent);
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(parent, &*self.mark, flags | OFlags::CLOEXEC, mode)?;
        write(&file, &id).map(drop)
    }

    /// It is whole.
    pub(crate) fn clear(&self, parent: BorrowedFd<'_>) {
        let _ = unlinkat(parent, &*self.mark, AtFlags::empty());
    }

    fn id(&self, parent: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
        let found = statat(parent, &*self.name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(format!("{} {}", found.st_dev, found.st_ino).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::fd::AsFd;

    #[test]
    fn only_the_folder_that_was_begun_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let parent = File::open(root).expect("opens");
        let parent = parent.as_fd();
        let begun = Begun::of(b"new", b"source");
        assert!(!begun.is_there(parent));
        fs::create_dir(root.join("new")).expect("a folder");
        assert!(!begun.is_there(parent));
        begun.mark(parent).expect("marks");
        assert!(begun.is_there(parent) && !Begun::of(b"new", b"other").is_there(parent));
        // Somebody took it away, and made another.
        fs::rename(root.join("new"), root.join("old")).expect("moves");
        fs::create_dir(root.join("new")).expect("a folder");
        assert!(!begun.is_there(parent));
        fs::remove_dir(root.join("new")).expect("removes");
        fs::rename(root.join("old"), root.join("new")).expect("moves");
        begun.clear(parent);
        assert!(!begun.is_there(parent));
        assert_eq!(fs::read_dir(root).expect("reads").count(), 1);
    }
}
