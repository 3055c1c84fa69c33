//! Ends a session in which nothing more is said: a read from a pipe has no deadline of its own, and a command that has
//! ended is no reason to wait for a box for ever.

use crate::fault;
use crate::transport::LocalEnd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How long nothing may be said, at least; it may be twice that.
const PATIENCE: Duration = Duration::from_mins(1);

/// Watches until it is dropped.
pub(super) struct Quiet {
    heard: Arc<AtomicBool>,
    _over: Sender<()>,
}

impl Quiet {
    /// Kills the process when it is silent for too long.
    pub(super) fn watch(process: LocalEnd) -> Self {
        let heard = Arc::new(AtomicBool::new(true));
        let (over, wait) = channel::<()>();
        let shared = Arc::clone(&heard);
        let patience = fault::patience(PATIENCE);
        thread::spawn(move || {
            while wait.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                if !shared.swap(false, Ordering::Relaxed) {
                    process.kill();
                    return;
                }
            }
        });
        Self { heard, _over: over }
    }

    /// Something was said.
    pub(super) fn hear(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }
}
