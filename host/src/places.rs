//! Where crabbox keeps its files on this machine: the XDG folders.

use crate::output::CommandError;
use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
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
    /// The machine's own `config.toml`.
    pub system: PathBuf,
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
            system: system(),
            data: base("XDG_DATA_HOME", ".local/share")?.join("crabbox"),
        })
    }
}

/// Whoever could choose it could choose what is enforced: only a debug build takes another one, for
/// tests.
fn system() -> PathBuf {
    let other = env::var_os("CRABBOX_SYSTEM_DIR").filter(|_| cfg!(debug_assertions));
    other.map_or_else(|| PathBuf::from("/etc/crabbox"), PathBuf::from)
}

/// Where what is gone with the next boot may lie, best first. One that this environment doesn't name may be what
/// that of another command named.
pub fn runtime() -> impl Iterator<Item = PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.into_iter().chain([PathBuf::from(format!("/run/user/{user}"))]);
    let runtime = runtime.filter(|path| path.is_absolute() && is_own_folder(path));
    let temporary = [env::temp_dir(), PathBuf::from("/tmp")];
    let temporary = temporary.into_iter().map(move |path| path.join(format!("crabbox-{user}")));
    runtime.map(|path| path.join("crabbox")).chain(temporary)
}

/// Is it a folder, no link to one, this user's, and writable by nobody else?
#[must_use]
pub fn is_own_folder(path: &Path) -> bool {
    let found = fs::symlink_metadata(path);
    found.is_ok_and(|found| {
        found.is_dir()
            && found.uid() == rustix::process::geteuid().as_raw()
            && found.mode() & 0o022 == 0
    })
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
            .hint(r#"export HOME="$(getent passwd "$(id -u)" | cut -d: -f6)""#)),
    }
}

/// A folder that isn't fit for what is private.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Somebody else's: they could read and change what is in it.
    #[error("it belongs to user {uid}")]
    Owner {
        /// Whose it is.
        uid: u32,
    },
    /// Others could put files of theirs in it.
    #[error("others can write in it (mode {mode:o})")]
    Open {
        /// Its mode.
        mode: u32,
    },
    /// It can't be looked at, or made.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Makes sure that `folder` is there, ours, and writable by nobody else. One that is made is closed to
/// others (0700). One that is there keeps its mode, whatever it is: it may be there for more than
/// this, such as `/tmp`. As OpenSSH does, it is refused if others can write in it; if they can
/// only look, what is made in it must be private itself.
pub fn private_folder(folder: &Path) -> Result<(), FolderError> {
    if is_private(folder)? {
        return Ok(());
    }
    Ok(fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?)
}

/// The same of one that is only looked at. `false`: it isn't there.
pub fn is_private(folder: &Path) -> Result<bool, FolderError> {
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Err(io::Error::from(io::ErrorKind::NotADirectory).into()),
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
            Err(FolderError::Owner { uid: found.uid() })
        }
        Ok(found) if found.mode() & 0o022 != 0 => {
            Err(FolderError::Open { mode: found.mode() & 0o7777 })
        }
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_that_is_there_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mode = |path: &Path| fs::metadata(path).expect("looks").mode() & 0o7777;
        for (bits, fits) in [(0o755, true), (0o700, true), (0o777, false), (0o1777, false)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(bits)).expect("a mode");
            assert_eq!(private_folder(folder.path()).is_ok(), fits, "{bits:o}");
            assert_eq!(mode(folder.path()), bits);
        }
        let new = folder.path().join("new");
        private_folder(&new).expect("makes");
        assert_eq!(mode(&new), 0o700);
    }
}
