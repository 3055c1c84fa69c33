//! Ctrl-C and its kin. While the command runs the first interrupt is its own business, the second
//! kills everything on the box, the third leaves at once. A terminating signal, or a terminal that
//! is gone, counts as a second interrupt. Before a box is held, and while it is released, the first tells
//! the provider to stop, if it is at work, and the second leaves at once: nothing is lost that the claims
//! don't name. Where no provider is at work, the first leaves. A terminal that is gone while the box is
//! released changes nothing: nobody waits. While what the command made is brought here, the first stops
//! that, and the second leaves. From the box's being held until the command starts, the first ends the run.

use super::outbox::Outbox;
use super::outcome::Outcome;
use super::purpose::Purpose;
use crate::history::Recording;
use crate::log;
use crate::output::{CommandError, Printer, to_type};
use crate::transport::LocalEnd;
use crabbox_wire::frame::ToHelper;
use crabbox_wire::message::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs;
use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What is said of a box that may still be there.
const UNRELEASED: &str = "left before the box was released";

/// How long this program may take, once it was told to end, before it leaves as it is.
pub(crate) const FINISHING: Duration = Duration::from_secs(10);

/// How long writing the end of the log may take: a folder may be on a machine that is gone.
const KEEPING: Duration = Duration::from_secs(2);

/// How long a last word may take.
const MOMENT: Duration = Duration::from_millis(200);

/// What is said of a first signal while a provider is at work.
pub const STOPPING: &str = "the provider is told to stop; once more leaves at once";

/// Who is told of a signal.
#[derive(Clone, Debug, Default)]
enum Target {
    /// No box is held: this program ends.
    #[default]
    Acquiring,
    /// Nobody: whoever works looks for signals himself.
    Nobody,
    /// A session whose command hasn't been seen to start: the process at our end of it is ended.
    Session(LocalEnd),
    /// The command of this session.
    Command(Outbox),
    /// The command has ended, and what it made is brought here: the process at our end is ended.
    Collecting(LocalEnd, Outcome),
    /// The command has ended, its box is being released: this program ends as the run did.
    Release(Outcome),
    /// Nothing is left to do but to say so.
    Done(Outcome),
}

#[derive(Debug, Default)]
struct State {
    target: Target,
    /// The first signal that came.
    first: Option<i32>,
    /// How many came that said something new.
    news: u32,
    /// The first one that left the command no choice.
    ending: Option<i32>,
    /// Nothing more of what the command made is brought here.
    stopped: bool,
    /// Signals were the command's at some time: it had started.
    commanded: bool,
    /// How many interrupts that amounts to so far.
    level: u32,
}

/// Listens from its making to the end of the process.
#[derive(Debug)]
pub struct Listener {
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

/// What leads up to a box, and away from it.
pub trait Work: Send + Sync {
    /// The lease that needs a hand, if this program leaves now.
    fn lease(&self) -> Option<String>;

    /// Tells a provider that is at work to stop. `false`: none is, or it was told before.
    fn interrupt(&self) -> bool;
}

/// What whoever leaves early says.
struct Leaver {
    purpose: Purpose,
    printer: Printer,
    work: Box<dyn Work>,
    recording: Option<Recording>,
    stop: Arc<AtomicBool>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listener {
    /// Starts to listen, with no box held. Whoever leaves early ends the recording, if there is one.
    pub fn start(
        purpose: Purpose,
        printer: Printer,
        work: impl Work + 'static,
        recording: Option<Recording>,
    ) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        if !hang_ups_are_ignored() {
            signals.add_signal(SIGHUP)?;
        }
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let stop = Arc::new(AtomicBool::new(false));
        let (work, shared_stop) = (Box::new(work), Arc::clone(&stop));
        let leaver = Arc::new(Leaver { purpose, printer, work, recording, stop: shared_stop });
        thread::spawn(move || {
            for signal in signals.forever() {
                leaver.receive(&shared, signal);
            }
        });
        Ok(Self { state, stop })
    }

    /// Set by the first signal, for whoever works without asking.
    #[must_use]
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// Had the command been seen to start?
    pub(super) fn commanded(&self) -> bool {
        lock(&self.state).commanded
    }

    /// The first signal that came, if one did.
    #[must_use]
    pub fn received(&self) -> Option<i32> {
        lock(&self.state).first
    }

    /// The first signal that came and left the command no choice.
    pub(super) fn ending(&self) -> Option<i32> {
        lock(&self.state).ending
    }

