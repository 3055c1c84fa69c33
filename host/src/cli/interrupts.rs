//! Ctrl-C and SIGTERM for commands that call a provider and run nothing: the first one tells the
//! provider to stop, the next one ends this program as it is. Where no provider is at work, the
//! first one ends it. Whoever sends SIGTERM waits for no more than a moment. Either way the claim names
//! what there is, and the kept log has its end.

use crate::lease::Working;
use crate::output::{CommandError, Printer};
use crate::run::{FINISHING, Outcome, STOPPING, Work, aside, end_log};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

/// What is said by whoever doesn't wait for the end of what was told to stop.
const UNFINISHED: &str = "left before the provider had stopped";

/// Listens from its making to the end of the process.
pub(super) struct Interrupts {
    leaver: Arc<Leaver>,
}

struct Leaver {
    printer: Printer,
    workings: Vec<Working>,
    /// The line that does what is left undone.
    again: String,
    /// What is left where no provider is at work, if that is worth saying.
    left: Option<&'static str>,
    /// The first signal that came; 0: none.
    first: AtomicI32,
}

impl Interrupts {
    /// `again`: the line to type after an interrupt.
    pub(super) fn listen(
        printer: Printer,
        working: Working,
        again: String,
    ) -> Result<Self, CommandError> {
        Self::listen_to_all(printer, vec![working], again)
    }

    /// The same for a command that works with several leases at once.
    pub(super) fn listen_to_all(
        printer: Printer,
        workings: Vec<Working>,
        again: String,
    ) -> Result<Self, CommandError> {
        let first = AtomicI32::new(0);
        Self::start(Leaver { printer, workings, again, left: None, first })
    }

    /// The same for a command that calls no provider: `left` is what its interrupt leaves.
    pub(super) fn listen_alone(
        printer: Printer,
        left: &'static str,
        again: String,
    ) -> Result<Self, CommandError> {
        let (workings, left, first) = (Vec::new(), Some(left), AtomicI32::new(0));
        Self::start(Leaver { printer, workings, again, left, first })
    }

    fn start(leaver: Leaver) -> Result<Self, CommandError> {
        let mut signals = Signals::new([SIGINT, SIGTERM])
            .map_err(|error| CommandError::failed("signals can't be listened to").because(error))?;
        let leaver = Arc::new(leaver);
        let shared = Arc::clone(&leaver);
        thread::spawn(move || signals.forever().for_each(|signal| shared.receive(signal)));
        Ok(Self { leaver })
    }

    /// The error of a command that was interrupted and went on with what it could.
    pub(super) fn broken_off(&self, message: &str) -> Option<CommandError> {
        let is_so = self.leaver.first.load(Ordering::Relaxed) != 0;
        is_so.then(|| self.explain(CommandError::failed(message)))
    }

    /// The error of a command that may have been interrupted: then its code says so, and the line to
    /// type stands below it.
    pub(super) fn explain(&self, error: CommandError) -> CommandError {
        let again = &self.leaver.again;
        match self.leaver.first.load(Ordering::Relaxed) {
            0 => error,
            signal if error.hints().contains(again) => error.of_signal(signal),
            signal => error.hint(again).of_signal(signal),
        }
    }
}

impl Leaver {
    fn receive(self: &Arc<Self>, signal: i32) {
        let first =
            self.first.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        // All of them are told.
        let told = self.workings.iter().filter(|working| working.interrupt()).count();
        if told > 0 {
            self.printer.interrupted();
            let printer = self.printer;
            aside(move || printer.phase(STOPPING));
        } else if first {
            self.leave(signal, self.left);
        } else {
            self.leave(signal, Some(UNFINISHED));
        }
        if signal == SIGTERM {
            let leaver = Arc::clone(self);
            thread::spawn(move || {
                thread::sleep(FINISHING);
                leaver.leave(signal, Some(UNFINISHED));
            });
        }
    }

    fn leave(&self, signal: i32, said: Option<&'static str>) {
        let printer = self.printer;
        let said = said.map(|said| CommandError::failed(said).hint(&self.again).of_signal(signal));
        aside(move || {
            printer.leave();
            if let Some(error) = said {
                printer.error(&error);
            }
        });
        end(signal);
    }
}

/// Ends this program as the signal would have.
fn end(signal: i32) {
    end_log(Outcome::of_signal(signal).exit);
    // It can't fail for these two.
    let _ = emulate_default_handler(signal);
}
