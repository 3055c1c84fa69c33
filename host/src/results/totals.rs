//! How many tests there were, and how they came out.

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
