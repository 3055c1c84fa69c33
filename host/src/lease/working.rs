//! What this command works with right now, for whoever has to leave in the middle of it, and how
//! it is told to.

use crate::provider::Stop;
use crate::run::Work;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long what was begun may take to be undone, once the user wants to leave: all calls together.
pub(super) const UNDOING: Duration = Duration::from_mins(1);

/// Shared by the command and whoever listens for signals.
#[derive(Clone, Debug, Default)]
pub struct Working(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The slug of the lease.
    lease: Option<String>,
    /// Set while something is at work that a signal must not break off.
    stop: Option<Stop>,
    /// A box is about to be this command's: a signal is left to whoever lets go of it.
    held: bool,
    /// The user wants to leave.
    interrupted: bool,
    /// Until when what was begun may be undone, once the user wants to leave.
    undo: Option<Instant>,
    /// Until when anything may be done at all.
    end: Option<Instant>,
}

impl Work for Working {
    fn lease(&self) -> Option<String> {
        self.lock().lease.clone()
    }

    fn interrupt(&self) -> bool {
        let mut state = self.lock();
        match &state.stop {
            Some(stop) if !state.interrupted => stop.set(),
            _ => return std::mem::take(&mut state.held),
        }
        state.interrupted = true;
        true
    }
}

impl Working {
    /// Was something told to stop?
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.lock().interrupted
    }

    /// All that is done from now on takes no longer than this.
    pub fn end_within(&self, time: Duration) {
        self.lock().end = Some(Instant::now() + time);
    }

    /// What is at work is told to stop, without anybody's having sent a signal.
    pub(super) fn break_off(&self) {
        let mut state = self.lock();
        state.interrupted = true;
        if let Some(stop) = &state.stop {
            stop.set();
        }
    }

    pub(super) fn set(&self, slug: Option<&str>) {
        self.lock().lease = slug.map(str::to_owned);
    }

    /// From now on a signal doesn't break off what is done, but tells it to stop.
    pub(super) fn begin(&self) -> Section {
        let mut state = self.lock();
        // Without a descriptor for it there is no telling: a signal is obeyed at once.
        state.stop = Stop::new().ok();
        state.held = false;
        drop(state);
        Section(self.clone())
    }

    /// The box is taken with the next step. A signal from here on until the run knows of it must not
    /// end this program: the box would be left as it is, running and in use by nobody.
    pub(super) fn hold(&self) {
        self.lock().held = true;
    }

    /// What stops a hook that is called now.
    pub(super) fn stop(&self) -> Option<Stop> {
        let state = self.lock();
        // What undoes an interrupted call isn't interrupted by the same signal.
        state.stop.clone().filter(|_| state.undo.is_none())
    }

    /// Begins to undo: not without end, if the user wants to leave.
    pub(super) fn undo(&self) {
        let mut state = self.lock();
        if state.interrupted {
            state.undo = Some(Instant::now() + UNDOING);
        }
    }

    /// How long a hook may take that has `usual` otherwise.
    pub(super) fn patience(&self, usual: Duration) -> Duration {
        let state = self.lock();
        let left = |end: Instant| end.saturating_duration_since(Instant::now());
        state.undo.into_iter().chain(state.end).map(left).fold(usual, Duration::min)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that a signal must not break off, until this is dropped.
#[derive(Debug)]
pub(super) struct Section(Working);

impl Drop for Section {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.stop = None;
        state.undo = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_at_work_is_told_to_stop_and_only_once() {
        let working = Working::default();
        assert!(!working.interrupt());
        let section = working.begin();
        let stop = working.stop().expect("a descriptor");
        assert!(working.interrupt() && stop.is_set());
        assert!(!working.interrupt(), "the second signal is for whoever leaves at once");
        drop(section);
        let _later = working.begin();
        assert!(!working.stop().expect("a descriptor").is_set(), "the next call is another one");
        assert!(!working.interrupt());
    }

    #[test]
    fn a_signal_between_the_box_and_its_run_is_left_to_the_run_once() {
        let working = Working::default();
        let section = working.begin();
        working.hold();
        drop(section);
        assert!(working.interrupt() && !working.interrupt());
        working.hold();
        let _releasing = working.begin();
        assert!(working.interrupt() && !working.interrupt(), "told to stop, and then obeyed");
    }

    #[test]
    fn what_undoes_is_not_told_to_stop_and_has_its_time() {
        let working = Working::default();
        let _section = working.begin();
        working.undo();
        assert!(working.stop().is_some(), "nobody wants to leave");
        assert_eq!(working.patience(Duration::MAX), Duration::MAX);
        assert!(working.interrupt());
        working.undo();
        assert!(working.stop().is_none());
        assert!(working.patience(Duration::MAX) <= UNDOING);
    }
}
