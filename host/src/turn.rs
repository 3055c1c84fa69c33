//! A lock on a file that says who holds it, for those who wait. It is for taking turns in a moment's work: the kernel lets go
//! of it when its holder dies, and the file may be taken away at any time.

use crate::claims::describe_holder;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// The most that is read of who holds it, in bytes.
const LONGEST: u64 = 256;

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "dropping it lets go of the lock")] File);

impl Turn {
    /// Takes it, or says who holds it. Its file is made if it isn't there, its folder isn't.
    pub(crate) fn attempt(path: &Path) -> io::Result<Result<Self, String>> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut by = String::new();
                let _ = file.take(LONGEST).read_to_string(&mut by);
                // It is just about to say so.
                let somebody = || "another crabbox".to_owned();
                return Ok(Err(by.lines().next().map_or_else(somebody, str::to_owned)));
            }
            Err(error) => return Err(error.into()),
        }
        // Who held it last may have taken the file away: then it isn't the one that the next will try.
        if fs::metadata(path)?.ino() != file.metadata()?.ino() {
            return Self::attempt(path);
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", describe_holder())?;
        Ok(Ok(Self(file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_the_other_is_told_who() {
        let temporary = tempfile::tempdir().expect("a folder");
        let path = temporary.path().join("lock");
        let first = Turn::attempt(&path).expect("opens").expect("nobody has it");
        let by = Turn::attempt(&path).expect("opens").err();
        assert_eq!(by, Some(describe_holder()));
        // Whoever comes once the file was taken away doesn't wait for who holds that.
        fs::remove_file(&path).expect("removes");
        assert!(Turn::attempt(&path).expect("opens").is_ok());
        drop(first);
    }
}
