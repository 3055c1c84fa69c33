//! How a visit fails.

use crate::tail::said;
use crate::transport::TransportError;
use crabbox_wire::frame::FrameError;
use crabbox_wire::message::Failure;

/// A visit that can't be made, or can't go on.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// The box can't be reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The helper reports a failure.
    #[error("{}", .0.message)]
    Box(Failure),
    /// What the helper says can't be understood.
    #[error("the remote helper's answer can't be understood")]
    Frame(#[source] FrameError),
    /// It says things in an order that makes no sense.
    #[error("the remote helper doesn't keep to the protocol")]
    Order,
    /// The connection ended in the middle.
    #[error("the connection to the box ended{}", said(.stderr))]
    Ended {
        /// What the far side said last.
        stderr: String,
    },
}

impl VisitError {
    /// The error of the way, if it is one that nothing came after.
    #[must_use]
    pub fn unreached(&self) -> Option<&TransportError> {
        match self {
            Self::Transport(error) => Some(error),
            _ => None,
        }
    }
}

impl From<FrameError> for VisitError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => TransportError::Broken(error).into(),
            other => Self::Frame(other),
        }
    }
}
