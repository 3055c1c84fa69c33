//! The way to the helper, shared by the threads of a session: whole frames, in turn.

use std::io::{self, BufWriter, Write};
use std::process::ChildStdin;
use std::sync::{Arc, Mutex, PoisonError};

/// A handle on the session's input. A frame is written in one call and so stays whole.
#[derive(Clone, Debug)]
pub(super) struct Outbox(Arc<Mutex<Option<BufWriter<ChildStdin>>>>);

impl Outbox {
    pub(super) fn new(output: BufWriter<ChildStdin>) -> Self {
        Self(Arc::new(Mutex::new(Some(output))))
    }

    /// Ends the helper's input, whoever else has a handle. What is still in the buffer is of no
    /// use to a session that is over.
    pub(super) fn close(&self) {
        if let Some(output) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(output.into_parts());
        }
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&mut BufWriter<ChildStdin>) -> io::Result<T>,
    ) -> io::Result<T> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(output) => work(output),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|output| output.write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(BufWriter::flush)
    }
}
