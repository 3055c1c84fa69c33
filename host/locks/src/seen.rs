//! Is a lock that somebody holds seen by others?

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Is the lock on this file held, as anybody sees who opens it? Whoever only looks shares it for a moment.
pub fn is_seen(path: &Path) -> io::Result<bool> {
    match File::open(path)?.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Would a lock on this file be seen? It is made if it isn't there. The lock of whoever holds it already is as good as
/// one's own, which is let go of at once.
pub fn probe(path: &Path) -> io::Result<bool> {
    let file = File::options().read(true).append(true).create(true).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => is_seen(path),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_while_it_is_held_and_a_probe_leaves_none() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("lock");
        assert!(probe(&path).expect("probes"));
        assert!(!is_seen(&path).expect("looks"));
        let held = File::open(&path).expect("opens");
        for lock in [File::lock_shared, File::lock] {
            lock(&held).expect("locks");
            assert!(probe(&path).expect("probes"));
            held.unlock().expect("lets go");
        }
        held.lock().expect("locks");
        assert!(is_seen(&path).expect("looks"));
    }
}
