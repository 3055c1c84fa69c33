//! How the store fails, and what a command says of it.

use super::claim::LeaseId;
use super::state::{Event, State};
use super::store::SCHEMA;
use crate::output::{CommandError, Exit};
use std::io;
use std::path::PathBuf;

/// The store can't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The folder isn't usable.
    #[error("the state folder `{}` can't be used", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database itself.
    #[error("the claims database `{}` can't be used", .path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A newer crabbox wrote it.
    #[error("the claims database `{}` has schema {found}, this crabbox knows {SCHEMA}", .path.display())]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// A row that can't be read.
    #[error("the claim `{id}` can't be read")]
    Unreadable {
        /// Which.
        id: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Somebody else changed the claim in between.
    #[error("the claim `{0}` was changed by another command")]
    Raced(LeaseId),
    /// The event can't happen in that state.
    #[error("a lease that is {state} can't go through {event:?}")]
    Transition {
        /// Where it stands.
        state: State,
        /// What was to happen.
        event: Event,
    },
}

impl From<ClaimError> for CommandError {
    fn from(error: ClaimError) -> Self {
        let kind = match &error {
            ClaimError::Raced(_) => Exit::TryAgain,
            ClaimError::Transition { .. } => Exit::Conflict,
            _ => Exit::Failed,
        };
        let hint = match &error {
            ClaimError::Folder { .. } => Some("`--state-dir DIR` puts the claims elsewhere"),
            ClaimError::Newer { .. } => Some("use the newer crabbox that wrote it"),
            _ => None,
        };
        let message = error.to_string();
        let mut result = Self::new(kind, message).code("claims");
        if let Some(source) = std::error::Error::source(&error) {
            result = result.because(source.to_string());
        }
        match hint {
            Some(hint) => result.hint(hint),
            None => result,
        }
    }
}
