//! The way to the helper, shared by the threads of a session: whole frames, in turn.

use std::io::{self, BufWriter, Write};
use std::process::ChildStdin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A handle on the session's input. A frame is written in one call and so stays whole.
#[derive(Clone, Debug)]
pub(super) struct Outbox(Arc<Mutex<BufWriter<ChildStdin>>>);

impl Outbox {
    pub(super) fn new(output: BufWriter<ChildStdin>) -> Self {
        Self(Arc::new(Mutex::new(output)))
    }

    fn lock(&self) -> MutexGuard<'_, BufWriter<ChildStdin>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}
