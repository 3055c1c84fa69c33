//! Ctrl-C and its kin. The first interrupt is the command's own business, the second kills
//! everything on the box, the third leaves at once. A terminating signal, or a
//! terminal that is gone, counts as a second interrupt. Before the command has started, and
//! while its box is released, the first is enough.

use super::outbox::Outbox;
use super::outcome::SIGNALED;
use crate::output::Printer;
use crabbox_wire::frame::ToHelper;
use crabbox_wire::message::Signal;
use rustix::process::{Pid, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Who is told of a signal.
#[derive(Clone, Debug, Default)]
enum Target {
    /// Nobody: whoever works looks for signals himself.
    #[default]
    Nobody,
    /// A session whose command hasn't been seen to start: the process at our end of it is ended.
    Session(Pid),
    /// The command of this session.
    Command(Outbox),
    /// The command has ended, its box is being released: this program ends with this code.
    Release(u8),
}

#[derive(Debug, Default)]
struct State {
    target: Target,
    /// The first signal that came.
    first: Option<i32>,
    /// How many interrupts that amounts to so far.
    level: u32,
    /// What the hint for whoever leaves early names.
    lease: String,
}

/// Listens from its making until it is dropped; afterwards signals are ignored, so drop it last.
#[derive(Debug)]
pub struct Listener {
    handle: Handle,
    state: Arc<Mutex<State>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listener {
    /// Starts to listen.
    pub fn start(printer: Printer) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let handle = signals.handle();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for signal in signals.forever() {
                receive(&shared, signal, printer);
            }
        });
        Ok(Self { handle, state })
    }

    /// The first signal that came, if one did.
    #[must_use]
    pub fn received(&self) -> Option<i32> {
        lock(&self.state).first
    }

    /// A session begins; one that comes after a signal is ended at once.
    pub(super) fn session(&self, lease: &str, process: Pid) {
        let mut state = lock(&self.state);
        lease.clone_into(&mut state.lease);
        state.target = Target::Session(process);
        if state.first.is_some() {
            let _ = kill_process(process, rustix::process::Signal::TERM);
        }
    }

    /// From now on signals are the command's; the signal that came before, if one did.
    pub(super) fn command(&self, outbox: Outbox) -> Result<(), i32> {
        let mut state = lock(&self.state);
        if let Some(signal) = state.first {
            return Err(signal);
        }
        state.target = Target::Command(outbox);
        Ok(())
    }

    /// The session is over.
    pub(super) fn nobody(&self) {
        lock(&self.state).target = Target::Nobody;
    }

    /// From now on a signal ends this program with the code that the run has come to.
    pub fn releasing(&self, lease: &str, exit: u8) {
        let mut state = lock(&self.state);
        lease.clone_into(&mut state.lease);
        state.target = Target::Release(exit);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.handle.close();
    }
}

fn receive(state: &Mutex<State>, signal: i32, printer: Printer) {
    let (target, level, lease) = {
        let mut state = lock(state);
        state.first.get_or_insert(signal);
        state.level = if signal == SIGINT { state.level + 1 } else { state.level.max(1) + 1 };
        (state.target.clone(), state.level, state.lease.clone())
    };
    if signal == SIGINT {
        printer.interrupted();
    }
    // A session that broke ends by itself: what can't be sent doesn't matter.
    match (target, level) {
        (Target::Release(exit), _) => {
            printer.warning("left before the box was released");
            printer.hint(&format!("crabbox stop {lease}"));
            leave(exit)
        }
        (_, 3..) => {
            printer.warning("left without cleaning up");
            printer.hint(&format!("crabbox stop {lease}"));
            leave(SIGNALED.wrapping_add(signal.to_le_bytes()[0]))
        }
        (Target::Nobody, _) => {}
        (Target::Session(process), 1) => {
            let _ = kill_process(process, rustix::process::Signal::TERM);
        }
        (Target::Session(process), _) => {
            let _ = kill_process(process, rustix::process::Signal::TERM);
            let _ = kill_process_group(process, rustix::process::Signal::KILL);
        }
        (Target::Command(mut outbox), 1) => send(&mut outbox, Signal::Interrupt),
        (Target::Command(mut outbox), _) => {
            send(&mut outbox, Signal::Kill);
            printer.phase("killing the command; once more leaves at once");
        }
    }
}

fn send(outbox: &mut Outbox, signal: Signal) {
    let _ = ToHelper::Signal(signal).write(outbox);
    let _ = outbox.flush();
}

/// The user has asked often enough: nothing here is worth another wait.
#[expect(clippy::exit, reason = "the main thread may be stuck in a write; nothing is left to undo")]
fn leave(exit: u8) -> ! {
    std::process::exit(exit.into())
}
