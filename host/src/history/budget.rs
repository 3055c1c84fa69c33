//! How much of what can wait is done at once: so many entries of folders, and within a moment.

use std::time::{Duration, Instant};

/// What is left of it.
#[derive(Debug)]
pub(super) struct Budget {
    entries: u64,
    end: Option<Instant>,
}

impl Budget {
    /// So many entries, unless that takes longer than this.
    pub(super) fn new(entries: u64, time: Duration) -> Self {
        Self { entries, end: Some(Instant::now() + time) }
    }

    /// For whoever waits until all is done.
    pub(super) fn endless() -> Self {
        Self { entries: u64::MAX, end: None }
    }

    /// Takes one entry from it. `false`: nothing is left.
    pub(super) fn take(&mut self) -> bool {
        if self.is_spent() {
            return false;
        }
        self.entries -= 1;
        true
    }

    /// Nothing is left.
    pub(super) fn is_spent(&self) -> bool {
        self.entries == 0 || self.end.is_some_and(|end| Instant::now() >= end)
    }
}
