//! Ways into the workspace that never follow a link: a command on the box may
//! have put one where a folder was. It may also have taken a folder's mode away; that is given
//! back, by descriptor, since the folder is ours.

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, chmod, fchmod, fstat, mkdirat, openat, unlinkat,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What the folders are opened for: the rights that we need on each.
pub(crate) const TO_LOOK: Mode = Mode::RUSR.union(Mode::XUSR);
pub(crate) const TO_WRITE: Mode = Mode::RWXU;

/// Folders below one root. The last one stays open: entries come in order, so the
/// next is mostly in the same.
#[derive(Debug)]
pub(crate) struct Folders {
    root: OwnedFd,
    rights: Mode,
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
    pub(crate) fn open(root: &Path, rights: Mode) -> io::Result<Self> {
        let root = open_folder(CWD, root.as_os_str().as_bytes(), rights)?;
        Ok(Self { root, rights, last: None })
    }

    /// A folder that is there. A link or a file in its way is "not there".
    pub(crate) fn existing(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        let rights = self.rights;
        self.walk(path, |parent, name| open_folder(parent, name, rights))
    }

    /// A folder, made if it isn't there. What is in its way was made on the box: the
    /// tree must be exact, so it goes.
    pub(crate) fn made(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        let rights = self.rights;
        self.walk(path, |parent, name| match open_folder(parent, name, rights) {
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

/// Opens a folder that is there, with these rights on it.
pub(crate) fn open_folder(
    parent: BorrowedFd<'_>,
    name: &[u8],
    rights: Mode,
) -> Result<OwnedFd, Errno> {
    let folder = match openat(parent, name, FOLDER, Mode::empty()) {
        Err(Errno::ACCESS) => {
            open_up(parent, name)?;
            openat(parent, name, FOLDER, Mode::empty())?
        }
        other => other?,
    };
    let mode = Mode::from_raw_mode(fstat(&folder)?.st_mode);
    if !mode.contains(rights) {
        // Where it isn't ours after all, what is done in it says so.
        let _ = fchmod(&folder, mode | Mode::RWXU);
    }
    Ok(folder)
}

/// Gives us all rights on a folder that can't be opened as it is.
fn open_up(parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(parent, name, flags, Mode::empty())?;
    let mode = Mode::from_raw_mode(fstat(&folder)?.st_mode);
    // The mode can't be set through a descriptor of this kind, but by way of its name.
    match chmod(by_descriptor(folder.as_fd()), mode | Mode::RWXU) {
        Err(Errno::PERM) => Err(Errno::ACCESS),
        other => other,
    }
}

/// A path that leads to what is open, wherever that is by now.
fn by_descriptor(open: BorrowedFd<'_>) -> PathBuf {
    Path::new("/proc/self/fd").join(open.as_raw_fd().to_string())
}

/// Removes a folder with all that is in it; links in it are removed, not followed.
pub(crate) fn remove_all(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    // By way of the open parent, so that no part of the path can be exchanged for a link.
    let path = by_descriptor(parent).join(OsStr::from_bytes(name));
    match fs::remove_dir_all(&path) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::ACCESS) => {
            open_up_all(parent, name)?;
            fs::remove_dir_all(path)
        }
        other => other,
    }
}

fn open_up_all(parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    let folder = match open_folder(parent, name, TO_WRITE) {
        // No folder, or none any more.
        Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => return Ok(()),
        other => other?,
    };
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let may_be_folder = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        if may_be_folder && name != b"." && name != b".." {
            open_up_all(folder.as_fd(), name)?;
        }
    }
    Ok(())
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
        let mut folders = Folders::open(&root, TO_WRITE).expect("opens");
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
