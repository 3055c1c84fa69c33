//! What a shared library says of itself: its architecture, its root symbol, its manifest.
//!
//! Read in pieces into bounded memory, never mapped: a mapped file that is truncated
//! meanwhile would kill this process, and a length in a damaged header is anybody's guess.

use super::library::Unusable;
use crabbox_provider_api::abi;
use crabbox_provider_api::manifest::{LIMIT, Manifest, ManifestError, SECTION};
use object::read::elf::ElfFile64;
use object::{Architecture, Endianness, Object, ObjectSection, ObjectSymbol, ReadCache};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// The largest file that is looked into, in bytes: a debug build of a large provider has a
/// hundred million.
const LARGEST: u64 = 512 << 20;

/// How much of it is read at most, in bytes. The tables that lead to the manifest take a few million.
const READ: u64 = 64 << 20;

pub(super) fn read_manifest(file: &File) -> Result<Manifest, Unusable> {
    let length = file.metadata().map_err(Unusable::Read)?.len();
    if length > LARGEST {
        return Err(Unusable::TooLarge { length, limit: LARGEST });
    }
    let cache = ReadCache::new(Bounded { file, left: READ });
    let elf = ElfFile64::<Endianness, _>::parse(&cache).map_err(|_| Unusable::Format)?;
    let expected = match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        _ => Architecture::Unknown,
    };
    if elf.architecture() != expected {
        let found = format!("{:?}", elf.architecture()).to_lowercase();
        return Err(Unusable::Architecture { found });
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

/// Fails when more is read than a provider can need.
#[derive(Debug)]
struct Bounded<'a> {
    file: &'a File,
    left: u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.len() as u64 > self.left {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let count = self.file.read(buffer)?;
        self.left -= count as u64;
        Ok(count)
    }
}

impl Seek for Bounded<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
