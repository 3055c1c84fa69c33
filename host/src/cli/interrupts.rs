//! Ctrl-C and SIGTERM for commands that call a provider and run nothing: the first one tells the
//! provider to stop, the next one ends this program as it is. Where no provider is at work, the
//! first one ends it. Either way the claim names what there is.

use crate::lease::Working;
use crate::output::{CommandError, Printer};
use crate::run::{STOPPING, Work};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

/// Listens from its making to the end of the process.
pub(super) struct Interrupts {
    /// 0: none.
    first: Arc<AtomicI32>,
}

impl Interrupts {
    pub(super) fn listen(printer: Printer, working: Working) -> Result<Self, CommandError> {
        let mut signals = Signals::new([SIGINT, SIGTERM])
            .map_err(|error| CommandError::failed("signals can't be listened to").because(error))?;
        let first = Arc::new(AtomicI32::new(0));
        let shared = Arc::clone(&first);
        thread::spawn(move || {
            for signal in signals.forever() {
                let _ = shared.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed);
                if working.interrupt() {
                    printer.interrupted();
                    // A reader that has stalled must not keep the next signal from being obeyed.
                    thread::spawn(move || printer.phase(STOPPING));
                } else {
                    // It can't fail for these two.
                    let _ = emulate_default_handler(signal);
                }
            }
        });
        Ok(Self { first })
    }

    /// The error of a command that may have been interrupted: then its code says so, and what is left
    /// undone is done by this line.
    pub(super) fn explain(&self, error: CommandError, again: &str) -> CommandError {
        match self.first.load(Ordering::Relaxed) {
            0 => error,
            signal => error.hint(again).of_signal(signal),
        }
    }
}
