//! What travels while files are copied: records one way, words the other.
//!
//! Records come in blocks of at most [`BLOCK`] bytes, none of which crosses the border of two. A folder is entered
//! and left, and whatever is in it has a name of one part: a record can't say where else something belongs.

use crate::text::Text;
use crate::tree::Hash;
use serde::{Deserialize, Serialize};

/// The longest block, in bytes.
pub const BLOCK: usize = crate::frame::CHUNK;

/// The most content in one record, in bytes: it fits into a block with its head.
pub const PIECE: usize = BLOCK - 16;

/// A file of so many bytes, or more, is asked about before it is sent: the other side may have a part of it. A
/// smaller one fits into memory, and isn't worth the round trip.
pub const RESUMABLE: u64 = 4 * 1024 * 1024;

/// So deep may folders be nested: each is open while what is in it is copied.
pub const MAX_DEPTH: usize = 256;

/// So many entries may one copy have.
pub const MAX_ENTRIES: u64 = 10_000_000;

/// The longest name of an entry, in bytes (Linux: `NAME_MAX`).
const MAX_NAME: usize = 255;

/// The longest target of a link, in bytes (Linux: `PATH_MAX` with its NUL).
const MAX_TARGET: usize = 4095;

/// The longest reason that travels, in bytes.
const MAX_REASON: usize = 512;

/// What a copy is for; part of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Copy {
    /// From the box.
    Get {
        /// What to send, as [`Copy::Put::path`].
        path: Text,
        /// Blocks may come compressed.
        packed: bool,
    },
    /// To the box.
    Put {
        /// Where to: absolute, with a leading `~/`, or relative to the workspace root.
        path: Text,
        /// What it is called in a folder that is there already; `None`: what is in it goes there.
        name: Option<Text>,
    },
}

/// One step of the sender. An empty name is that of what is copied itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// So many bytes of content will come, as far as is known: for people alone.
    Total(u64),
    /// A folder; what is in it follows, then [`Record::Leave`].
    Folder {
        /// Its name.
        name: &'a [u8],
        /// Its permissions.
        mode: u32,
    },
    /// The folder is complete.
    Leave,
    /// A file; its content follows.
    File {
        /// Its name.
        name: &'a [u8],
        /// Its permissions.
        mode: u32,
        /// Its length in bytes.
        size: u64,
        /// What tells this content from any other of that name, so that a part of it can be told. There from
        /// [`RESUMABLE`] bytes on; then [`Word::Have`] or [`Word::Skip`] is waited for.
        key: Option<Hash>,
    },
    /// The content is sent from this offset on.
    From(u64),
    /// The next bytes of the content.
    Data(&'a [u8]),
    /// The content is complete.
    Whole {
        /// Of all of it.
        hash: Hash,
        /// The file has become longer since: this is its beginning.
        grew: bool,
    },
    /// The content can't be completed.
    Broken {
        /// Why, for people.
        why: &'a str,
    },
    /// A symbolic link.
    Link {
        /// Its name.
        name: &'a [u8],
        /// Where it leads.
        target: &'a [u8],
    },
    /// An entry that isn't sent.
    Skipped {
        /// Its name.
        name: &'a [u8],
        /// Why, for people.
        why: &'a str,
    },
    /// Nothing follows.
    End,
}

/// What the receiver says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// So much of the file that was asked about is there.
    Have {
        /// In bytes, from the beginning.
        at: u64,
        /// BLAKE3 of that.
        hash: Hash,
    },
    /// The file that was asked about isn't wanted.
    Skip,
    /// Something is to be known of an entry.
    Remark(Remark),
    /// All is in its place that could be brought there.
    Done(Copied),
}

/// What is to be known of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// Its path below what is copied; empty for that itself.
    pub path: Text,
    /// For people.
    pub what: String,
    /// It wasn't copied.
    pub failed: bool,
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Where it is now.
    pub place: Text,
    /// Files.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Content of the files, in bytes.
    pub bytes: u64,
    /// How much of that was there from an earlier copy.
    pub resumed: u64,
}

