//! The files of the database: ours, private, and together. Nothing here opens one that is there, which
//! would drop SQLite's locks.

use super::error::ClaimError;
use crate::places::FolderError;
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Makes an empty file that nobody else can read; SQLite gives its other files the same mode. A file
/// that is there isn't touched.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    match File::options().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// What is in these files is believed, and the ways to boxes in them are run: others must not be able
/// to change them.
pub(super) fn check_trusted(path: &Path) -> Result<(), ClaimError> {
    for (path, found) in files(path) {
        let refuse = |source| Err(ClaimError::File { path: path.clone(), source });
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
pub(super) fn check_files(path: &Path) -> Result<(), ClaimError> {
    check_trusted(path)?;
    for (path, found) in files(path) {
        if found.mode() & 0o044 != 0
            && let Err(error) = fs::set_permissions(&path, Permissions::from_mode(0o600))
        {
            return Err(ClaimError::File { path, source: error.into() });
        }
    }
    Ok(())
}

/// Those of the database that are there.
fn files(path: &Path) -> impl Iterator<Item = (PathBuf, Metadata)> {
    let all = ["db", "db-wal", "db-shm", "db-journal"].map(|end| path.with_extension(end));
    all.into_iter().filter_map(|path| fs::metadata(&path).ok().map(|found| (path, found)))
}

/// SQLite takes an empty file for a new database and throws away the log beside it, which holds
/// the claims of the last commands.
pub(super) fn check_log(path: &Path) -> Result<(), ClaimError> {
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    if length(path) == 0 && length(&path.with_extension("db-wal")) > 0 {
        let source = "it is empty, and its log isn't".into();
        return Err(ClaimError::Damaged { path: path.to_owned(), source });
    }
    Ok(())
}
