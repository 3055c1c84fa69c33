//! Files that the user has trusted as they are: one small file each, below the state folder. As with
//! direnv, another byte in a trusted file makes it another file.

use crate::config::file::{self, Owner};
use crate::places::{FolderError, private_folder, real};
use crabbox_wire::tree::Hash;
use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// No pin is longer, in bytes: it holds what one configuration file asks for.
const LIMIT: u64 = 2 * 1024 * 1024;

/// A file as it was when the user trusted it, or said no to what it asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// Where it is, without links.
    pub path: PathBuf,
    /// Of all its bytes.
    #[serde(rename = "blake3")]
    pub digest: Hash,
    /// When that was.
    pub time: Timestamp,
    /// What it asked for then, and was granted.
    #[serde(default)]
    pub requests: BTreeMap<String, toml::Value>,
    /// What it asked for then, if the answer was no: the same requests aren't told of again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub denied: BTreeMap<String, toml::Value>,
}

/// What became of a file since it was trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinState {
    /// It is as it was.
    Trusted,
    /// It is another one: it isn't trusted any more.
    Changed,
    /// What it asked for was denied, whatever else it says.
    Denied,
    /// There is no such file now.
    Absent,
    /// It can't be read, or isn't read.
    Unreadable,
}

impl PinState {
    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Changed => "changed",
            Self::Denied => "denied",
            Self::Absent => "absent",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Pin {
    /// Was the answer no?
    #[must_use]
    pub fn is_denial(&self) -> bool {
        !self.denied.is_empty()
    }

    /// Looks at the file.
    #[must_use]
    pub fn state(&self) -> PinState {
        let layer = file::read(&self.path, Owner::Repository);
        match layer.digest {
            Some(_) if self.is_denial() => PinState::Denied,
            Some(digest) if digest == self.digest => PinState::Trusted,
            Some(_) => PinState::Changed,
            None if layer.errors.is_empty() => PinState::Absent,
            None => PinState::Unreadable,
        }
    }
}

/// What is wrong with what is remembered.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Its folder isn't private.
    #[error("`{}`: {problem}", .folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        problem: FolderError,
    },
    /// It can't be read or written.
    #[error("`{}`: {problem}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: io::Error,
    },
    /// Somebody else could have written it.
    #[error("`{}` isn't yours alone: it belongs to user {uid}, mode {mode:o}", .path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
        /// Its mode.
        mode: u32,
    },
    /// It isn't what this program writes.
    #[error("`{}` is damaged", .0.display())]
    Damaged(PathBuf),
}

/// All that is remembered.
#[derive(Clone, Debug)]
pub struct Pins {
    folder: PathBuf,
}

impl Pins {
    /// Below this state folder. Nothing is read or made yet.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self { folder: state.join("trust") }
    }

    /// How the file stood when it was trusted, if it was. `path`: of the file; links on the way
    /// to it mean nothing.
    pub fn find(&self, path: &Path) -> Result<Option<Pin>, PinError> {
        self.read(&self.place(path))
    }

    /// All of them, by path, and what is wrong with some.
    pub fn list(&self) -> Result<(Vec<Pin>, Vec<PinError>), PinError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
            result => result.map_err(io_error(&self.folder))?,
        };
        let mut pins = Vec::new();
        let mut errors = Vec::new();
        for entry in entries {
            let path = entry.map_err(io_error(&self.folder))?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                match self.read(&path) {
                    Ok(pin) => pins.extend(pin),
                    Err(error) => errors.push(error),
                }
            }
        }
        pins.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((pins, errors))
    }

    /// Remembers it, in the place of what was remembered of this file before.
    pub fn store(&self, pin: &Pin) -> Result<(), PinError> {
        let place = self.place(&pin.path);
        let state = self.folder.parent().unwrap_or(&self.folder);
        for folder in [state, &self.folder] {
            private_folder(folder)
                .map_err(|problem| PinError::Folder { folder: folder.to_owned(), problem })?;
        }
        let text = toml::to_string(pin).map_err(io::Error::other).map_err(io_error(&place))?;
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&place).map_err(|error| error.error)
        };
        write().map(drop).map_err(io_error(&place))
    }

    /// Forgets it; `false`: there was nothing to forget.
    pub fn remove(&self, path: &Path) -> Result<bool, PinError> {
        let place = self.place(path);
        match fs::remove_file(&place) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_error(&place)(error)),
        }
    }

    /// A name that no path can't have.
    fn place(&self, path: &Path) -> PathBuf {
        let name = Hash::of(real(path).as_os_str().as_bytes()).to_string();
        self.folder.join(format!("{}.toml", &name[..32]))
    }

    fn read(&self, place: &Path) -> Result<Option<Pin>, PinError> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = match File::options().read(true).custom_flags(flags).open(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(io_error(place))?,
        };
        private_folder(&self.folder)
            .map_err(|problem| PinError::Folder { folder: self.folder.clone(), problem })?;
        let found = file.metadata().map_err(io_error(place))?;
        if found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o022 != 0 {
            let (uid, mode) = (found.uid(), found.mode() & 0o7777);
            return Err(PinError::Open { path: place.to_owned(), uid, mode });
        }
        let mut text = String::new();
        file.take(LIMIT).read_to_string(&mut text).map_err(io_error(place))?;
        toml::from_str(&text).map(Some).map_err(|_| PinError::Damaged(place.to_owned()))
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> PinError + use<> {
    let path = path.to_owned();
    move |problem| PinError::Io { path: path.clone(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn pinned() -> (tempfile::TempDir, Pins, Pin) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pins = Pins::new(&folder.path().join("state"));
        let pin = Pin {
            path: folder.path().join(".crabbox.toml"),
            digest: Hash::of(b"text"),
            time: Timestamp::UNIX_EPOCH,
            requests: [("run.env".to_owned(), toml::Value::Array(vec!["A".into()]))].into(),
            denied: BTreeMap::new(),
        };
        pins.store(&pin).expect("stores");
        (folder, pins, pin)
    }

    #[test]
    fn what_is_stored_is_found_until_it_is_removed() {
        let (folder, pins, pin) = pinned();
        assert_eq!(pins.find(&pin.path).expect("reads"), Some(pin.clone()));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).expect("a link");
        assert_eq!(pins.find(&link.join(".crabbox.toml")).expect("reads"), Some(pin.clone()));
        assert_eq!(pins.list().expect("lists").0, std::slice::from_ref(&pin));
        assert!(pins.remove(&pin.path).expect("removes"));
        assert!(!pins.remove(&pin.path).expect("looks"));
        assert_eq!(pins.find(&pin.path).expect("reads"), None);
    }

    #[test]
    fn what_others_could_have_written_is_not_believed() {
        let (_folder, pins, pin) = pinned();
        let place = pins.place(&pin.path);
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
        };
        mode(&place, 0o622);
        assert!(matches!(pins.find(&pin.path), Err(PinError::Open { .. })));
        mode(&place, 0o600);
        mode(&pins.folder, 0o777);
        assert!(matches!(pins.find(&pin.path), Err(PinError::Folder { .. })));
        mode(&pins.folder, 0o700);
        fs::write(&place, "path = 7").expect("writes");
        assert!(matches!(pins.find(&pin.path), Err(PinError::Damaged(_))));
        assert_eq!(pins.list().expect("lists").1.len(), 1);
    }
}