/// Bytes that aren't the records of a copy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It ends in the middle of a record.
    #[error("a block ends in the middle of a record")]
    Truncated,
    /// A number stands for nothing.
    #[error("there is no record {0}")]
    Unknown(u8),
    /// A name that could lead elsewhere.
    #[error("`{}` is no name of a file", String::from_utf8_lossy(.0).escape_debug())]
    Name(Vec<u8>),
    /// Something is longer than it may be.
    #[error("a link, a reason or a piece of content is too long")]
    TooLong,
}

const TOTAL: u8 = 1;
const FOLDER: u8 = 2;
const LEAVE: u8 = 3;
const FILE: u8 = 4;
const KEYED: u8 = 5;
const FROM: u8 = 6;
const DATA: u8 = 7;
const WHOLE: u8 = 8;
const BROKEN: u8 = 9;
const LINK: u8 = 10;
const SKIPPED: u8 = 11;
const END: u8 = 12;

/// Is this the name of an entry in a folder, and nothing else?
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    let leads_away = name == b"." || name == b"..";
    !name.is_empty()
        && !leads_away
        && name.len() <= MAX_NAME
        && !name.contains(&b'/')
        && !name.contains(&0)
}

impl<'a> Record<'a> {
    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Total(bytes) => numbered(out, TOTAL, bytes),
            Self::Folder { name, mode } => {
                named(out, FOLDER, name);
                out.extend_from_slice(&mode.to_be_bytes());
            }
            Self::Leave => out.push(LEAVE),
            Self::File { name, mode, size, key } => {
                named(out, if key.is_some() { KEYED } else { FILE }, name);
                out.extend_from_slice(&mode.to_be_bytes());
                out.extend_from_slice(&size.to_be_bytes());
                out.extend(key.iter().flat_map(|key| key.0));
            }
            Self::From(offset) => numbered(out, FROM, offset),
            Self::Data(bytes) => {
                out.push(DATA);
                let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(bytes);
            }
            Self::Whole { hash, grew } => {
                out.push(WHOLE);
                out.extend_from_slice(&hash.0);
                out.push(grew.into());
            }
            Self::Broken { why } => named(out, BROKEN, cut(why).as_bytes()),
            Self::Link { name, target } => {
                named(out, LINK, name);
                short(out, target);
            }
            Self::Skipped { name, why } => {
                named(out, SKIPPED, name);
                short(out, cut(why).as_bytes());
            }
            Self::End => out.push(END),
        }
    }

    /// Takes one record off the front of a block.
    pub fn take(block: &mut &'a [u8]) -> Result<Self, RecordError> {
        let [number] = array(block)?;
        Ok(match number {
            TOTAL => Self::Total(u64::from_be_bytes(array(block)?)),
            FOLDER => Self::Folder { name: name(block)?, mode: u32::from_be_bytes(array(block)?) },
            LEAVE => Self::Leave,
            FILE | KEYED => Self::File {
                name: name(block)?,
                mode: u32::from_be_bytes(array(block)?),
                size: u64::from_be_bytes(array(block)?),
                key: if number == KEYED { Some(Hash(array(block)?)) } else { None },
            },
            FROM => Self::From(u64::from_be_bytes(array(block)?)),
            DATA => {
                let length = u32::from_be_bytes(array(block)?) as usize;
                Self::Data(bytes(block, length, PIECE)?)
            }
            WHOLE => {
                let hash = Hash(array(block)?);
                let [grew] = array(block)?;
                Self::Whole { hash, grew: grew != 0 }
            }
            BROKEN => Self::Broken { why: reason(block)? },
            LINK => Self::Link { name: name(block)?, target: prefixed(block, MAX_TARGET)? },
            SKIPPED => Self::Skipped { name: name(block)?, why: reason(block)? },
            END => Self::End,
            other => return Err(RecordError::Unknown(other)),
        })
    }
}

fn numbered(out: &mut Vec<u8>, record: u8, number: u64) {
    out.push(record);
    out.extend_from_slice(&number.to_be_bytes());
}

fn named(out: &mut Vec<u8>, record: u8, name: &[u8]) {
    out.push(record);
    short(out, name);
}

/// With its length before it.
fn short(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

fn cut(why: &str) -> &str {
    &why[..why.floor_char_boundary(MAX_REASON)]
}

fn name<'a>(block: &mut &'a [u8]) -> Result<&'a [u8], RecordError> {
    let name = prefixed(block, MAX_TARGET)?;
    if name.is_empty() || is_name(name) { Ok(name) } else { Err(RecordError::Name(name.to_vec())) }
}

