//! Ctrl-C and its kin. The first interrupt is the command's own business, the second kills
//! everything on the box, the third leaves at once. A terminating signal, or a
//! terminal that is gone, counts as a second interrupt.

use super::outbox::Outbox;
use crate::output::Printer;
use crabbox_wire::frame::ToHelper;
use crabbox_wire::message::Signal;
use rustix::process::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use std::io::{self, Write};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Who is told of a signal.
#[derive(Clone, Debug, Default)]
pub(super) enum Target {
    /// Nobody: there is no session, or it is at its end.
    #[default]
    Nobody,
    /// A session without a command: the process at our end of it is terminated.
    Session(Pid),
    /// The command of this session.
    Command(Outbox),
}

/// Where signals go while a session lives.
#[derive(Clone, Debug, Default)]
pub(super) struct Route {
    target: Arc<Mutex<Target>>,
    /// The first signal that came.
    first: Arc<AtomicI32>,
}

/// Listens until dropped.
#[derive(Debug)]
pub(super) struct Listener {
    handle: Handle,
    pub(super) route: Route,
}

impl Route {
    /// From now on signals go there.
    pub(super) fn to(&self, target: Target) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    /// The first signal that came, if one did.
    pub(super) fn received(&self) -> Option<i32> {
        match self.first.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal),
        }
    }

    fn send(&self, signal: Signal) {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // A session that broke ends by itself.
        match target {
            Target::Nobody => {}
            Target::Session(process) => {
                let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
            }
            Target::Command(mut outbox) => {
                let _ = ToHelper::Signal(signal).write(&mut outbox);
                let _ = outbox.flush();
            }
        }
    }
}

/// Starts to listen. `lease` is what the hint of the third interrupt names.
pub(super) fn listen(printer: Printer, lease: &str) -> io::Result<Listener> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let handle = signals.handle();
    let route = Route::default();
    let lease = lease.to_owned();
    let to = route.clone();
    thread::spawn(move || {
        let mut level = 0;
        for signal in signals.forever() {
            let _ = to.first.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed);
            level = if signal == SIGINT { level + 1 } else { level.max(1) + 1 };
            match level {
                1 => to.send(Signal::Interrupt),
                2 => {
                    printer.phase("killing the command; once more leaves at once");
                    to.send(Signal::Kill);
                }
                _ => {
                    printer.warning("left without cleaning up");
                    printer.hint(&format!("crabbox stop {lease}"));
                    leave(signal);
                }
            }
        }
    });
    Ok(Listener { handle, route })
}

/// The user has asked three times: nothing here is worth another wait.
#[expect(clippy::exit, reason = "the main thread may be stuck in a write; nothing is left to undo")]
fn leave(signal: i32) -> ! {
    std::process::exit(128 + signal)
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.handle.close();
    }
}
