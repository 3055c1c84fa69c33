//! One session at a time in a workspace: a `flock` that the kernel lets go of when its
//! holder dies, so nothing gets stale. Its file says who holds it.

use crate::connection::Connection;
use crate::failure::Failure;
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::Waiting;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// How often a waiter looks again.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes the lock, waiting for as long as the host is there. What the host says meanwhile
/// stays in the inbox: a delta that comes early fills that and no more, its sender waits, too.
pub(crate) fn take(path: &Path, holder: &str, connection: &Connection) -> Result<File, Failure> {
    let wrap = |error| Failure::system("locking", path, &error);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(wrap)?;
    let mut told = None;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(wrap(error)),
            Err(TryLockError::WouldBlock) => {
                let by = fs::read_to_string(path).unwrap_or_default();
                if told.as_ref() != Some(&by) {
                    connection.outbox.send(&ToHost::Waiting(Waiting { holder: by.clone() }))?;
                    told = Some(by);
                }
            }
        }
        if connection.inbox.is_closed_within(PAUSE) {
            return Err(Failure::HostGone);
        }
    }
    // A name for others to read: on a full disk they read none.
    let _ = file.set_len(0).and_then(|()| file.write_all(holder.as_bytes()));
    Ok(file)
}

/// Does a session hold the lock? Only looked at: whoever waits for it isn't in the way of anybody.
pub(crate) fn is_held(path: &Path) -> bool {
    File::open(path)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
