//! What stands in a receipt.

use crate::history::{Artifact, Command, Leased, RunId, RunRecord};
use crate::results::{Results, Totals, kept};
use crate::run::Outcome;
use crabbox_wire::message::Facts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Changes only when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// What a run was. Names of variables are in it, and none of their values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of crabbox that wrote it.
    pub crabbox: String,
    /// The run.
    pub run: RunId,
    /// What was run, without secrets.
    pub command: Command,
    /// In which folder of the tree; empty: at its root.
    pub directory: String,
    /// The commit that the checkout stood on.
    pub commit: Option<String>,
    /// The branch that it stood on.
    pub branch: Option<String>,
    /// The hash that names the tree that was run, whether committed or not.
    pub tree: Option<String>,
    /// BLAKE3 of what `git diff` says of the checkout against the commit, hex; that of nothing for a clean one.
    /// `None`: nobody asked git when it ran.
    pub uncommitted: Option<String>,
    /// The names of the variables that the command was given.
    pub environment: Vec<String>,
    /// The lease.
    pub lease: Option<Leased>,
    /// The provider's name.
    pub provider: String,
    /// What the box says of itself.
    #[serde(rename = "box")]
    pub facts: Option<Facts>,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// How long the command ran, in milliseconds.
    pub wall_ms: Option<u64>,
    /// What its tests came to.
    pub results: Option<Digested>,
    /// The files that it brought back.
    pub artifacts: Vec<Artifact>,
}

/// The results of tests, and what tells them from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digested {
    /// What they came to.
    pub totals: Totals,
    /// BLAKE3 of them as JSON, hex.
    pub digest: String,
}

impl Receipt {
    /// That of a run, with the results that are kept of it; without the secrets that are known now.
    #[must_use]
    pub fn of(record: &RunRecord, results: Option<&Results>) -> Self {
        let record = record.clone().without_secrets();
        Self {
            schema_version: SCHEMA_VERSION,
            crabbox: env!("CARGO_PKG_VERSION").to_owned(),
            run: record.id,
            command: record.command,
            directory: record.directory,
            commit: record.commit,
            branch: record.branch,
            tree: record.tree,
            uncommitted: record.uncommitted,
            environment: record.environment,
            lease: record.lease,
            provider: record.provider,
            facts: record.facts,
            began: record.began,
            ended: record.ended,
            outcome: record.outcome,
            wall_ms: record.wall_ms,
            results: results.map(|results| Digested {
                totals: results.totals(),
                digest: kept::digest(results),
            }),
            artifacts: record.artifacts,
        }
    }

    /// As it stands in a file. Nothing more is taken out of that: what is ours in it, as a word that somebody has for a
    /// secret, would be missing to who reads it.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}
