//! How a tunnel fails. A connection that fails is no failure of it.

use crate::visit::VisitError;
use crabbox_tunnel::StreamsError;
use crabbox_wire::frame::FrameError;
use std::io;

/// A tunnel that can't be, or can't go on.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// The port here is taken, or not for us.
    #[error("port {port} of this machine can't be listened on")]
    Listen {
        /// Which.
        port: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The box can't be visited, or is gone.
    #[error(transparent)]
    Visit(#[from] VisitError),
    /// What it says of its streams can't be.
    #[error(transparent)]
    Streams(#[from] StreamsError),
}

impl From<FrameError> for TunnelError {
    fn from(error: FrameError) -> Self {
        VisitError::from(error).into()
    }
}
