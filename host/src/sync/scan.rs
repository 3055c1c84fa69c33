//! Turns a list of names into a tree: `stat` each, hash what changed.

use super::SyncError;
use super::cache::{self, Known, Stamp};
use super::source::Source;
use crabbox_wire::tree::{Entry, Hash, Kind, Tree, check_path};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Fewer names than this aren't worth a second thread.
const SHARE: usize = 2_000;

/// The tree of `source`, without what the patterns exclude. `cache` is the folder for scan caches.
pub fn scan(source: &Source, excludes: &[String], cache: &Path) -> Result<Tree, SyncError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos());
    let now = i128::try_from(now).unwrap_or(i128::MAX);
    let file = cache::file_for(cache, &source.root);
    // The cache is read while git works.
    let (names, before) = thread::scope(|scope| {
        let before = scope.spawn(|| cache::load(&file));
        (source.names(excludes), before.join().unwrap_or_default())
    });
    let names = names?;
    let (after, hashed) = look_at_all(&source.root, &names, &before)?;
    // Without this condition every run would write some megabytes for a large tree.
    if hashed > 0 || after.len() != before.len() {
        // A cache that can't be kept costs time, never correctness.
        let _ = cache::store(&file, &after, now);
    }
    Ok(Tree::from_sorted(after.into_iter().map(|known| known.entry).collect())?)
}

/// Looks at the names with as many threads as there are processors. Returns what is there,
/// in order, and how many files had to be read.
fn look_at_all(
    root: &Path,
    names: &[Vec<u8>],
    before: &[Known],
) -> Result<(Vec<Known>, usize), SyncError> {
    let threads = thread::available_parallelism().map_or(1, Into::into);
    let share = names.len().div_ceil(threads).max(SHARE);
    thread::scope(|scope| {
        let workers: Vec<_> = names
            .chunks(share)
            .map(|names| scope.spawn(|| look_at_some(root, names, before)))
            .collect();
        let mut after = Vec::with_capacity(names.len());
        let mut hashed = 0;
        for worker in workers {
            let (some, read) = worker.join().expect("a scanning thread doesn't panic")?;
            after.extend(some);
            hashed += read;
        }
        Ok((after, hashed))
    })
}

fn look_at_some(
    root: &Path,
    names: &[Vec<u8>],
    before: &[Known],
) -> Result<(Vec<Known>, usize), SyncError> {
    let mut after = Vec::with_capacity(names.len());
    let mut hashed = 0;
    // Both lists are in order: one pass over both, no look-ups.
    let first = names.first().map_or(0, |name| before.partition_point(|k| k.entry.path < *name));
    let mut before = before[first..].iter().peekable();
    for name in names {
        while before.next_if(|known| known.entry.path < *name).is_some() {}
        let path = root.join(OsStr::from_bytes(name));
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => found,
            Err(error) if is_gone(&error) => continue,
            Err(source) => return Err(SyncError::Read { path, source }),
        };
        let stamp = Stamp::of(&found);
        match before.next_if(|known| known.entry.path == *name) {
            Some(known) if known.stamp == stamp => after.push(known.clone()),
            _ => {
                if let Some(entry) = look_at(&path, name, &found)? {
                    hashed += 1;
                    after.push(Known { entry, stamp });
                }
            }
        }
    }
    Ok((after, hashed))
}

/// Tracked and deleted, or deleted since git was asked, or its folder is now a file.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The entry at `path`; `None` for what isn't part of a tree (sockets, devices).
fn look_at(path: &Path, name: &[u8], found: &Metadata) -> Result<Option<Entry>, SyncError> {
    check_path(name)?;
    let wrap = |source| SyncError::Read { path: path.to_owned(), source };
    let kind = found.file_type();
    let (kind, size, hash) = if kind.is_file() {
        let kind = if found.mode() & 0o100 == 0 { Kind::File } else { Kind::Executable };
        let mut hasher = blake3::Hasher::new();
        let mut file = fs::File::open(path).map_err(wrap)?;
        // The size is what was read: a file that grows meanwhile is consistent in itself.
        let size = io::copy(&mut file, &mut hasher).map_err(wrap)?;
        (kind, size, Hash(*hasher.finalize().as_bytes()))
    } else if kind.is_symlink() {
        let target = fs::read_link(path).map_err(wrap)?.into_os_string().into_vec();
        (Kind::Symlink, target.len() as u64, Hash::of(&target))
    } else if kind.is_dir() {
        (Kind::Folder, 0, Hash::of(b""))
    } else {
        return Ok(None);
    };
    Ok(Some(Entry { path: name.to_vec(), kind, size, hash }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn kinds(tree: &Tree) -> Vec<(String, Kind)> {
        let name = |entry: &Entry| String::from_utf8_lossy(&entry.path).into_owned();
        tree.entries().iter().map(|entry| (name(entry), entry.kind)).collect()
    }

    #[test]
    fn every_kind_of_entry_is_exact() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path().join("tree");
        fs::create_dir_all(root.join("empty")).expect("folder");
        fs::write(root.join("file"), "x").expect("writes");
        fs::write(root.join("tool"), "x").expect("writes");
        fs::set_permissions(root.join("tool"), fs::Permissions::from_mode(0o755)).expect("mode");
        symlink("/nowhere", root.join("link")).expect("links");
        let source = Source::folder(&root).expect("folder");
        let tree = scan(&source, &[], &folder.path().join("cache")).expect("scans");
        let expected = [
            ("empty", Kind::Folder),
            ("file", Kind::File),
            ("link", Kind::Symlink),
            ("tool", Kind::Executable),
        ];
        assert_eq!(kinds(&tree), expected.map(|(name, kind)| (name.to_owned(), kind)));
    }

    #[test]
    fn a_change_of_the_same_size_is_seen_at_once() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path().join("tree");
        fs::create_dir(&root).expect("folder");
        let source = Source::folder(&root).expect("folder");
        let cache = folder.path().join("cache");
        let mut roots = std::collections::HashSet::new();
        for content in ["aa", "bb", "cc"] {
            fs::write(root.join("file"), content).expect("writes");
            assert!(roots.insert(scan(&source, &[], &cache).expect("scans").root()));
        }
    }
}
