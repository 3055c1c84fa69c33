//! The files of a database: ours, private, and together. Nothing here opens one that is there, which
//! would drop SQLite's locks.

use crate::places::{FolderError, private_folder};
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// How the names of them end, the database's own last: SQLite would take the log of another one for a new one's.
const ENDS: [&str; 4] = ["db-wal", "db-shm", "db-journal", "db"];

/// A file that others may have written, or can read and it can't be helped.
#[derive(Debug)]
pub(crate) struct Untrusted {
    pub(crate) path: PathBuf,
    pub(crate) source: FolderError,
}

/// Makes an empty file that nobody else can read; SQLite gives its other files the same mode. A file
/// that is there isn't touched.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    match File::options().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// What is in these files is believed: others must not be able to change them.
pub(crate) fn check_trusted(path: &Path) -> Result<(), Untrusted> {
    for (path, found) in files(path) {
        let refuse = |source| Err(Untrusted { path: path.clone(), source });
        let mode = found.mode() & 0o7777;
        if found.uid() != rustix::process::geteuid().as_raw() {
            return refuse(FolderError::Owner { uid: found.uid() });
        }
        if mode & 0o022 != 0 {
            return refuse(FolderError::Open { mode });
        }
    }
    Ok(())
}

/// The same, and what others can only read is closed to them.
pub(crate) fn check(path: &Path) -> Result<(), Untrusted> {
    check_trusted(path)?;
    for (path, found) in files(path) {
        if found.mode() & 0o044 != 0
            && let Err(error) = fs::set_permissions(&path, Permissions::from_mode(0o600))
        {
            return Err(Untrusted { path, source: error.into() });
        }
    }
    Ok(())
}

/// Is it empty, and its log isn't? SQLite takes an empty file for a new database and throws away the log beside it,
/// which holds what was written last.
pub(crate) fn is_cut_off(path: &Path) -> bool {
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    length(path) == 0 && length(&path.with_extension("db-wal")) > 0
}

/// Moves all of them into this folder, which is made.
pub(crate) fn put_aside(path: &Path, aside: &Path) -> io::Result<()> {
    private_folder(aside).map_err(|error| match error {
        FolderError::Io(error) => error,
        other => io::Error::other(other),
    })?;
    for from in ENDS.map(|end| path.with_extension(end)) {
        let name = from.file_name().unwrap_or_default();
        match fs::rename(&from, aside.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Those that are there.
fn files(path: &Path) -> impl Iterator<Item = (PathBuf, Metadata)> {
    let all = ENDS.map(|end| path.with_extension(end));
    all.into_iter().filter_map(|path| fs::metadata(&path).ok().map(|found| (path, found)))
}
