//! What each file held when it was last hashed, so that an unchanged file costs one `stat`.
//!
//! A cache of one checkout is one file, in order of path: a manifest entry, the
//! stat data that it was hashed under, and what git calls its content. It may be deleted at any time.

use super::blob::Blob;
use super::noted::Look;
use crabbox_wire::tree::{Entry, Hash};
use rustix::fs::Stat;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"cbxscan2";

/// A cache larger than this is left unread: 1 GiB, some ten million files.
const LIMIT: u64 = 1 << 30;

/// A file that changed less than this before the scan began is hashed again next time: a
/// later change could carry the same time stamp (git's racy-clean rule). Two
/// seconds cover the coarsest file systems and clocks that differ a little.
const RACY_NANOS: i128 = 2_000_000_000;

/// What `stat` says of a file that hasn't changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    modified: i128,
    changed: i128,
}

impl Stamp {
    #[allow(clippy::useless_conversion, reason = "the fields' types differ between architectures")]
    pub(super) fn of(found: &Stat) -> Self {
        let nanos =
            |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            device: found.st_dev,
            inode: found.st_ino,
            size: u64::try_from(found.st_size).unwrap_or(0),
            mode: found.st_mode,
            modified: nanos(found.st_mtime.into(), i64::try_from(found.st_mtime_nsec).unwrap_or(0)),
            changed: nanos(found.st_ctime.into(), i64::try_from(found.st_ctime_nsec).unwrap_or(0)),
        }
    }

    /// As much of it as git notes.
    pub(super) fn look(&self) -> Look {
        #[allow(clippy::cast_possible_truncation, reason = "git keeps the lower half")]
        let low = |number: u64| number as u32;
        let parts = |nanos: i128| {
            let part = |number: i128| u32::try_from(number).unwrap_or_default();
            [part(nanos.div_euclid(1_000_000_000)), part(nanos.rem_euclid(1_000_000_000))]
        };
        Look {
            changed: parts(self.changed),
            modified: parts(self.modified),
            inode: low(self.inode),
            size: low(self.size),
        }
    }

    /// Can the file change after `now` without this stamp showing it?
    fn is_racy(&self, now: i128) -> bool {
        self.modified.max(self.changed) > now - RACY_NANOS
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.device.to_be_bytes());
        out.extend_from_slice(&self.inode.to_be_bytes());
        out.extend_from_slice(&self.size.to_be_bytes());
        out.extend_from_slice(&self.mode.to_be_bytes());
        out.extend_from_slice(&self.modified.to_be_bytes());
        out.extend_from_slice(&self.changed.to_be_bytes());
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        Some(Self {
            device: u64::from_be_bytes(take(input)?),
            inode: u64::from_be_bytes(take(input)?),
            size: u64::from_be_bytes(take(input)?),
            mode: u32::from_be_bytes(take(input)?),
            modified: i128::from_be_bytes(take(input)?),
            changed: i128::from_be_bytes(take(input)?),
        })
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*bytes)
}

/// One remembered file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) entry: Entry,
    pub(super) stamp: Stamp,
    /// `None`: git wasn't to be asked, has no name for it, or it changed while it was read.
    pub(super) blob: Option<Blob>,
}

/// Where the cache of the checkout at `root` lies.
pub(super) fn file_for(cache: &Path, root: &Path) -> PathBuf {
    cache.join("scans").join(name_of(root))
}

/// What a file about the checkout at `root` is called.
pub(super) fn name_of(root: &Path) -> String {
    let mut name = Hash::of(root.as_os_str().as_bytes()).to_string();
    name.truncate(32);
    name
}

/// Reads a cache; one that is missing, damaged or too large is empty.
pub(super) fn load(file: &Path) -> Vec<Known> {
    match fs::metadata(file) {
        Ok(found) if found.is_file() && found.len() <= LIMIT => {}
        _ => return Vec::new(),
    }
    fs::read(file).ok().and_then(|bytes| decode(&bytes)).unwrap_or_default()
}

fn decode(bytes: &[u8]) -> Option<Vec<Known>> {
    let body = bytes.strip_prefix(MAGIC)?;
    let (body, sum) = body.split_last_chunk::<32>()?;
    if Hash::of(body).0 != *sum {
        return None;
    }
    let mut input = body;
    let mut known = Vec::new();
    while !input.is_empty() {
        let entry = Entry::decode(&mut input).ok()?;
        let stamp = Stamp::decode(&mut input)?;
        known.push(Known { entry, stamp, blob: Blob::decode(&mut input).ok()? });
    }
    Some(known)
}

/// Replaces a cache. Files that changed around `now` are left out.
pub(super) fn store(file: &Path, known: &[Known], now: i128) -> io::Result<()> {
    let mut bytes = MAGIC.to_vec();
    for known in known.iter().filter(|known| !known.stamp.is_racy(now)) {
        known.entry.encode(&mut bytes);
        known.stamp.encode(&mut bytes);
        Blob::encode(known.blob.as_ref(), &mut bytes);
    }
    let sum = Hash::of(&bytes[MAGIC.len()..]);
    bytes.extend_from_slice(&sum.0);
    replace(file, &bytes)
}

/// Writes a file whole or not at all.
pub(super) fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    // What is in a checkout is nobody else's business.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_wire::tree::Kind;

    fn known(changed: i128) -> Known {
        Known {
            entry: Entry { path: b"a".to_vec(), kind: Kind::File, size: 1, hash: Hash::of(b"x") },
            stamp: Stamp { device: 1, inode: 2, size: 1, mode: 0o100_644, modified: 0, changed },
            blob: None,
        }
    }

    #[test]
    fn what_changed_just_now_is_not_remembered() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("deep/cache");
        let now = 10 * RACY_NANOS;
        store(&file, &[known(5)], now).expect("stores");
        assert_eq!(load(&file), [known(5)]);
        store(&file, &[known(now - 1)], now).expect("stores");
        assert_eq!(load(&file), []);
    }

    #[test]
    fn a_damaged_cache_is_empty() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("cache");
        store(&file, &[known(5)], 10 * RACY_NANOS).expect("stores");
        let mut bytes = fs::read(&file).expect("reads");
        bytes[20] ^= 1;
        fs::write(&file, &bytes).expect("writes");
        assert_eq!(load(&file), []);
    }
}
