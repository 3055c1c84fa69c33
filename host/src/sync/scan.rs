//! Turns a list of names into a tree: `stat` each, hash what changed.

use super::SyncError;
use super::against::Against;
use super::before::{Before, Found};
use super::blob::{Blob, Hashing};
use super::cache::{self, Known, Stamp};
use super::folders::{Folders, is_gone, split};
use super::source::{Names, Source};
use crabbox_wire::tree::{Entry, Hash, Kind, Tree, check_path};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Fewer names than this aren't worth a second thread.
const SHARE: usize = 2_000;

/// What was found.
#[derive(Debug)]
pub struct Scan {
    /// The tree.
    pub tree: Tree,
    /// What couldn't be looked at and so isn't part of it, a line each.
    pub warnings: Vec<String>,
    /// How it stands to git's index.
    pub against: Against,
}

/// The tree of `source`, without what the patterns exclude. `cache` is the folder for scan caches;
/// once `stop` is set, the scan is given up.
pub fn scan(
    source: &Source,
    excludes: &[String],
    cache: &Path,
    stop: &AtomicBool,
) -> Result<Scan, SyncError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos());
    let now = i128::try_from(now).unwrap_or(i128::MAX);
    let file = cache::file_for(cache, &source.root);
    let listed = AtomicBool::new(false);
    let (names, before) = thread::scope(|scope| {
        let before = scope.spawn(|| {
            let known = known_to_git(cache::load(&file), source.git);
            Before::look_ahead(&source.root, known, &listed)
        });
        let names = source.names(excludes, stop);
        listed.store(true, Ordering::Relaxed);
        (names, before.join().unwrap_or_default())
    });
    let Names { all: names, warnings, listed } = names?;
    let Source { root, git, .. } = source;
    let found = Looking { root, git: *git, before: &before, stop }.at_all(&names)?;
    let after = if before.is_all_of(&found) {
        before.known
    } else {
        let after = before.with(found);
        // A cache that can't be kept costs time, never correctness. One that holds all of it stays
        // as it is: it has megabytes for a large tree.
        let _ = cache::store(&file, &after, now);
        after
    };
    let against = listed.map_or(Against::Unclear(None), |listed| {
        Against::of(&source.root, &listed, &names, &after)
    });
    let tree = Tree::from_sorted(after.into_iter().map(|known| known.entry).collect())?;
    Ok(Scan { tree, warnings, against })
}

/// What was read as a plain folder is read again for git.
fn known_to_git(mut known: Vec<Known>, git: bool) -> Vec<Known> {
    if git {
        known.retain(|known| known.blob.is_some() || known.entry.kind == Kind::Folder);
    }
    known
}

/// A look at what there is.
#[derive(Clone, Copy)]
struct Looking<'a> {
    root: &'a Path,
    /// What is read is to be compared with what git says.
    git: bool,
    before: &'a Before,
    stop: &'a AtomicBool,
}

