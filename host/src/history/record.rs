//! What is remembered of one run.

use super::command::Command;
use super::id::RunId;
use super::way::Way;
use crate::redact;
use crate::results::Totals;
use crate::run::Outcome;
use crabbox_wire::message::Facts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Changes only when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// One run, from what was typed to what came of it. No value of a variable is in it, and no secret that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What it is called.
    pub id: RunId,
    /// What was run.
    pub command: Command,
    /// In which folder of the tree; empty: at its root.
    pub directory: String,
    /// The folder that was sent, absolute.
    pub repository: String,
    /// The commit that `HEAD` stood on; `None`: on none, or it couldn't be read from git's files alone.
    pub commit: Option<String>,
    /// The branch that `HEAD` named.
    pub branch: Option<String>,
    /// Is the tree another than the commit says? `None`: it isn't known, something that is tracked was left out of it, or
    /// there is no commit.
    pub dirty: Option<bool>,
    /// BLAKE3 of what `git diff` says against the commit, hex. `None`: nobody asked git.
    #[serde(default)]
    pub uncommitted: Option<String>,
    /// The hash that names the tree that the box was to hold; `None`: it wasn't known yet.
    pub tree: Option<String>,
    /// The lease, if there was one.
    pub lease: Option<Leased>,
    /// The provider's name.
    pub provider: String,
    /// What the box says of itself; `None`: nothing was heard of it.
    pub facts: Option<Facts>,
    /// The names of the variables that the command was given.
    pub environment: Vec<String>,
    /// When it began.
    pub began: Timestamp,
    /// When its end was settled.
    pub ended: Timestamp,
    /// What it spent its time with, in the order in which that began; some of it went on at the same time.
    pub phases: Vec<Phase>,
    /// How it came to its box.
    #[serde(default)]
    pub way: Way,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed, if the failure isn't the command's.
    pub error: Option<String>,
    /// Until a box was held, in milliseconds.
    pub ready_ms: Option<u64>,
    /// How long the command ran, as seen on the box, in milliseconds.
    pub wall_ms: Option<u64>,
    /// The whole, in milliseconds.
    pub total_ms: u64,
    /// What the sync did, if it came to its end.
    pub sync: Option<Synced>,
    /// What its tests came to, if there are reports of them.
    pub tests: Option<Totals>,
    /// The files that were brought back.
    pub artifacts: Vec<Artifact>,
    /// What is kept of its output; `None`: there was none, or none is kept.
    pub log: Option<LogKept>,
    /// What wasn't as it should be, a line each.
    pub warnings: Vec<String>,
}

impl RunRecord {
    /// Of a run that has just begun: nothing has come of it.
    #[must_use]
    pub fn begun(id: RunId, command: Command, provider: &str, now: Timestamp) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            id,
            command,
            directory: String::new(),
            repository: String::new(),
            commit: None,
            branch: None,
            dirty: None,
            uncommitted: None,
            tree: None,
            lease: None,
            provider: provider.to_owned(),
            facts: None,
            environment: Vec::new(),
            began: now,
            ended: now,
            phases: Vec::new(),
            way: Way::default(),
            outcome: Outcome::DONE,
            error: None,
            ready_ms: None,
            wall_ms: None,
            total_ms: 0,
            sync: None,
            tests: None,
            artifacts: Vec::new(),
            log: None,
            warnings: Vec::new(),
        }
    }

    /// The same without the secrets that are known now, in all that is somebody's own words: names of ours, hashes and times
    /// stay, as does the repository, by which runs are found.
    #[must_use]
    pub fn without_secrets(mut self) -> Self {
        self.command = self.command.without_secrets();
        let Self { directory, branch, error, artifacts, warnings, .. } = &mut self;
        let paths = artifacts.iter_mut().map(|artifact| &mut artifact.path);
        let words = [directory].into_iter().chain(branch).chain(error).chain(paths);
        for word in words.chain(warnings) {
            if let Cow::Owned(clean) = redact::text(word) {
                *word = clean;
            }
        }
        self
    }
}

/// A lease, as it was called then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leased {
    /// `cbx_` and 12 hex digits.
    pub id: String,
    /// Its name for people.
    pub slug: String,
    /// What became of the box at the end: `ready`, `parked` or `deleted`; `None`: it wasn't released.
    pub end: Option<String>,
}

/// What some of the time was spent with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// `scan`, `acquire`, `connect` and so on.
    pub name: String,
    /// When it began, in milliseconds since the command line was read.
    pub start_ms: u64,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// What a sync did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// Entries written.
    pub written: u64,
    /// Entries removed.
    pub removed: u64,
    /// The content that was sent, in bytes.
    pub bytes: u64,
}

/// A file that was brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Where it lay on the box, relative to the tree's root; the file here has the secret in its name that this lacks.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its content, hex.
    pub digest: String,
}

/// What is kept of a run's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogKept {
    /// How much was printed, in bytes.
    pub bytes: u64,
    /// How much of it isn't kept, in bytes.
    pub cut: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_words_in_it_hold_a_secret_and_what_is_ours_stays() {
        redact::register("c4nary-of-a-record");
        let word = || "a c4nary-of-a-record b".to_owned();
        let id: RunId = "run_0123456789ab".parse().expect("an id");
        let artifact = Artifact { path: word(), bytes: 1, digest: String::new() };
        let begun = |command| RunRecord::begun(id.clone(), command, "local", Timestamp::UNIX_EPOCH);
        let record = RunRecord {
            directory: word(),
            branch: Some(word()),
            error: Some(word()),
            artifacts: vec![artifact],
            warnings: vec![word()],
            ..begun(Command::Argv(vec![word()]))
        };
        let text = |record: &RunRecord| serde_json::to_string(record).expect("JSON");
        let clean = text(&record.clone().without_secrets());
        assert_eq!(clean, text(&record).replace("c4nary-of-a-record", "[redacted]"));
        assert_eq!(clean.matches("[redacted]").count(), 6, "{clean}");
        let shell = begun(Command::Shell(word())).without_secrets();
        assert_eq!(shell.command.to_string(), "a [redacted] b");
    }
}
