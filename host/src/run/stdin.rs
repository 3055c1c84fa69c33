//! Forwards our standard input to the command, when it isn't a terminal.

use super::outbox::Outbox;
use crabbox_wire::frame::{FrameError, ToHelper};
use std::io::{self, IsTerminal, Read, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// How many bytes may be on their way without the command having taken them: a
/// command that doesn't read must not fill the way that signals take, too.
const WINDOW: u64 = 1024 * 1024;

/// What the command has taken so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(Arc<(Mutex<u64>, Condvar)>);

impl Taken {
    /// It has taken this many bytes altogether.
    pub(super) fn set(&self, total: u64) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = total;
        self.0.1.notify_all();
    }

    fn wait_for_room(&self, sent: u64) {
        let taken = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut u64| sent.saturating_sub(*taken) >= WINDOW;
        drop(self.0.1.wait_while(taken, full));
    }
}

/// Is there anything to forward?
#[must_use]
pub fn is_forwarded() -> bool {
    !io::stdin().is_terminal()
}

/// Forwards from a thread of its own. Nobody waits for it: it may hang in a read for
/// as long as this process lives.
pub(super) fn forward(mut outbox: Outbox, taken: Taken) {
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut chunk = vec![0; 64 * 1024];
        let mut sent = 0;
        loop {
            taken.wait_for_room(sent);
            let count = match stdin.read(&mut chunk) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            let frame = match count {
                0 => ToHelper::StdinEnd,
                count => ToHelper::Stdin(&chunk[..count]),
            };
            // A session that has ended needs no input.
            if write(&frame, &mut outbox).is_err() || count == 0 {
                return;
            }
            sent += count as u64;
        }
    });
}

fn write(frame: &ToHelper<'_>, outbox: &mut Outbox) -> Result<(), FrameError> {
    frame.write(outbox)?;
    Ok(outbox.flush()?)
}
