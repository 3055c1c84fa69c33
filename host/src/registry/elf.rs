//! What a shared library says of itself: its architecture, its root symbol, its manifest.
//!
//! Read in pieces into bounded memory, never mapped: a mapped file that is truncated
//! meanwhile would kill this process, and a length in a damaged header is anybody's guess.

use super::library::Unusable;
use crabbox_provider_api::abi;
use crabbox_provider_api::manifest::{LIMIT, Manifest, ManifestError, SECTION};
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, ReadCache};
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
    // Piece by piece: `ElfFile64` would read every symbol's name, too, a million bytes of a debug build.
    let header = FileHeader64::<Endianness>::parse(&cache).map_err(format)?;
    let endian = header.endian().map_err(format)?;
    let found = architecture(header.e_machine(endian));
    if found != std::env::consts::ARCH {
        return Err(Unusable::Architecture { found });
    }
    let sections = header.sections(endian, &cache).map_err(format)?;
    let symbols = sections.symbols(endian, &cache, elf::SHT_DYNSYM).map_err(format)?;
    let is_root =
        |symbol: &elf::Sym64<_>| symbols.symbol_name(endian, symbol) == Ok(abi::SYMBOL.as_bytes());
    if !symbols.iter().any(is_root) {
        return Err(Unusable::NoProvider("its root module"));
    }
    let (_, section) = sections
        .section_by_name(endian, SECTION.as_bytes())
        .ok_or(Unusable::NoProvider("its manifest"))?;
    if section.sh_size(endian) > LIMIT as u64 + 64 {
        return Err(ManifestError::TooLong.into());
    }
    let bytes = section.data(endian, &cache).map_err(format)?;
    Ok(Manifest::from_section(bytes)?)
}

fn format(_: object::Error) -> Unusable {
    Unusable::Format
}

/// As Rust calls it; of others there is the number that ELF has for them.
fn architecture(machine: elf::Machine) -> String {
    let name = match machine {
        elf::EM_X86_64 => "x86_64",
        elf::EM_AARCH64 => "aarch64",
        elf::EM_RISCV => "riscv64",
        elf::EM_PPC64 => "powerpc64",
        elf::EM_S390 => "s390x",
        elf::EM_LOONGARCH => "loongarch64",
        other => return format!("the ELF machine {other}"),
    };
    name.to_owned()
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