    /// A box is held: from now on it is let go of before this program ends.
    pub fn acquired(&self) {
        lock(&self.state).target = Target::Nobody;
    }

    /// Another box is looked for. The signal that came before, if one did.
    pub fn acquiring(&self) -> Result<(), i32> {
        self.unless_received(Target::Acquiring)
    }

    /// A session begins; one that comes after a signal is ended at once.
    pub(super) fn session(&self, process: LocalEnd) {
        let mut state = lock(&self.state);
        state.target = Target::Session(process);
        if state.first.is_some() {
            process.terminate();
        }
    }

    /// From now on signals are the command's; the signal that came before, if one did.
    pub(super) fn command(&self, outbox: Outbox) -> Result<(), i32> {
        self.unless_received(Target::Command(outbox))
    }

    fn unless_received(&self, target: Target) -> Result<(), i32> {
        let mut state = lock(&self.state);
        if let Some(signal) = state.first {
            return Err(signal);
        }
        state.commanded |= matches!(target, Target::Command(_));
        state.target = target;
        Ok(())
    }

    /// The command has ended so, and what it made is brought here by this process. `false`: whoever wants to leave
    /// doesn't wait for that.
    pub(super) fn collecting(&self, process: LocalEnd, outcome: Outcome) -> bool {
        let mut state = lock(&self.state);
        // The first was the command's own business.
        state.stopped |= state.level > 1;
        state.target = Target::Collecting(process, outcome);
        !state.stopped
    }

    /// Is nothing more brought here?
    pub(super) fn is_stopped(&self) -> bool {
        lock(&self.state).stopped
    }

    /// The session is over.
    pub(super) fn nobody(&self) {
        lock(&self.state).target = Target::Nobody;
    }

    /// From now on a signal ends this program as the run has ended.
    pub fn releasing(&self, outcome: Outcome) {
        lock(&self.state).target = Target::Release(outcome);
    }

    /// Only the result is still to be said.
    pub fn done(&self, outcome: Outcome) {
        lock(&self.state).target = Target::Done(outcome);
    }
}

impl State {
    /// Counts a signal. `false`: it says nothing new. A terminal that goes says so more than once,
    /// by the kernel and by the shell, and nobody has asked twice.
    fn count(&mut self, signal: i32) -> bool {
        self.first.get_or_insert(signal);
        if signal != SIGINT {
            self.ending.get_or_insert(signal);
            let again = self.level >= 2;
            if signal == SIGHUP && (again || matches!(self.target, Target::Release(_))) {
                return false;
            }
            self.level = self.level.max(1);
        }
        self.level += 1;
        self.news += 1;
        true
    }
}

impl Leaver {
    fn receive(self: &Arc<Self>, state: &Arc<Mutex<State>>, signal: i32) {
        self.stop.store(true, Ordering::Relaxed);
        let (target, level, news, stops) = {
            let mut state = lock(state);
            if !state.count(signal) {
                return;
            }
            let is_collecting = matches!(state.target, Target::Collecting(..));
            let stops = is_collecting && !mem::replace(&mut state.stopped, true);
            (state.target.clone(), state.level, state.news, stops)
        };
        if signal == SIGINT {
            self.printer.interrupted();
        }
        // A session that broke ends by itself: what can't be sent doesn't matter.
        match (target, level) {
            (Target::Collecting(process, _), _) if stops => process.terminate(),
            // The second has said so, of a command that may have ended since.
            (Target::Collecting(_, outcome), _) | (Target::Release(outcome), 3..) => {
                self.leave(UNRELEASED, outcome);
            }
            (Target::Acquiring | Target::Release(_), _) if self.work.interrupt() => {
                let printer = self.printer;
                aside(move || printer.phase(STOPPING));
            }
            (Target::Acquiring, _) => self.leave_before_the_command(signal),
            (Target::Release(outcome), _) => self.leave(UNRELEASED, outcome),
            (Target::Done(outcome), _) => {
                self.record(outcome, None);
                leave(outcome.exit)
            }
            (_, 3..) => self.leave("left without cleaning up", Outcome::of_signal(signal)),
            (Target::Nobody, _) => {}
            // The command may have started all the same, and whoever is killed at once can't end it.
            (Target::Session(process), _) if news == 1 => {
                process.terminate();
            }
            (Target::Session(process), _) => {
                process.kill();
            }
            (Target::Command(mut outbox), 1) => send(&mut outbox, Signal::Interrupt),
            (Target::Command(mut outbox), _) => {
                send(&mut outbox, Signal::Kill);
                let printer = self.printer;
                aside(move || printer.phase("killing the command; once more leaves at once"));
            }
        }
        if signal != SIGINT {
            self.insist(state, signal);
        }
    }

