//! A report, and how much of it is here.

use serde::{Deserialize, Serialize};

/// A report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Below the tree on the box.
    pub path: String,
    /// Tests in it.
    pub tests: u64,
    /// So many of them are kept one by one. `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<u64>,
    /// How long they took altogether, in milliseconds, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Why not all of it is here, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Nothing of it is: it didn't come from the box.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_out: bool,
}

impl Source {
    /// How many of its tests are kept one by one.
    pub(super) fn listed(&self) -> usize {
        usize::try_from(self.listed.unwrap_or(self.tests)).unwrap_or(usize::MAX)
    }
}
