//! A lock beside a database: whoever has that open shares it, and whoever exchanges it has it alone.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Opens the file that is locked, and makes it if it isn't there.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    // NFS and SMB give whoever can't write a file no exclusive lock on it.
    match File::options().read(true).append(true).create(true).mode(0o600).open(path) {
        Err(_) if path.symlink_metadata().is_ok() => File::open(path),
        opened => opened,
    }
}

/// `false`: it is still held after a while.
pub(crate) fn wait_for(
    longest: Duration,
    mut attempt: impl FnMut() -> Result<(), TryLockError>,
) -> io::Result<bool> {
    let end = Instant::now() + longest;
    loop {
        match attempt() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => return Ok(false),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
        }
    }
}
