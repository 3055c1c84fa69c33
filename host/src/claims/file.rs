//! The files of the database: ours, private, and together. Nothing here opens one that is there, which
//! would drop SQLite's locks.

use super::error::ClaimError;
use crate::places::FolderError;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes an empty file that nobody else can read; SQLite gives its other files the same mode. A file
/// that is there isn't touched.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    match File::options().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// What is in these files is believed, and the ways to boxes in them are run: others must not be able
/// to change them. What others can only read is closed to them.
pub(super) fn check_files(path: &Path) -> Result<(), ClaimError> {
    for end in ["db", "db-wal", "db-shm", "db-journal"] {
        let path = path.with_extension(end);
        let Ok(found) = fs::metadata(&path) else { continue };
        let refuse = |source| Err(ClaimError::File { path: path.clone(), source });
        let mode = found.mode() & 0o7777;
        if found.uid() != rustix::process::geteuid().as_raw() {
            return refuse(FolderError::Owner { uid: found.uid() });
        }
        if mode & 0o022 != 0 {
            return refuse(FolderError::Open { mode });
        }
        if mode & 0o044 != 0
            && let Err(error) = fs::set_permissions(&path, Permissions::from_mode(0o600))
        {
            return refuse(error.into());
        }
    }
    Ok(())
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
