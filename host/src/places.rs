//! Where crabbox keeps its files on this machine: the XDG folders.

use crate::output::CommandError;
use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// The folders of this user.
#[derive(Clone, Debug)]
pub struct Places {
    /// Claims, holders, history: what must not be lost.
    pub state: PathBuf,
    /// Scan caches: may be deleted at any time.
    pub cache: PathBuf,
    /// `config.toml`.
    pub config: PathBuf,
    /// What providers keep, such as the boxes of `local`, and installed providers.
    pub data: PathBuf,
}

impl Places {
    /// From the environment; `state_dir` replaces the state folder.
    pub fn discover(state_dir: Option<&Path>) -> Result<Self, CommandError> {
        let state = match state_dir {
            Some(folder) => std::path::absolute(folder)
                .map_err(|error| CommandError::usage(format!("`--state-dir`: {error}")))?,
            None => base("XDG_STATE_HOME", ".local/state")?.join("crabbox"),
        };
        Ok(Self {
            state,
            cache: base("XDG_CACHE_HOME", ".cache")?.join("crabbox"),
            config: base("XDG_CONFIG_HOME", ".config")?.join("crabbox"),
            data: base("XDG_DATA_HOME", ".local/share")?.join("crabbox"),
        })
    }
}

/// The path without links; what isn't there (yet, or but on the box) is only tidied.
#[must_use]
pub fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(tidy.pop()),
            other => tidy.push(other),
        }
    }
    match (tidy.parent(), tidy.file_name()) {
        (Some(parent), Some(name)) if parent != path => real(parent).join(name),
        _ => tidy,
    }
}

/// The user's home folder, canonical.
#[must_use]
pub fn home() -> Option<PathBuf> {
    env::var_os("HOME").and_then(|home| Path::new(&home).canonicalize().ok())
}

/// An XDG folder; a relative value counts as unset, as the specification says.
fn base(variable: &str, below_home: &str) -> Result<PathBuf, CommandError> {
    if let Some(folder) = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    {
        return Ok(folder);
    }
    match env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute()) {
        Some(home) => Ok(home.join(below_home)),
        None => Err(CommandError::usage(format!("neither `HOME` nor `{variable}` is set"))
            .hint("set HOME to your home folder")),
    }
}

/// Makes sure that `folder` is there, ours, and closed to others (0700).
pub fn private_folder(folder: &Path) -> io::Result<()> {
    match fs::metadata(folder) {
        Ok(found) => {
            if found.uid() != rustix::process::geteuid().as_raw() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "it belongs to another user",
                ));
            }
            if found.mode() & 0o077 != 0 {
                fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
        }
        Err(error) => Err(error),
    }
}
