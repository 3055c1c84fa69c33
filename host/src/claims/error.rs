//! How the store fails, and what a command says of it.

use super::adopt::Claimant;
use super::id::LeaseId;
use super::life::Refused;
use super::locks::{ELSEWHERE, on_this_machine};
use super::migrations::SCHEMA;
use super::store::BUSY;
use crate::output::{CommandError, Exit, Quoted, Typed, to_type};
use crate::places::{FolderError, home};
use crate::sqlite::Fault;
use crabbox_locks::NoLocks;
use rusqlite::ErrorCode;
use std::error::Error;
use std::iter;
use std::path::{Path, PathBuf};

/// Words of a line that is about a lease that there is.
const LEASED: [&str; 8] = ["--id", "stop", "extend", "forget", "status", "inspect", "cp", "tunnel"];

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
        source: FolderError,
    },
    /// Two commands could take one box.
    #[error("the state folder `{}` can't be used", .path.display())]
    Locks {
        /// Which.
        path: PathBuf,
        /// What its locks are worth.
        #[source]
        source: NoLocks,
    },
    /// Another program holds the database.
    #[error("the claims database `{}` is held by another program: waited {}s for it", .path.display(), BUSY.as_secs())]
    Held {
        /// Which.
        path: PathBuf,
    },
    /// The database can't be written, or not even opened.
    #[error("the claims database `{}` can't be written", .path.display())]
    ReadOnly {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The database isn't one any more.
    #[error("the claims database `{}` is damaged", .path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// How that shows.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The same, seen by whoever works with it.
    #[error("the claims database `{}` is damaged", .path.display())]
    FoundDamaged {
        /// Which.
        path: PathBuf,
        /// How that shows.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Others may have written what is in it.
    #[error("the claims database `{}` can't be trusted", .path.display())]
    File {
        /// Which file of it.
        path: PathBuf,
        /// Why.
        #[source]
        source: FolderError,
    },
    /// Something else about the database.
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
    #[error("the claim `{id}` (`{slug}`) can't be read")]
    Unreadable {
        /// Which.
        id: String,
        /// Its name for people.
        slug: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// What the provider names is another lease's.
    #[error("its resource is the box of another lease: `{}` ({})", .0.slug, .0.id)]
    Claimed(Claimant),
    /// Somebody else changed the claim in between.
    #[error("the claim `{0}` was changed by another command")]
    Raced(LeaseId),
    /// The event can't happen to the claim as it stands.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl ClaimError {
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

    fn kind(&self) -> Exit {
        match self {
            Self::Raced(_) | Self::Held { .. } => Exit::TryAgain,
            Self::Refused(_) | Self::Claimed(_) => Exit::Conflict,
            Self::Folder {
                source: FolderError::Owner { .. } | FolderError::Open { .. }, ..
            }
            | Self::Locks { .. }
            | Self::File { .. } => Exit::Usage,
            _ => Exit::Failed,
        }
    }

    fn note(&self) -> Option<&'static str> {
        match self {
            Self::Locks { .. } => Some("without them, two commands could take one box"),
            Self::Damaged { .. } => {
                Some("to put it aside is to begin anew, without its claims; the boxes stay")
            }
            Self::FoundDamaged { .. } => Some("the next command saves what can still be read"),
            Self::Newer { .. } => Some("the newer crabbox that wrote it can use it"),
            Self::File { source: FolderError::Open { .. }, .. } => {
                Some("what it says may be from whoever could write it")
            }
            _ => None,
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let in_folder = |folder: &Path| {
            let folder = folder.to_string_lossy();
            Typed::here().without("--state-dir").with(&["--state-dir", &folder]).to_string()
        };
        // A lease of this folder is none of another's.
        let is_of_a_lease = LEASED.iter().any(|word| Typed::here().has_switch(word));
        let elsewhere =
            || home().filter(|_| !is_of_a_lease).map(|home| in_folder(&home.join(ELSEWHERE)));
        match self {
            Self::Folder { path, source: FolderError::Open { mode } } => {
                let own = path.join("crabbox");
                let own = in_folder(&own);
                // A sticky one is open on purpose.
                if mode & 0o1000 != 0 {
                    return vec![own];
                }
                vec![format!("chmod go-w {}", Quoted(path)), own]
            }
            Self::Locks { .. } => on_this_machine()
                .map(|folder| vec![in_folder(&folder), lasting(&folder)])
                .unwrap_or_default(),
            Self::Folder { .. } | Self::ReadOnly { .. } | Self::Newer { .. } => {
                elsewhere().into_iter().collect()
            }
            Self::File { path, source: FolderError::Open { .. } } => {
                vec![format!("chmod 600 {}", Quoted(path))]
            }
            Self::File { path, .. } => {
                let chown = format!("sudo chown \"$(id -u)\" {}", Quoted(path));
                iter::once(chown).chain(elsewhere()).collect()
            }
            Self::FoundDamaged { .. } => vec![to_type(&["list"])],
            Self::Held { path } => vec![format!("fuser -v {}", Quoted(path))],
            Self::Damaged { path, .. } => vec![put_aside(path)],
            Self::Database { path, source }
                if source.sqlite_error_code() == Some(ErrorCode::DiskFull) =>
            {
                let folder = path.parent().unwrap_or(Path::new("/"));
                iter::once(format!("df -h {}", Quoted(folder))).chain(elsewhere()).collect()
            }
            Self::Unreadable { id, .. } => vec![to_type(&["forget", id])],
            Self::Claimed(other) => vec![to_type(&["status", &other.id])],
            _ => Vec::new(),
        }
    }
}

/// The line that has every later command of a shell keep its claims there.
#[must_use]
pub fn lasting(folder: &Path) -> String {
    format!("export CRABBOX_STATE_DIR={}", Quoted(folder))
}

/// The line that puts a database aside of which nothing can be saved.
#[must_use]
pub fn put_aside(database: &Path) -> String {
    let folder = Quoted(database.parent().unwrap_or(Path::new("/")));
    let files = Quoted(database);
    format!("d={folder}/damaged-$(date +%s) && mkdir \"$d\" && mv {files}* \"$d\"")
}

impl From<ClaimError> for CommandError {
    fn from(error: ClaimError) -> Self {
        let mut result = Self::new(error.kind(), error.to_string()).code("claims");
        if let Some(note) = error.note() {
            result = result.note(note);
        }
        for hint in error.hints() {
            result = result.hint(hint);
        }
        match Error::source(&error) {
            Some(source) => result.because(source.to_string()),
            None => result,
        }
    }
}
