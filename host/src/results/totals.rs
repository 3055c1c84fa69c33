//! How many tests there were, and how they came out.

use super::case::Status;
use serde::{Deserialize, Serialize};

/// Each test is counted once, however often it was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Well, at the first try.
    pub passed: u64,
    /// Not well, or broken, at the last try.
    pub failed: u64,
    /// Not run.
    pub skipped: u64,
    /// Well at the last try, and not at an earlier one.
    pub flaky: u64,
    /// How long the reports say that all of it took, else the sum of the tests' times, in milliseconds.
    pub ms: u64,
}

impl Totals {
    /// One more that came out so.
    pub(super) fn count(&mut self, status: Status) {
        let of = match status {
            Status::Passed => &mut self.passed,
            Status::Failed | Status::Error => &mut self.failed,
            Status::Skipped => &mut self.skipped,
            Status::Flaky => &mut self.flaky,
        };
        *of += 1;
    }

    /// So many more.
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.flaky += other.flaky;
        self.ms = self.ms.saturating_add(other.ms);
    }

    /// How many there are altogether.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.passed + self.failed + self.skipped + self.flaky
    }

    /// There is no test.
    pub(super) fn is_nothing(&self) -> bool {
        self.all() == 0
    }
}