    /// Whoever is told to end ends, also with output that nobody takes: the command and all that it
    /// started are gone by then, but this program may be stuck in a write.
    fn insist(self: &Arc<Self>, state: &Arc<Mutex<State>>, signal: i32) {
        let (leaver, state) = (Arc::clone(self), Arc::clone(state));
        // Where there is no room for a thread, the next signal has to do.
        let _ = thread::Builder::new().name("insist".to_owned()).spawn(move || {
            thread::sleep(FINISHING);
            let target = lock(&state).target.clone();
            match target {
                Target::Done(_) => {}
                Target::Release(outcome) | Target::Collecting(_, outcome) => {
                    leaver.leave(UNRELEASED, outcome)
                }
                _ => leaver.leave("left without cleaning up", Outcome::of_signal(signal)),
            }
        });
    }

    /// What was begun is in the claims, and the next command takes it up.
    fn leave_before_the_command(&self, signal: i32) -> ! {
        let (purpose, printer) = (self.purpose, self.printer);
        let error = CommandError::failed(purpose.interrupted()).code("run");
        let error = match self.work.lease() {
            Some(lease) => error.hint(to_type(&["stop", &lease])),
            None => error,
        };
        let outcome = Outcome::of_signal(signal);
        aside(move || {
            printer.leave();
            let _ = purpose.fail(printer, error, &outcome);
        });
        self.record(outcome, Some(purpose.interrupted()));
        leave(outcome.exit)
    }

    fn leave(&self, how: &'static str, outcome: Outcome) -> ! {
        let lease = self.work.lease();
        let (purpose, printer) = (self.purpose, self.printer);
        aside(move || {
            let hint = lease.map(|lease| to_type(&["stop", &lease]));
            printer.leave();
            printer.warning(how);
            if let Some(hint) = &hint {
                printer.hint(hint);
            }
            let error = CommandError::failed(how).code("run");
            let error = hint.into_iter().fold(error, CommandError::hint);
            let _ = purpose.fail_silently(printer, error, &outcome);
        });
        self.record(outcome, Some(how));
        leave(outcome.exit)
    }

    /// The history remembers also what was left like this.
    fn record(&self, outcome: Outcome, why: Option<&'static str>) {
        let Some(recording) = self.recording.clone() else { return };
        within(KEEPING, move || {
            recording.note(|run| {
                run.outcome = outcome;
                run.error = run.error.take().or_else(|| why.map(str::to_owned));
            });
            // Nobody is left to tell.
            let _ = recording.finish();
        });
    }
}

/// Says something without waiting for a reader that has stalled.
pub(crate) fn aside(say: impl FnOnce() + Send + 'static) {
    within(MOMENT, say);
}

/// Does something that may never end, and waits for it for so long.
fn within(longest: Duration, act: impl FnOnce() + Send + 'static) {
    let (done, over) = channel();
    thread::spawn(move || {
        act();
        let _ = done.send(());
    });
    let _ = over.recv_timeout(longest);
}

fn send(outbox: &mut Outbox, signal: Signal) {
    let _ = ToHelper::Signal(signal).write(outbox);
    let _ = outbox.flush();
}

/// Ends the kept log before this program is left.
pub(crate) fn end_log(exit: u8) {
    within(KEEPING, move || log::finish(exit));
}

/// The user has asked often enough: nothing here is worth another wait but the end of the log, which
/// a disk takes at once.
#[expect(clippy::exit, reason = "the main thread may be stuck in a write; nothing is left to undo")]
fn leave(exit: u8) -> ! {
    end_log(exit);
    std::process::exit(exit.into())
}

/// Whoever starts a program with `nohup` wants it to live on when the terminal is gone.
fn hang_ups_are_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupts_add_up_and_a_terminal_is_gone_only_once() {
        let mut state = State { target: Target::Nobody, ..State::default() };
        let levels = [SIGINT, SIGHUP, SIGHUP, SIGTERM].map(|signal| {
            let news = state.count(signal);
            (news, state.level)
        });
        assert_eq!(levels, [(true, 1), (true, 2), (false, 2), (true, 3)]);
        assert_eq!((state.first, state.ending), (Some(SIGINT), Some(SIGHUP)));
        let mut state =
            State { target: Target::Release(Outcome::of_signal(1)), ..State::default() };
        assert!(!state.count(SIGHUP));
        assert!(state.count(SIGTERM));
    }
}
