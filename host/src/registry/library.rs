//! One provider's file, read without running any of its code.
//!
//! Read in pieces into memory, never mapped: a mapped file that is truncated
//! meanwhile would kill this process. The open file is what is loaded later, so
//! what was checked is what runs.

use super::places::Source;
use super::trust;
use crabbox_provider_api::abi;
use crabbox_provider_api::manifest::{LIMIT, Manifest, ManifestError, SECTION};
use object::read::elf::ElfFile64;
use object::{Architecture, Endianness, Object, ObjectSection, ObjectSymbol, ReadCache};
use semver::Version;
use std::fs::File;
use std::io;
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
    pub(super) fn open(path: &Path, source: Source) -> Result<Self, Unusable> {
        let file = File::open(path).map_err(Unusable::Read)?;
        let found = file.metadata().map_err(Unusable::Read)?;
        if !found.is_file() {
            return Err(Unusable::NotAFile);
        }
        trust::check(path, &found, source)?;
        let manifest = read_manifest(&file)?;
        let interface = Version::parse(abi::VERSION).expect("cargo checks a package's version");
        if !manifest.abi.matches(&interface) {
            return Err(Unusable::Interface { needs: manifest.abi.to_string() });
        }
        Ok(Self { manifest, path: path.to_owned(), source, file })
    }

    /// Is this its name or one of its aliases?
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.manifest.name == name || self.manifest.aliases.iter().any(|alias| alias == name)
    }
}

fn read_manifest(file: &File) -> Result<Manifest, Unusable> {
    let cache = ReadCache::new(file);
    let elf = ElfFile64::<Endianness, _>::parse(&cache).map_err(|_| Unusable::Format)?;
    let expected = match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        _ => Architecture::Unknown,
    };
    if elf.architecture() != expected {
        return Err(Unusable::Architecture { found: format!("{:?}", elf.architecture()) });
    }
    let has_root = elf.dynamic_symbols().any(|symbol| symbol.name() == Ok(abi::SYMBOL));
    if !has_root {
        return Err(Unusable::NoProvider("its root module"));
    }
    let section = elf.section_by_name(SECTION).ok_or(Unusable::NoProvider("its manifest"))?;
    if section.size() > LIMIT as u64 + 64 {
        return Err(ManifestError::TooLong.into());
    }
    let bytes = section.data().map_err(|_| Unusable::Format)?;
    Ok(Manifest::from_section(bytes)?)
}
