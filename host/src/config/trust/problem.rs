//! What is said of a file or a setting that isn't trusted.

use super::pins::PinError;
use crate::config::keys::{Enforced, KEYS};
use crate::output::{Quoted, to_type};
use std::io;
use std::path::{Path, PathBuf};

/// Why a file, or something in it, isn't taken.
#[derive(Debug, thiserror::Error)]
pub enum TrustProblem {
    /// Somebody else could say what happens here.
    #[error("it belongs to user {uid}, not to you or root")]
    Owner {
        /// Whose it is.
        uid: u32,
    },
    /// Somebody else could put another file there.
    #[error("its folder belongs to user {uid}, not to you or root")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// The machine's file isn't root's: whoever owns it could enforce what they like.
    #[error("`{}` belongs to user {uid}, and not to root", .path.display())]
    NotRoots {
        /// The file or a folder above it.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// The machine's file can be written by others than root.
    #[error("`{}` can be written by others than root (mode {mode:o})", .path.display())]
    Writable {
        /// The file or a folder above it.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A folder above the machine's file can't be looked at.
    #[error("`{}` can't be looked at: {problem}", .path.display())]
    Unseen {
        /// The folder.
        path: PathBuf,
        /// Why.
        problem: io::Error,
    },
    /// `[enforced]` in a file that can't enforce anything.
    #[error("only the machine's own file can enforce anything")]
    Enforces,
    /// Grants in the machine's file.
    #[error("only your own file grants: a repository is trusted by each user")]
    Grants,
    /// A setting that can't be enforced.
    #[error("`{key}` can't be enforced")]
    NotEnforced {
        /// Which.
        key: String,
    },
    /// A setting that a repository can't have at all.
    #[error("a repository can't set `{key}`: it would choose {reason}")]
    Forbidden {
        /// Which.
        key: String,
        /// What it would do.
        reason: &'static str,
    },
    /// A setting that a repository asks for, and that doesn't hold.
    #[error("`{text}` isn't granted and doesn't hold: it would choose {reason}")]
    Ungranted {
        /// The setting, as it could stand in the file.
        text: String,
        /// What it would choose.
        reason: String,
    },
    /// It was trusted, and isn't that file any more.
    #[error("it has changed since you trusted it: {changes}")]
    Changed {
        /// In words.
        changes: String,
    },
    /// A grant of what needs none, or can't be granted.
    #[error("`{key}` can't be granted: {reason}")]
    NoGrant {
        /// Which.
        key: String,
        /// Why.
        reason: &'static str,
    },
    /// A grant for nobody knows which folder.
    #[error(
        "`trust.\"{path}\"`: grants are for a folder, by its absolute path or one that begins with `~/`"
    )]
    GrantPath {
        /// As it stands there.
        path: String,
    },
    /// What is remembered of trusted files can't be believed.
    #[error("nobody knows whether you trusted it: {0}")]
    Pin(#[from] PinError),
}

impl TrustProblem {
    /// Does everything else still hold?
    #[must_use]
    pub(in crate::config) fn is_warning(&self) -> bool {
        matches!(self, Self::Ungranted { .. } | Self::Changed { .. } | Self::Pin(_))
    }

    /// What to do about it. `path`: of the file that it is about.
    #[must_use]
    pub(in crate::config) fn hint(&self, path: &Path) -> Option<String> {
        match self {
            Self::Owner { .. } => Some(format!("chown \"$(id -u)\" {}", Quoted(path))),
            Self::Folder { folder, .. } => Some(format!("chown \"$(id -u)\" {}", Quoted(folder))),
            Self::NotRoots { path, .. } => Some(format!("sudo chown root: {}", Quoted(path))),
            Self::Writable { path, .. } => Some(format!("sudo chmod go-w {}", Quoted(path))),
            Self::Forbidden { key, .. } => {
                Some(format!("set `{key}` in your own config.toml if you want it"))
            }
            Self::Ungranted { .. } | Self::Changed { .. } => {
                let line = to_type(&["config", "trust"]);
                Some(format!("{line} {}", Quoted(path.parent().unwrap_or(path))))
            }
            Self::NoGrant { .. } | Self::Enforces | Self::Grants | Self::NotEnforced { .. } => {
                Some("remove the line".to_owned())
            }
            Self::Pin(PinError::Damaged(path) | PinError::Open { path, .. }) => {
                Some(format!("rm {}", Quoted(path)))
            }
            Self::Pin(PinError::Folder { folder, .. }) => {
                Some(format!("chmod go-w {}", Quoted(folder)))
            }
            Self::GrantPath { .. } | Self::Unseen { .. } | Self::Pin(PinError::Io { .. }) => None,
        }
    }

    /// What is to be known of it.
    #[must_use]
    pub(in crate::config) fn note(&self) -> Option<String> {
        let Self::NotEnforced { .. } = self else { return None };
        let names = KEYS.iter().filter(|key| key.enforced != Enforced::No);
        let names: Vec<_> = names.map(|key| key.name).collect();
        Some(format!("what can be: {}, and settings of providers but secrets", names.join(", ")))
    }

    /// The word for machines.
    #[must_use]
    pub(in crate::config) fn code(&self) -> &'static str {
        match self {
            Self::Owner { .. }
            | Self::Folder { .. }
            | Self::NotRoots { .. }
            | Self::Writable { .. }
            | Self::Unseen { .. } => "owner",
            Self::Enforces | Self::NotEnforced { .. } => "not_enforced",
            Self::Forbidden { .. } => "forbidden",
            Self::Ungranted { .. } => "ungranted",
            Self::Changed { .. } => "changed",
            Self::NoGrant { .. } | Self::GrantPath { .. } | Self::Grants => "grant",
            Self::Pin(_) => "pin",
        }
    }
}
