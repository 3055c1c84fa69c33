//! One provider's file, read without running any of its code. The open file is what is loaded
//! later, so what was checked is what runs.

use super::places::{Crowded, Source};
use super::{elf, trust};
use crabbox_provider_api::abi;
use crabbox_provider_api::manifest::{Manifest, ManifestError};
use rustix::fs::OFlags;
use semver::Version;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why a file can't be used as a provider.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Read(#[source] io::Error),
    /// A folder, a device.
    #[error("it is no regular file")]
    NotAFile,
    /// Nothing that is a provider is this large.
    #[error("it is larger than a provider can be: {length} bytes, the limit is {limit}")]
    TooLarge {
        /// Its length.
        length: u64,
        /// The longest that is looked into.
        limit: u64,
    },
    /// Its folder has too many.
    #[error(transparent)]
    Crowded(#[from] Crowded),
    /// Somebody else's.
    #[error("`{}` belongs to user {uid}; expected you, root or the owner of crabbox", .path.display())]
    Owner {
        /// The file or its folder.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Others could replace it.
    #[error("`{}` can be written by others (mode {mode:o})", .path.display())]
    Writable {
        /// The file or its folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Text, truncated, another format.
    #[error("it is no shared library of this system")]
    Format,
    /// For another processor.
    #[error("it is built for {found}, this machine is {}", std::env::consts::ARCH)]
    Architecture {
        /// What it is built for.
        found: String,
    },
    /// A shared library without a provider in it.
    #[error("it holds no provider: {0} is missing")]
    NoProvider(&'static str),
    /// Its manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// For another interface.
    #[error("it needs interface {needs}, this crabbox has {}", abi::VERSION)]
    Interface {
        /// What its manifest says.
        needs: String,
    },
}

impl Unusable {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Writable { path, .. } => Some(format!("chmod go-w '{}'", path.display())),
            Self::Owner { path, .. } => Some(format!("chown \"$(id -u)\" '{}'", path.display())),
            Self::Interface { .. } => {
                Some("get a build of the provider for this version of crabbox".to_owned())
            }
            _ => None,
        }
    }
}

/// A file that was checked as far as that goes without running it.
#[derive(Debug)]
pub struct Library {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Where it was.
    pub path: PathBuf,
    /// Where it was found.
    pub source: Source,
    /// The open file: load this one.
    pub file: File,
}

impl Library {
    pub(super) fn open(path: &Path, source: Source) -> Result<Self, Refused> {
        // A pipe or a terminal of that name must neither hold this command nor become its terminal.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(path);
        let file = file.map_err(Unusable::Read)?;
        if !file.metadata().map_err(Unusable::Read)?.is_file() {
            return Err(Unusable::NotAFile.into());
        }
        trust::check(path, &file, source)?;
        let manifest = elf::read_manifest(&file)?;
        let interface = Version::parse(abi::VERSION).expect("cargo checks a package's version");
        if !manifest.abi.matches(&interface) {
            let reason = Unusable::Interface { needs: manifest.abi.to_string() };
            return Err(Refused { manifest: Some(Box::new(manifest)), reason });
        }
        Ok(Self { manifest, path: path.to_owned(), source, file })
    }
}

/// A file that can't be used, and what it says of itself if that could be read.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) manifest: Option<Box<Manifest>>,
    pub(super) reason: Unusable,
}

impl From<Unusable> for Refused {
    fn from(reason: Unusable) -> Self {
        Self { manifest: None, reason }
    }
}
