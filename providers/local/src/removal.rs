//! Empties a folder, whatever the modes of the folders in it: a command may have left some that not
//! even their owner may change. Links are removed, never followed.

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, chmod, fstat, openat, unlinkat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Removes everything in `folder` but what is called `keep`. An error names what can't be removed.
pub(crate) fn empty_but(folder: &Path, keep: Option<&str>) -> io::Result<()> {
    let opened = open(CWD, folder.as_os_str()).map_err(|errno| name(folder, errno))?;
    empty(opened, folder, keep)
}

fn empty(folder: OwnedFd, path: &Path, keep: Option<&str>) -> io::Result<()> {
    let mut entries = Dir::new(folder).map_err(|errno| name(path, errno))?;
    while let Some(entry) = entries.read() {
        let entry = entry.map_err(|errno| name(path, errno))?;
        let entry = OsStr::from_bytes(entry.file_name().to_bytes());
        if entry == "." || entry == ".." || keep.is_some_and(|keep| entry == keep) {
            continue;
        }
        let folder = entries.fd().map_err(|errno| name(path, errno))?;
        let path = path.join(entry);
        match unlinkat(folder, entry, AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::ISDIR) => {
                let inner = open(folder, entry).map_err(|errno| name(&path, errno))?;
                empty(inner, &path, None)?;
                unlinkat(folder, entry, AtFlags::REMOVEDIR).map_err(|errno| name(&path, errno))?;
            }
            Err(errno) => return Err(name(&path, errno)),
        }
    }
    Ok(())
}

/// Opens a folder and allows its owner to read, change and enter it.
fn open(parent: impl AsFd, folder: &OsStr) -> Result<OwnedFd, Errno> {
    let only_it = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = openat(parent, folder, only_it | OFlags::PATH, Mode::empty())?;
    let mode = Mode::from_raw_mode(fstat(&handle)?.st_mode);
    if !mode.contains(Mode::RWXU) {
        // By the handle: a name could lead elsewhere by now. Should it be refused, what
        // comes next says so.
        let _ = chmod(format!("/proc/self/fd/{}", handle.as_raw_fd()), mode | Mode::RWXU);
    }
    openat(&handle, ".", only_it | OFlags::RDONLY, Mode::empty())
}

fn name(path: &Path, errno: Errno) -> io::Error {
    let error = io::Error::from(errno);
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}
