//! Why the history can't be read or written. A run is never worth less for it: that is a warning there.

use super::id::RunId;
use super::schema::SCHEMA;
use crate::claims::put_aside;
use crate::output::{CommandError, Exit, Quoted, to_type};
use crate::places::FolderError;
use crate::sqlite::Fault;
use rusqlite::ErrorCode;
use std::error::Error;
use std::path::{Path, PathBuf};

/// The history can't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The folder isn't usable.
    #[error("the state folder `{}` can't be used", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: FolderError,
    },
    /// Another program holds the database.
    #[error("the history `{}` is held by another program", .path.display())]
    Held {
        /// Which.
        path: PathBuf,
    },
    /// The database can't be written, or not even opened.
    #[error("the history `{}` can't be written", .path.display())]
    ReadOnly {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The database isn't one any more.
    #[error("the history `{}` is damaged", .path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// How that shows.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Others may have written what is in it.
    #[error("the history `{}` can't be trusted", .path.display())]
    File {
        /// Which file of it.
        path: PathBuf,
        /// Why.
        #[source]
        source: FolderError,
    },
    /// Something else about the database.
    #[error("the history `{}` can't be used", .path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A newer crabbox wrote it.
    #[error("the history `{}` has schema {found}, this crabbox knows {SCHEMA}", .path.display())]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// A record that can't be read.
    #[error("the record of `{id}` can't be read")]
    Unreadable {
        /// Whose.
        id: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Nothing is recorded of it, or not any more.
    #[error("nothing is recorded of `{0}`: it was killed, or is forgotten")]
    Unknown(RunId),
    /// Nothing is recorded of it yet.
    #[error("`{0}` goes on: nothing is recorded of it before its end")]
    GoesOn(RunId),
    /// Nothing was recorded of it.
    #[error("`{0}` left no record: it was killed, or the history couldn't be written")]
    NoRecord(RunId),
    /// Its record couldn't be written.
    #[error("`{run}` ended with {exit}, and its record couldn't be written")]
    Unwritten {
        /// Which.
        run: RunId,
        /// What it ended with.
        exit: u8,
    },
    /// Files of a run can't be read or removed.
    #[error("`{}` can't be used", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl HistoryError {
    /// What SQLite says of the database at `path`.
    pub(super) fn of_database(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match Fault::of(&source) {
            Fault::Held => Self::Held { path },
            Fault::Damaged => Self::Damaged { path, source: source.into() },
            Fault::ReadOnly => Self::ReadOnly { path, source },
            Fault::Other => Self::Database { path, source },
        }
    }

    /// In one line, with the cause.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        match Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { path, .. } | Self::Newer { path, .. } => Some(put_aside(path)),
            Self::Held { path } => Some(format!("fuser -v {}", Quoted(path))),
            Self::GoesOn(run) | Self::NoRecord(run) | Self::Unwritten { run, .. } => {
                Some(to_type(&["logs", run.as_str()]))
            }
            // What it printed doesn't lie with its record.
            Self::Unreadable { id, .. } => Some(to_type(&["logs", id])),
            Self::File { path, source: FolderError::Open { .. } } => {
                Some(format!("chmod 600 {}", Quoted(path)))
            }
            Self::Database { path, source }
                if source.sqlite_error_code() == Some(ErrorCode::DiskFull) =>
            {
                let folder = path.parent().unwrap_or(Path::new("/"));
                Some(format!("df -h {}", Quoted(folder)))
            }
            _ => None,
        }
    }
}

impl From<HistoryError> for CommandError {
    fn from(error: HistoryError) -> Self {
        let kind = match error {
            HistoryError::Held { .. } | HistoryError::GoesOn(_) => Exit::TryAgain,
            HistoryError::Unknown(_)
            | HistoryError::NoRecord(_)
            | HistoryError::Unwritten { .. } => Exit::NotFound,
            HistoryError::Folder { .. } | HistoryError::File { .. } => Exit::Usage,
            _ => Exit::Failed,
        };
        let result = Self::new(kind, error.to_string()).code("history");
        let result = match &error {
            HistoryError::Newer { .. } => result.note(
                "the newer crabbox that wrote it can use it; to put it aside is to begin anew",
            ),
            _ => result,
        };
        let result = error.hint().into_iter().fold(result, Self::hint);
        match Error::source(&error) {
            Some(source) => result.because(source.to_string()),
            None => result,
        }
    }
}
