//! How much of what can wait is done at once: so many entries of folders, and within a moment.

use std::time::{Duration, Instant};

/// What is left of it.
#[derive(Debug)]
pub(super) struct Budget {
    entries: u64,
    end: Option<Instant>,
    is_begun: bool,
}

impl Budget {
    /// So many entries, unless that takes longer than this.
    pub(super) fn new(entries: u64, time: Duration) -> Self {
        Self { entries, end: Some(Instant::now() + time), is_begun: false }
    }

    /// For whoever waits until all is done.
    pub(super) fn endless() -> Self {
        Self { entries: u64::MAX, end: None, is_begun: false }
    }

    /// Takes one entry from it. `false`: nothing is left. However slow a machine is, there is time for the first one.
    pub(super) fn take(&mut self) -> bool {
        let is_late = self.is_begun && self.end.is_some_and(|end| Instant::now() >= end);
        if self.entries == 0 || is_late {
            return false;
        }
        self.entries -= 1;
        self.is_begun = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_time_for_one_and_no_more_than_so_many() {
        let taken = |budget: &mut Budget| (0..10).filter(|_| budget.take()).count();
        assert_eq!(taken(&mut Budget::new(3, Duration::from_hours(1))), 3);
        assert_eq!(taken(&mut Budget::new(3, Duration::ZERO)), 1);
        assert_eq!(taken(&mut Budget::endless()), 10);
    }
}
