//! How a copy fails as a whole. An entry that can't be copied is no failure of it, but a remark.

use crate::visit::VisitError;
use crabbox_copy::receive::ReceiveError;
use crabbox_copy::send::SendError;
use crabbox_wire::frame::FrameError;
use std::io;

/// A copy that didn't come to its end.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The box can't be visited, is gone, or says that it can't.
    #[error(transparent)]
    Visit(#[from] VisitError),
    /// A block can't be unpacked.
    #[error("what the box sends can't be unpacked")]
    Unpack(#[source] io::Error),
    /// What comes can't be put down here.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// What is here can't be sent.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl From<FrameError> for CopyError {
    fn from(error: FrameError) -> Self {
        VisitError::from(error).into()
    }
}
