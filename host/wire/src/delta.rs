//! The records that change one tree into another.
//!
//! A delta is a sequence of records in one zstd stream, cut into frames:
//! a *put* (an [`Entry`] and, right behind it, `size` bytes of content) or a *delete* (a
//! path), closed by an *end*. Each record begins with its number. Puts come before
//! deletes, both in ascending order of path, so a stream that breaks off never
//! deleted anything.

use crate::tree::{Entry, Hash, Kind, TreeError, check_path};
use std::io::{self, Read};

const PUT: u8 = 1;
const DELETE: u8 = 2;
const END: u8 = 3;

/// The head of one record; a put's content follows it in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Write this entry; `size` bytes of content follow.
    Put(Entry),
    /// Remove the entry at this path.
    Delete(Vec<u8>),
    /// Nothing follows.
    End,
}

/// A delta that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum DeltaError {
    /// The stream failed or broke off.
    #[error("the sync stream broke")]
    Io(#[from] io::Error),
    /// It holds something that isn't a record.
    #[error("the sync stream holds a bad record")]
    Record(#[from] TreeError),
}

impl Record {
    /// Appends the record's head.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Put(entry) => {
                out.push(PUT);
                entry.encode(out);
            }
            Self::Delete(path) => {
                out.push(DELETE);
                let length = u16::try_from(path.len()).unwrap_or(u16::MAX);
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(path);
            }
            Self::End => out.push(END),
        }
    }

    /// Reads the next record's head, and nothing beyond it. Give it a buffered reader.
    pub fn read(input: &mut impl Read) -> Result<Self, DeltaError> {
        let [number] = read_array(input)?;
        match number {
            PUT => {
                let path = read_path(input)?;
                let [number] = read_array(input)?;
                let kind = Kind::from_number(number).ok_or(TreeError::Unknown(number))?;
                let size = u64::from_be_bytes(read_array(input)?);
                let hash = Hash(read_array(input)?);
                Ok(Self::Put(Entry { path, kind, size, hash }))
            }
            DELETE => Ok(Self::Delete(read_path(input)?)),
            END => Ok(Self::End),
            other => Err(TreeError::Unknown(other).into()),
        }
    }
}

fn read_path(input: &mut impl Read) -> Result<Vec<u8>, DeltaError> {
    let length = u16::from_be_bytes(read_array(input)?);
    let mut path = vec![0; usize::from(length)];
    input.read_exact(&mut path)?;
    check_path(&path)?;
    Ok(path)
}

fn read_array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_survive_and_leave_content_alone() {
        let entry = Entry {
            path: b"src/main.rs".to_vec(),
            kind: Kind::Executable,
            size: 3,
            hash: Hash::of(b"abc"),
        };
        let mut bytes = Vec::new();
        Record::Put(entry.clone()).encode(&mut bytes);
        bytes.extend_from_slice(b"abc");
        Record::Delete(b"old".to_vec()).encode(&mut bytes);
        Record::End.encode(&mut bytes);

        let mut input = bytes.as_slice();
        assert_eq!(Record::read(&mut input).expect("reads"), Record::Put(entry));
        let mut content = [0; 3];
        input.read_exact(&mut content).expect("content");
        assert_eq!(&content, b"abc");
        assert_eq!(Record::read(&mut input).expect("reads"), Record::Delete(b"old".to_vec()));
        assert_eq!(Record::read(&mut input).expect("reads"), Record::End);
    }

    #[test]
    fn a_path_out_of_the_tree_is_refused() {
        let mut bytes = Vec::new();
        Record::Delete(b"../outside".to_vec()).encode(&mut bytes);
        assert!(matches!(Record::read(&mut bytes.as_slice()), Err(DeltaError::Record(_))));
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let mut input = bytes.as_slice();
            while Record::read(&mut input).is_ok() {}
        }
    }
}
