//! How a run ended, as an exit code and for machines.
//!
//! The program's code comes back verbatim; a failure of ours can't look like one of the
//! program's, as far as 125 to 127 and 124 are spoken for by convention (`env`, `timeout`, `docker run`).

use crabbox_wire::message::{self, FailureCode};
use serde::{Deserialize, Serialize};

/// Our own failures.
pub const CRABBOX_FAILED: u8 = 125;
/// The time limit passed.
pub(super) const TIMED_OUT: u8 = 124;
/// The program is there and can't be executed.
pub(super) const NOT_EXECUTABLE: u8 = 126;
/// The program isn't there.
pub(super) const NOT_FOUND: u8 = 127;
/// A signal ended it: this plus its number.
pub(super) const SIGNALED: u8 = 128;

/// Whose the exit code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The command that was run.
    Program,
    /// This program, on this machine or on the box.
    Crabbox,
    /// The provider.
    Provider,
    /// The transfer of the tree.
    Sync,
    /// The connection.
    Transport,
}

impl Origin {
    /// As it stands in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Crabbox => "crabbox",
            Self::Provider => "provider",
            Self::Sync => "sync",
            Self::Transport => "transport",
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What this program exits with.
    pub exit: u8,
    /// Whose it is.
    pub origin: Origin,
    /// The signal that ended the command, if one did.
    pub signal: Option<i32>,
}

impl Outcome {
    /// All went well, and there was no command.
    pub const DONE: Self = Self { exit: 0, origin: Origin::Crabbox, signal: None };

    /// A failure of ours.
    #[must_use]
    pub fn failure(origin: Origin) -> Self {
        Self { exit: CRABBOX_FAILED, origin, signal: None }
    }

    /// A signal came to this program, and ended the run.
    #[must_use]
    pub fn of_signal(signal: i32) -> Self {
        let exit = SIGNALED.wrapping_add(signal.to_le_bytes()[0]);
        Self { exit, origin: Origin::Crabbox, signal: Some(signal) }
    }

    /// What the helper says of the command.
    #[must_use]
    pub fn of(outcome: message::Outcome) -> Self {
        let program = |exit, signal| Self { exit, origin: Origin::Program, signal };
        match outcome {
            // The kernel keeps eight bits.
            message::Outcome::Exited(code) => program(code.to_le_bytes()[0], None),
            message::Outcome::Signaled(signal) => {
                program(SIGNALED.wrapping_add(signal.to_le_bytes()[0]), Some(signal))
            }
            message::Outcome::TimedOut => {
                Self { exit: TIMED_OUT, origin: Origin::Crabbox, signal: None }
            }
        }
    }

    /// What a failure on the box means.
    #[must_use]
    pub fn of_failure(code: FailureCode) -> Self {
        match code {
            FailureCode::CommandNotFound => {
                Self { exit: NOT_FOUND, origin: Origin::Crabbox, signal: None }
            }
            FailureCode::CommandNotExecutable => {
                Self { exit: NOT_EXECUTABLE, origin: Origin::Crabbox, signal: None }
            }
            FailureCode::Sync | FailureCode::Verify | FailureCode::Occupied => {
                Self::failure(Origin::Sync)
            }
            FailureCode::Identity | FailureCode::Marker => Self::failure(Origin::Transport),
            _ => Self::failure(Origin::Crabbox),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_programs_own() {
        assert_eq!(Outcome::of(message::Outcome::Exited(255)).exit, 255);
        assert_eq!(Outcome::of(message::Outcome::Signaled(9)).exit, 137);
        let timeout = Outcome::of(message::Outcome::TimedOut);
        assert_eq!((timeout.exit, timeout.origin), (124, Origin::Crabbox));
    }
}
