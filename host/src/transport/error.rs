//! How a box turns out not to be reachable.

use super::ssh::SshError;
use crate::tail::said;
use std::io;
use std::time::Duration;

/// The box can't be reached, or isn't what it should be.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The kind of transport is one that only a newer crabbox knows.
    #[error("the provider's way to reach the box is of a kind that this crabbox doesn't know")]
    UnknownKind,
    /// The local command that leads to the box can't be started.
    #[error("`{program}` can't be started")]
    Start {
        /// Which.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The stream broke.
    #[error("the connection to the box broke")]
    Broken(#[source] io::Error),
    /// No helper for this machine is embedded.
    #[error("the box is a `{0}`, for which this crabbox holds no remote helper")]
    Machine(String),
    /// The helper can't run in any folder of the box.
    #[error("the remote helper can't run on the box: {0}")]
    NoFolder(String),
    /// Nothing answered.
    #[error("the box didn't answer within {}s{}", .patience.as_secs(), said(.stderr))]
    Silent {
        /// How long that was waited for.
        patience: Duration,
        /// What was said on standard error meanwhile.
        stderr: String,
    },
    /// Something else than the helper answered.
    #[error("the box doesn't answer as it should: {0}")]
    Noise(Noise),
    /// OpenSSH's client doesn't get there.
    #[error(transparent)]
    Ssh(#[from] SshError),
}

impl TransportError {
    /// Trying once more, or another way, doesn't help: somebody has to do something first.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Ssh(error) if error.failure.is_final())
    }

    /// Somebody at a terminal could answer what the way there asks.
    #[must_use]
    pub fn may_be_answered(&self) -> bool {
        matches!(self, Self::Ssh(error) if error.may_be_answered())
    }
}

/// What answered in the helper's place.
#[derive(Debug, thiserror::Error)]
#[error("{end}; it said: {}", self.said())]
pub struct Noise {
    /// How our end of it ended, in words.
    pub end: String,
    /// The exit code of that, if it has one.
    pub code: Option<i32>,
    /// What came in the stream.
    pub output: String,
    /// What came on standard error.
    pub stderr: String,
}

impl Noise {
    fn said(&self) -> String {
        join(&self.output, &self.stderr)
    }
}

/// What was said in two places.
pub(super) fn join(said: &str, stderr: &str) -> String {
    match (said.is_empty(), stderr.is_empty()) {
        (true, true) => "nothing".to_owned(),
        (false, true) => said.to_owned(),
        (true, false) => stderr.to_owned(),
        (false, false) => format!("{said}; {stderr}"),
    }
}
