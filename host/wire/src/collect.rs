//! What is brought back from a run: files of the workspace that match, and paths of the box.
//!
//! It follows the end of the command in the same session, or is all that a session does ([`Later`]). Each
//! part is a tree of its own in the records of [`crate::copy`], then a [`Collected`].

use crate::text::Text;
use serde::{Deserialize, Serialize};

/// So many entries that aren't sent are named in a part; of others it is only said how many there are.
pub const MAX_NAMED: u64 = 1000;

/// What is to be brought back, part by part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collect {
    /// Answered in this order.
    pub parts: Vec<Part>,
    /// Blocks may come compressed.
    #[serde(default)]
    pub packed: bool,
}

/// The same in a session of its own, after that of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Later {
    /// The run whose start counts: `run_` and 12 hex digits.
    pub run: String,
    /// What is to be brought back of it.
    pub collect: Collect,
}

/// One tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Part {
    /// Files of the workspace, under the names that they have there.
    Matching {
        /// Patterns of paths below the workspace root, each for itself.
        globs: Vec<Text>,
        /// What matches one of these isn't sent, nor what is in it.
        #[serde(default)]
        exclude: Vec<Text>,
        /// Only what has changed since the run began, and a file once, whatever links lead to it.
        #[serde(default)]
        fresh: bool,
        /// What is beyond them isn't sent.
        limits: Limits,
        /// So many entries of folders are looked at, where that is bounded; others might match, and nobody is told.
        #[serde(default)]
        entries: Option<u64>,
    },
    /// What lies at a path, with all that is in it.
    Path {
        /// As [`crate::copy::Copy::Get::path`].
        path: Text,
        /// What is beyond them isn't sent.
        limits: Limits,
    },
}

/// How much one part may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Files.
    pub files: u64,
    /// Their content, in bytes.
    pub bytes: u64,
    /// The content of one of them, in bytes.
    pub file_bytes: u64,
}

impl Limits {
    /// Everything.
    pub const NONE: Self = Self { files: u64::MAX, bytes: u64::MAX, file_bytes: u64::MAX };
}

/// A part is complete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// How many files each of the part's globs has matched that were wanted, sent or not.
    #[serde(default)]
    pub matched: Vec<u64>,
    /// How many files each of them has matched that are older than the run.
    #[serde(default)]
    pub older: Vec<u64>,
    /// How many entries weren't sent beside those that the records name.
    #[serde(default)]
    pub unnamed: u64,
    /// The workspace isn't there any more.
    #[serde(default)]
    pub gone: bool,
    /// The workspace root, absolute and without links, where that isn't how it is called: programs there know it as this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Text>,
}
