//! How a copy fails as a whole. An entry that can't be copied is no failure of it, but a remark.

use crate::tail::said;
use crate::transport::TransportError;
use crabbox_copy::receive::ReceiveError;
use crabbox_copy::send::SendError;
use crabbox_wire::frame::FrameError;
use crabbox_wire::message::Failure;
use std::io;

/// A copy that didn't come to its end.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
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
    /// A block can't be unpacked.
    #[error("what the box sends can't be unpacked")]
    Unpack(#[source] io::Error),
    /// The connection ended in the middle.
    #[error("the connection to the box ended before everything was copied{}", said(.stderr))]
    Ended {
        /// What the far side said last.
        stderr: String,
    },
    /// What comes can't be put down here.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// What is here can't be sent.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl From<FrameError> for CopyError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => TransportError::Broken(error).into(),
            other => Self::Frame(other),
        }
    }
}
