//! What git calls the content of a file: a tree that was read is compared with git's index by that, and git isn't asked.

use crabbox_wire::tree::Hash;
use sha1::{Digest, Sha1};
use std::io::{self, Read, Write};

/// The name of a content, in a repository whose names are of SHA-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    id: [u8; 20],
    /// There is a carriage return in it: git may hold it without.
    pub(super) has_return: bool,
}

impl Blob {
    /// Is it the one that git calls so, in hex?
    pub(super) fn is(&self, name: &[u8]) -> bool {
        is_called(&self.id, name)
    }

    pub(super) fn encode(blob: Option<&Self>, out: &mut Vec<u8>) {
        match blob {
            None => out.push(0),
            Some(Self { id, has_return }) => {
                out.push(1 + u8::from(*has_return));
                out.extend_from_slice(id);
            }
        }
    }

    /// As it was encoded; an error where that ends too early.
    pub(super) fn decode(input: &mut &[u8]) -> io::Result<Option<Self>> {
        let mut kind = [0];
        input.read_exact(&mut kind)?;
        if kind == [0] {
            return Ok(None);
        }
        let mut id = [0; 20];
        input.read_exact(&mut id)?;
        Ok(Some(Self { id, has_return: kind == [2] }))
    }
}

/// Are these bytes what git calls so, in hex?
pub(super) fn is_called(id: &[u8; 20], name: &[u8]) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    name.len() == 2 * id.len()
        && id.iter().zip(name.chunks_exact(2)).all(|(byte, hex)| {
            let both = digit(hex[0]).zip(digit(hex[1]));
            both.is_some_and(|(high, low)| u32::from(*byte) == high << 4 | low)
        })
}

/// A content that is hashed for a tree, and for git where that has a say in it.
pub(super) struct Hashing {
    own: blake3::Hasher,
    of_git: Option<Sha1>,
    has_return: bool,
    announced: u64,
    size: u64,
}

impl Hashing {
    /// Of so many bytes, as it looks: what git calls a content begins with its size.
    pub(super) fn of(announced: u64, for_git: bool) -> Self {
        let of_git = for_git.then(|| Sha1::new_with_prefix(format!("blob {announced}\0")));
        Self { own: blake3::Hasher::new(), of_git, has_return: false, announced, size: 0 }
    }

    /// Its size, as it was read, and its names. A file that grew or shrank meanwhile has none that git would know.
    pub(super) fn finish(self) -> (u64, Hash, Option<Blob>) {
        let Self { own, of_git, has_return, announced, size } = self;
        let of_git = of_git.filter(|_| announced == size);
        let blob = of_git.map(|sha1| Blob { id: sha1.finalize().into(), has_return });
        (size, Hash(*own.finalize().as_bytes()), blob)
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.own.update(bytes);
        if let Some(sha1) = &mut self.of_git {
            sha1.update(bytes);
            self.has_return |= memchr::memchr(b'\r', bytes).is_some();
        }
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(announced: u64, content: &[u8]) -> Option<Blob> {
        let mut hashing = Hashing::of(announced, true);
        hashing.write_all(content).expect("hashes");
        hashing.finish().2
    }

    #[test]
    fn a_content_is_called_as_git_calls_it() {
        let hello = blob(6, b"hello\n").expect("a name");
        assert!(hello.is(b"ce013625030ba8dba906f756967f9e9ca394464a"));
        assert!(!hello.is(b"ce013625030ba8dba906f756967f9e9ca394464b"));
        assert!(!hello.is(b"") && !hello.is(&[b'g'; 40]) && !hello.is(&[b'0'; 64]));
        assert!(!hello.has_return && blob(3, b"a\r\n").expect("a name").has_return);
        assert_eq!(blob(5, b"hello\n"), None);
        assert!(Hashing::of(0, false).finish().2.is_none());
    }

    #[test]
    fn a_name_is_remembered() {
        for blob in [None, blob(1, b"x"), blob(1, b"\r")] {
            let mut bytes = Vec::new();
            Blob::encode(blob.as_ref(), &mut bytes);
            let mut input = bytes.as_slice();
            assert_eq!(Blob::decode(&mut input).expect("is whole"), blob);
            assert!(input.is_empty());
        }
        assert!(Blob::decode(&mut &[1, 2][..]).is_err());
    }
}
