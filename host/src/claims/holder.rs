//! Who works with a lease right now: the holder of an exclusive lock on
//! `holders/<lease>`. The kernel lets go of it when the holder dies, so nothing
//! gets stale; the content is for display.

use super::id::LeaseId;
use crate::fault;
use crate::places::{FolderError, private_folder};
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Holds the lock until dropped.
#[derive(Debug)]
pub struct Holder {
    _lock: File,
}

impl Holder {
    /// Takes the lock, or says who has it: the text that they left.
    pub fn try_take(folder: &Path, lease: &LeaseId) -> Result<Result<Self, String>, FolderError> {
        private_folder(folder)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join(lease.as_str()))?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                write!(file, "{}", describe())?;
                fault::point("holder.taken");
                Ok(Ok(Self { _lock: file }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.take(1024).read_to_string(&mut text)?;
                // It is just about to say so.
                Ok(Err(if text.is_empty() { "another crabbox".to_owned() } else { text }))
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// This process, for people: program, process id, machine.
#[must_use]
pub fn describe() -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("crabbox (process {}) on {machine}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_it() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let lease = LeaseId::from_bits(7);
        let first = Holder::try_take(folder.path(), &lease).expect("io").expect("free");
        let second = Holder::try_take(folder.path(), &lease).expect("io");
        assert_eq!(second.expect_err("held"), describe());
        drop(first);
        assert!(Holder::try_take(folder.path(), &lease).expect("io").is_ok());
    }
}
