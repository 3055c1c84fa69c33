//! Who makes a connection holds a lock until the box has answered, so that those who come meanwhile ride it. Its file
//! says who that is.

use super::super::error::TransportError;
use super::connect::Way;
use super::error::SshFailure;
use crate::output::waiting_within;
use crate::turn::Turn;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How long is waited for somebody else who makes a connection: they may be asked for a passphrase.
const PATIENCE: Duration = Duration::from_mins(3);

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits for it.
pub(super) fn wait(way: &Way<'_>) -> Result<Turn, TransportError> {
    let until = Instant::now() + PATIENCE;
    let mut waiting = None;
    loop {
        let tried = way.made().map(|()| Turn::attempt(&way.folder.lock()));
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
