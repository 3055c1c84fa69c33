//! How a session fails: what is sent to the host as its last frame.

use crabbox_wire::message::{self, FailureCode};
use rustix::io::Errno;
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
        let why = reason(error);
        Self::new(code(error), format!("{doing} `{}`: {why}", path.display()))
    }

    /// The box's system refused something to an entry of the tree.
    pub(crate) fn entry(doing: &str, path: &[u8], error: &io::Error) -> Self {
        let path = String::from_utf8_lossy(path);
        let why = reason(error);
        // Even root isn't allowed to touch an immutable file, and `ls` doesn't show the mark.
        let hint = match Errno::from_io_error(error) {
            Some(Errno::PERM) => ": is it or its folder marked immutable? `lsattr -d` shows it",
            _ => "",
        };
        Self::new(code(error), format!("{doing} `{path}` on the box: {why}{hint}"))
    }
}

fn code(error: &io::Error) -> FailureCode {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC | Errno::DQUOT) => FailureCode::DiskFull,
        _ => FailureCode::System,
    }
}

/// What the system says, and what that means where its own words don't tell everybody.
pub(crate) fn reason(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC) => format!("the disk is full: {error}"),
        Some(Errno::DQUOT) => format!("the disk quota is used up: {error}"),
        _ => error.to_string(),
    }
}
