//! Who makes a connection holds a lock until the box has answered, so that those who come meanwhile ride it. Its file
//! says who that is.

use super::super::error::TransportError;
use super::connect::Way;
use super::error::SshFailure;
use super::folder::Folder;
use crate::claims::describe_holder;
use crate::output::waiting_within;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::thread;
use std::time::{Duration, Instant};

/// How long is waited for somebody else who makes a connection: they may be asked for a passphrase.
const PATIENCE: Duration = Duration::from_mins(3);

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(10);

/// The most that is read of who holds it, in bytes.
const LONGEST: u64 = 256;

/// Held by whoever makes a connection, until it is dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "dropping it lets go of the lock")] File);

/// Waits for it.
pub(super) fn wait(way: &Way<'_>) -> Result<Lock, TransportError> {
    let until = Instant::now() + PATIENCE;
    let mut waiting = None;
    loop {
        let tried = way.made().map(|()| attempt(&way.folder));
        let by = match tried? {
            Ok(Ok(lock)) => return Ok(lock),
            Ok(Err(by)) => by,
            // It was just taken away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(way.failed(SshFailure::Folder, error.to_string()).into()),
        };
        if Instant::now() >= until {
            return Err(way.failed(SshFailure::Busy, format!("{by} has been at it")).into());
        }
        waiting
            .get_or_insert_with(|| waiting_within(format!("waiting for the connection of {by}")));
        thread::sleep(PAUSE);
    }
}

/// The lock, or who holds it.
pub(super) fn attempt(folder: &Folder) -> io::Result<Result<Lock, String>> {
    let path = folder.lock();
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path)?;
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
    if fs::metadata(&path)?.ino() != file.metadata()?.ino() {
        return attempt(folder);
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", describe_holder())?;
    Ok(Ok(Lock(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_the_other_is_told_who() {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = Folder { path: temporary.path().to_owned() };
        let first = attempt(&folder).expect("opens").expect("nobody has it");
        let by = attempt(&folder).expect("opens").err();
        assert_eq!(by, Some(describe_holder()));
        // Whoever comes once the file was taken away doesn't wait for who holds that.
        fs::remove_file(folder.lock()).expect("removes");
        assert!(attempt(&folder).expect("opens").is_ok());
        drop(first);
    }
}
