//! How a session fails: what is sent to the host as its last frame.

use crabbox_wire::message::{self, FailureCode};
use std::io;
use std::path::Path;

/// The end of a session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// To be told to the host.
    #[error("{}", .0.message)]
    Told(message::Failure),
    /// The host is gone: there is nobody to tell.
    #[error("the host is gone")]
    HostGone,
}

impl Failure {
    pub(crate) fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self::Told(message::Failure { code, message: message.into() })
    }

    /// The box's system refused something.
    pub(crate) fn system(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(FailureCode::System, format!("{doing} `{}`: {error}", path.display()))
    }
}