fn reason<'a>(block: &mut &'a [u8]) -> Result<&'a str, RecordError> {
    str::from_utf8(prefixed(block, MAX_REASON)?).map_err(|_| RecordError::TooLong)
}

fn prefixed<'a>(block: &mut &'a [u8], longest: usize) -> Result<&'a [u8], RecordError> {
    let length = u16::from_be_bytes(array(block)?);
    bytes(block, length.into(), longest)
}

fn bytes<'a>(block: &mut &'a [u8], length: usize, longest: usize) -> Result<&'a [u8], RecordError> {
    if length > longest {
        return Err(RecordError::TooLong);
    }
    let (bytes, rest) = block.split_at_checked(length).ok_or(RecordError::Truncated)?;
    *block = rest;
    Ok(bytes)
}

fn array<const N: usize>(block: &mut &[u8]) -> Result<[u8; N], RecordError> {
    let (bytes, rest) = block.split_first_chunk::<N>().ok_or(RecordError::Truncated)?;
    *block = rest;
    Ok(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(mut block: &[u8]) -> Result<Vec<Record<'_>>, RecordError> {
        let mut records = Vec::new();
        while !block.is_empty() {
            records.push(Record::take(&mut block)?);
        }
        Ok(records)
    }

    #[test]
    fn every_record_survives() {
        let hash = Hash::of(b"x");
        let records = [
            Record::Total(7),
            Record::Folder { name: b"", mode: 0o755 },
            Record::Folder { name: b"a\n\xff", mode: 0o700 },
            Record::File { name: b"f", mode: 0o644, size: 3, key: None },
            Record::Data(b"abc"),
            Record::Whole { hash, grew: true },
            Record::File { name: b"g", mode: 0o644, size: RESUMABLE, key: Some(hash) },
            Record::From(9),
            Record::Broken { why: "it is gone" },
            Record::Link { name: b"l", target: b"../../etc/passwd" },
            Record::Skipped { name: b"s", why: "permission denied" },
            Record::Leave,
            Record::End,
        ];
        let mut block = Vec::new();
        for record in &records {
            record.encode(&mut block);
        }
        assert_eq!(parsed(&block).expect("reads"), records);
    }

    #[test]
    fn a_piece_and_its_head_fit_into_a_block() {
        let mut block = Vec::new();
        Record::Data(&vec![0; PIECE]).encode(&mut block);
        assert!(block.len() <= BLOCK);
    }

    #[test]
    fn names_that_lead_away_are_refused() {
        let long = [b'x'; 256];
        let names: [&[u8]; 7] = [b".", b"..", b"/", b"a/b", b"../x", b"a\0", &long];
        for name in names {
            let mut block = Vec::new();
            Record::File { name, mode: 0, size: 0, key: None }.encode(&mut block);
            assert_eq!(parsed(&block), Err(RecordError::Name(name.to_vec())));
        }
    }

    #[test]
    fn a_reason_is_cut_between_two_characters() {
        let why = "ü".repeat(MAX_REASON);
        let mut block = Vec::new();
        Record::Broken { why: &why }.encode(&mut block);
        assert!(matches!(parsed(&block).expect("reads")[..], [Record::Broken { .. }]));
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic_and_no_name_leads_away(bytes: Vec<u8>) {
            let mut block = bytes.as_slice();
            while let Ok(record) = Record::take(&mut block) {
                if let Record::File { name, .. } | Record::Folder { name, .. } | Record::Link { name, .. } = record {
                    prop_assert!(name.is_empty() || is_name(name));
                }
                if block.is_empty() { break; }
            }
        }

        #[test]
        fn a_name_joined_to_a_folder_stays_in_it(name: Vec<u8>) {
            use std::ffi::OsStr;
            use std::os::unix::ffi::OsStrExt;
            use std::path::{Component, Path};
            if is_name(&name) {
                let mut parts = Path::new(OsStr::from_bytes(&name)).components();
                prop_assert!(matches!(parts.next(), Some(Component::Normal(part)) if part.as_bytes() == name));
                prop_assert!(parts.next().is_none());
            }
        }
    }
}