impl Looking<'_> {
    /// Looks at the names with as many threads as there are processors. Returns what is there,
    /// in order, and how many files had to be read.
    fn at_all(self, names: &[Vec<u8>]) -> Result<Vec<Found>, SyncError> {
        // To ask for the number of processors reads files, too.
        if names.len() <= SHARE {
            return self.at_some(names);
        }
        // What was looked at ahead takes hardly any time.
        let Before { known, same } = self.before;
        let ahead = known
            .get(same.len())
            .map_or(names.len(), |next| names.partition_point(|name| *name < next.entry.path));
        let (ahead, rest) = names.split_at(ahead);
        let threads = thread::available_parallelism().map_or(1, Into::into);
        let share = rest.len().div_ceil(threads).max(SHARE);
        thread::scope(|scope| {
            let workers: Vec<_> = [ahead]
                .into_iter()
                .chain(rest.chunks(share))
                .map(|names| scope.spawn(move || self.at_some(names)))
                .collect();
            let mut all = Vec::with_capacity(names.len());
            for worker in workers {
                all.extend(worker.join().expect("a scanning thread doesn't panic")?);
            }
            Ok(all)
        })
    }

    fn at_some(self, names: &[Vec<u8>]) -> Result<Vec<Found>, SyncError> {
        let Self { root, before, stop, .. } = self;
        let mut all = Vec::with_capacity(names.len());
        let mut folders = Folders::open(root)
            .map_err(|source| SyncError::Read { path: root.to_owned(), source })?;
        // Both lists are in order: one pass over both, no look-ups.
        let mut at = names.first().map_or(0, |name| before.find(name));
        for name in names {
            while before.known.get(at).is_some_and(|known| known.entry.path < *name) {
                at += 1;
            }
            let known = before.known.get(at).filter(|known| known.entry.path == *name);
            if known.is_some() && before.same.get(at) == Some(&true) {
                all.push(Found::AsKnown(at));
                continue;
            }
            match self.at(&mut folders, name, known) {
                Ok(Seen::AsKnown) => all.push(Found::AsKnown(at)),
                Ok(Seen::New(new)) => all.push(Found::New(Box::new(new))),
                Ok(Seen::Nothing) => {}
                Err(_) if stop.load(Ordering::Relaxed) => return Err(SyncError::Stopped),
                Err(error) if is_gone(&error) => {}
                Err(source) => {
                    let path = root.join(OsStr::from_bytes(name));
                    return Err(SyncError::Read { path, source });
                }
            }
        }
        Ok(all)
    }

    fn at(self, folders: &mut Folders, name: &[u8], known: Option<&Known>) -> io::Result<Seen> {
        let (parent, last) = split(name);
        let folder = folders.existing(parent)?;
        let found = statat(folder, last, AtFlags::SYMLINK_NOFOLLOW)?;
        let stamp = Stamp::of(&found);
        if known.is_some_and(|known| known.stamp == stamp) {
            return Ok(Seen::AsKnown);
        }
        check_path(name).map_err(io::Error::other)?;
        Ok(match self.read(folder, last, &found)? {
            Some((kind, (size, hash, blob))) => {
                let entry = Entry { path: name.to_vec(), kind, size, hash };
                Seen::New(Known { entry, stamp, blob })
            }
            None => Seen::Nothing,
        })
    }

    fn read(
        self,
        folder: BorrowedFd<'_>,
        name: &[u8],
        found: &Stat,
    ) -> io::Result<Option<(Kind, Content)>> {
        let hashing = |size| Hashing::of(size, self.git);
        Ok(match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {
                let kind = if found.st_mode & 0o100 == 0 { Kind::File } else { Kind::Executable };
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
                let file = File::from(openat(folder, name, flags, Mode::empty())?);
                let mut file = Stoppable { file, stop: self.stop };
                let mut hashing = hashing(u64::try_from(found.st_size).unwrap_or(0));
                // The size is what was read: a file that grows meanwhile is consistent in itself.
                io::copy(&mut file, &mut hashing)?;
                Some((kind, hashing.finish()))
            }
            FileType::Symlink => {
                let target = readlinkat(folder, name, Vec::new())?.into_bytes();
                let mut hashing = hashing(target.len() as u64);
                hashing.write_all(&target)?;
                Some((Kind::Symlink, hashing.finish()))
            }
            FileType::Directory => Some((Kind::Folder, (0, Hash::of(b""), None))),
            _ => None,
        })
    }
}

/// Its size, its hash, and what git calls it.
type Content = (u64, Hash, Option<Blob>);

/// What one look shows.
enum Seen {
    /// What was there the last time.
    AsKnown,
    /// Something that had to be read.
    New(Known),
    /// Nothing that is part of a tree: a socket, a device.
    Nothing,
}

/// A file that is read until somebody says stop.
struct Stoppable<'a> {
    file: File,
    stop: &'a AtomicBool,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("the scan was given up"));
        }
        self.file.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    static GO_ON: AtomicBool = AtomicBool::new(false);

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
        let tree = scan(&source, &[], &folder.path().join("cache"), &GO_ON).expect("scans").tree;
        let expected = [
            ("empty", Kind::Folder),
            ("file", Kind::File),
            ("link", Kind::Symlink),
            ("tool", Kind::Executable),
        ];
        assert_eq!(kinds(&tree), expected.map(|(name, kind)| (name.to_owned(), kind)));
    }

    #[test]
    fn a_large_tree_is_the_same_with_what_is_known_of_it_and_without() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path().join("tree");
        fs::create_dir(&root).expect("folder");
        let name = |number: usize| root.join(format!("{number:05}"));
        for number in 0..3 * SHARE {
            fs::write(name(number), number.to_string()).expect("writes");
        }
        let source = Source::folder(&root).expect("folder");
        let known = |cache: &str| scan(&source, &[], &folder.path().join(cache), &GO_ON);
        // Only what is older than the clock's doubts is remembered.
        std::thread::sleep(std::time::Duration::from_millis(2_100));
        known("cache").expect("scans");
        let changes: [&dyn Fn(); 4] = [
            &|| {},
            &|| fs::write(name(SHARE), "other").expect("writes"),
            &|| fs::remove_file(name(7)).expect("removes"),
            &|| fs::write(root.join("00000a"), "new").expect("writes"),
        ];
        for (at, change) in changes.iter().enumerate() {
            change();
            let tree = known("cache").expect("scans").tree;
            assert_eq!(tree, known(&format!("empty{at}")).expect("scans").tree, "{at}");
        }
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
            assert!(roots.insert(scan(&source, &[], &cache, &GO_ON).expect("scans").tree.root()));
        }
    }
}
