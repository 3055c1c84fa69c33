//! How a run fails, and what this program exits with then.

use super::outcome::{Origin, Outcome, SIGNALED};
use super::syncing::MANIFEST_LIMIT;
use crate::sync::SyncError;
use crate::tail::said;
use crate::transport::TransportError;
use crabbox_wire::frame::FrameError;
use crabbox_wire::message::{Failure, FailureCode};
use crabbox_wire::tree::TreeError;
use std::io;

/// What a program is ended by that writes to a pipe which nobody reads any more.
const SIGPIPE: u8 = 13;

/// A run that didn't.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The box can't be reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The tree can't be read or sent.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// What the claim says that it must show is of a newer crabbox.
    #[error("it proves itself in a way that this crabbox doesn't know")]
    Unprovable,
    /// Somebody else uses the box, and isn't waited for.
    #[error("the box is in use by {by}")]
    InUse {
        /// Who, as they say.
        by: String,
    },
    /// The helper reports a failure.
    #[error("{}", .0.message)]
    Box(Failure),
    /// What the helper says can't be understood.
    #[error("the remote helper's answer can't be understood")]
    Frame(#[source] FrameError),
    /// Its manifest makes no sense.
    #[error("the manifest that the box sent can't be understood")]
    Manifest(#[source] TreeError),
    /// Its manifest is too large.
    #[error("the manifest that the box sends is over the limit of {MANIFEST_LIMIT} bytes")]
    ManifestSize,
    /// It says things in an order that makes no sense.
    #[error("the remote helper doesn't keep to the protocol")]
    Order,
    /// The box claims to hold another tree than it was given.
    #[error("the box holds another tree than the one it was given")]
    WrongTree,
    /// The session ended in the middle of the command.
    #[error("the connection to the box ended before the command did{}", said(.stderr))]
    Ended {
        /// What the far side said last.
        stderr: String,
    },
    /// The same, before there was a command, for all that is known here.
    #[error("the connection to the box ended before it said that it holds the tree{}", said(.stderr))]
    Unsynced {
        /// What the far side said last.
        stderr: String,
    },
    /// The same, while somebody else used the box.
    #[error("the connection to the box ended while it was in use by another{}", said(.stderr))]
    Waited {
        /// What the far side said last.
        stderr: String,
    },
    /// Nobody reads the program's output any more.
    #[error("nobody reads the program's output any more")]
    Unread,
    /// Our own output can't be written.
    #[error("the program's output can't be written")]
    Output(#[source] io::Error),
    /// A signal, or a terminal that is gone, ended the command while it had something to say.
    #[error("the command was ended by signal {0}")]
    Stopped(i32),
    /// A signal came before that was done which the box was wanted for.
    #[error("interrupted by signal {0}")]
    Interrupted(i32),
    /// What was seen can't be recorded.
    #[error(transparent)]
    Record(#[from] crate::claims::ClaimError),
}

impl RunError {
    /// The error of the way, if it is one that nothing came after.
    #[must_use]
    pub fn unreached(&self) -> Option<&TransportError> {
        match self {
            Self::Transport(error) => Some(error),
            _ => None,
        }
    }

    /// The box couldn't be reached, wasn't what it was, or was lost: no word of it about the run.
    #[must_use]
    pub fn is_of_the_way(&self) -> bool {
        match self {
            Self::Transport(_)
            | Self::Frame(_)
            | Self::Unprovable
            | Self::Ended { .. }
            | Self::Unsynced { .. }
            | Self::Waited { .. } => true,
            Self::Sync(error) => matches!(error, SyncError::Stream(_)),
            Self::Box(failure) => {
                matches!(failure.code, FailureCode::Identity | FailureCode::Marker)
            }
            _ => false,
        }
    }

    /// The same, and it may be otherwise once the provider was asked for the way again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let is_final = matches!(self, Self::Transport(error) if error.is_final());
        self.is_of_the_way() && !is_final
    }

    /// The box says that it isn't the one that was leased.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Box(failure) if failure.code == FailureCode::Identity)
    }

    /// The connection ended on the way: something may have become of the box.
    #[must_use]
    pub fn is_of_ended_connection(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Unsynced { .. } | Self::Waited { .. })
    }

    /// What this program exits with, and whose failure it is.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Transport(_)
            | Self::Frame(_)
            | Self::Order
            | Self::Unprovable
            | Self::Ended { .. }
            | Self::Unsynced { .. }
            | Self::Waited { .. }
            | Self::Sync(SyncError::Stream(_)) => Outcome::failure(Origin::Transport),
            Self::Sync(_) | Self::Manifest(_) | Self::ManifestSize | Self::WrongTree => {
                Outcome::failure(Origin::Sync)
            }
            Self::Box(failure) => Outcome::of_failure(failure.code),
            Self::Unread => {
                Outcome { exit: SIGNALED + SIGPIPE, origin: Origin::Crabbox, signal: None }
            }
            Self::Output(_) | Self::Record(_) | Self::InUse { .. } => {
                Outcome::failure(Origin::Crabbox)
            }
            Self::Interrupted(signal) | Self::Stopped(signal) => Outcome::of_signal(*signal),
        }
    }
}

impl From<FrameError> for RunError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => TransportError::Broken(error).into(),
            other => Self::Frame(other),
        }
    }
}
