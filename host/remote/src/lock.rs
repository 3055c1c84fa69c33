//! One session at a time in a workspace: a `flock` that the kernel lets go of when its
//! holder dies, so nothing gets stale. Its file says who holds it.

use crate::connection::{Connection, Event};
use crate::failure::Failure;
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::Waiting;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// How often a waiter looks again.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes the lock, waiting for as long as the host is there. What the host says
/// meanwhile is handed back, in order.
pub(crate) fn take(
    path: &Path,
    holder: &str,
    connection: &Connection,
    events: &Receiver<Event>,
) -> Result<(File, Vec<Event>), Failure> {
    let wrap = |error| Failure::system("locking", path, &error);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(wrap)?;
    let mut told = None;
    let mut early = Vec::new();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(wrap(error)),
            Err(TryLockError::WouldBlock) => {
                let by = fs::read_to_string(path).unwrap_or_default();
                if told.as_ref() != Some(&by) {
                    connection.send(&ToHost::Waiting(Waiting { holder: by.clone() }))?;
                    told = Some(by);
                }
            }
        }
        // A delta that comes early fills the queue and no more: its sender waits, too.
        if early.len() < 8 {
            match events.recv_timeout(PAUSE) {
                Ok(Event::Closed) => return Err(Failure::HostGone),
                Ok(event) => early.push(event),
                Err(_) => {}
            }
        } else {
            std::thread::sleep(PAUSE);
        }
    }
    file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).map_err(wrap)?;
    Ok((file, early))
}
