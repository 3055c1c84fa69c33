//! Who works with a lease right now: the holder of an exclusive lock on
//! `holders/<lease>`. The kernel lets go of it when the holder dies, so nothing
//! gets stale; the content is for display.

use super::id::LeaseId;
use crate::fault;
use crate::places::{FolderError, private_folder};
use crate::sys::lock_beside_lookers;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Holds the lock until dropped.
#[derive(Debug)]
pub struct Holder {
    lock: File,
}

/// What stands below the name of a holder that lets go of the box.
const LETS_GO: &str = "lets go";

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
        if !lock_beside_lookers(&file)? {
            return Ok(Err(said(file)?));
        }
        file.set_len(0)?;
        write!(file, "{}", describe())?;
        fault::point("holder.taken");
        Ok(Ok(Self { lock: file }))
    }

    /// From now on it is held to let go of the box, for whoever wants that, too.
    pub fn lets_go(&mut self) {
        // Without it the other one is refused instead of waiting.
        let _ = write!(self.lock, "\n{LETS_GO}");
    }

    /// Is it held to let go of the box?
    pub(super) fn is_let_go(folder: &Path, lease: &LeaseId) -> io::Result<bool> {
        let file = match File::open(folder.join(lease.as_str())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        Ok(lines(file)?.split_once('\n').is_some_and(|(_, what_for)| what_for == LETS_GO))
    }

    /// Who has the lock, if anybody has. Nothing is made or written.
    pub(super) fn look(folder: &Path, lease: &LeaseId) -> io::Result<Option<String>> {
        let file = match File::open(folder.join(lease.as_str())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => said(file).map(Some),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// What the holder has left there.
fn said(file: File) -> io::Result<String> {
    let text = lines(file)?;
    let name = text.lines().next().unwrap_or_default();
    // It is just about to say so.
    Ok(if name.is_empty() { "another crabbox".to_owned() } else { name.to_owned() })
}

fn lines(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(1024).read_to_string(&mut text)?;
    Ok(text)
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
    use std::fs;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    #[test]
    fn a_second_taker_is_told_who_holds_it() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let lease = LeaseId::from_bits(7);
        let first = Holder::try_take(folder.path(), &lease).expect("io").expect("free");
        let second = Holder::try_take(folder.path(), &lease).expect("io");
        assert_eq!(second.expect_err("held"), describe());
        let seen = Holder::look(folder.path(), &lease).expect("io");
        assert_eq!(seen, Some(describe()));
        let is_let_go = || Holder::is_let_go(folder.path(), &lease).expect("io");
        assert!(!is_let_go());
        let mut first = first;
        first.lets_go();
        assert!(is_let_go());
        assert_eq!(Holder::look(folder.path(), &lease).expect("io"), Some(describe()));
        drop(first);
        assert_eq!(Holder::look(folder.path(), &lease).expect("io"), None);
        assert!(Holder::try_take(folder.path(), &lease).expect("io").is_ok());
    }

    #[test]
    fn whoever_only_looks_makes_nothing_and_is_never_taken_for_a_holder() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let lease = LeaseId::from_bits(7);
        assert_eq!(Holder::look(folder.path(), &lease).expect("io"), None);
        assert_eq!(fs::read_dir(folder.path()).expect("reads").count(), 0);
        drop(Holder::try_take(folder.path(), &lease).expect("io").expect("free"));
        let end = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    let _ = Holder::look(folder.path(), &lease);
                }
            });
            let taken =
                (0..200).all(|_| Holder::try_take(folder.path(), &lease).expect("io").is_ok());
            end.store(true, Ordering::Relaxed);
            assert!(taken);
        });
    }
}
