//! Takes a lock whose holders and takers aren't alone: whoever only looks whether somebody has it shares it
//! for a moment, and must not be taken for a holder.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::Duration;

/// So often somebody who only looks may be in the way.
const LOOKERS: usize = 100;

/// Takes the lock, unless somebody holds it: `false`. Whoever only looks isn't in the way.
pub(crate) fn lock_beside_lookers(file: &File) -> io::Result<bool> {
    for _ in 0..LOOKERS {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match file.try_lock_shared() {
            Ok(()) => file.unlock()?,
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(false)
}
