//! What git has noted in its index of each file that it has compared: one that looks as it did then is what the index says,
//! whatever is converted between the two. Read from git's own file, and only where something is converted; what isn't
//! understood there says nothing.

use super::blob::is_called;
use super::cache::Stamp;
use super::folders::{Folders, split};
use super::head::own_folder;
use rustix::fs::{AtFlags, OFlags, statat};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// A larger index isn't read, in bytes: some million files.
const LIMIT: u64 = 128 * 1024 * 1024;

/// What a file looks like, as far as the index has room for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Seconds and nanoseconds.
    pub(super) changed: [u32; 2],
    /// The same.
    pub(super) modified: [u32; 2],
    pub(super) inode: u32,
    pub(super) size: u32,
}

/// A file that was found to be another than the index says, unless git converts it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubtful<'a> {
    pub(super) name: &'a [u8],
    /// What the index holds of it, in hex.
    pub(super) blob: &'a [u8],
    /// What it looked like before it was read.
    pub(super) stamp: Stamp,
}

/// Does each of them, in order of names, look as git has noted it, and still does?
pub(super) fn are_as_noted(root: &Path, doubtful: &[Doubtful<'_>]) -> bool {
    let Some((found, bytes)) = read(&own_folder(root).join("index")) else { return false };
    let Some(mut entries) = Entries::of(&bytes) else { return false };
    let Ok(mut folders) = Folders::open(root) else { return false };
    doubtful.iter().all(|file| {
        let noted = entries.by_ref().find(|entry| entry.name == file.name);
        let is_noted = noted.is_some_and(|entry| entry.says(file) && !is_racy(&entry.look, &found));
        is_noted && looks_so(&mut folders, file)
    })
}

/// It may have changed while it was read.
fn looks_so(folders: &mut Folders, file: &Doubtful<'_>) -> bool {
    let (parent, name) = split(file.name);
    let found = folders
        .existing(parent)
        .and_then(|folder| Ok(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?));
    found.is_ok_and(|found| Stamp::of(&found) == file.stamp)
}

/// Git's own rule: what was modified when the index was written, or later, may have been modified again within the same
/// second. What git has found to be so has a size of zero there.
fn is_racy(look: &Look, index: &Metadata) -> bool {
    look.size == 0 || i64::from(look.modified[0]) >= index.mtime()
}

fn read(file: &Path) -> Option<(Metadata, Vec<u8>)> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(file).ok()?;
    let found = file.metadata().ok().filter(|found| found.is_file() && found.len() <= LIMIT)?;
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some((found, bytes))
}

/// What stands in the index of a file.
#[derive(Debug)]
struct Noted {
    name: Vec<u8>,
    look: Look,
    blob: [u8; 20],
    /// There is a conflict.
    is_of_conflict: bool,
}

impl Noted {
    fn says(&self, file: &Doubtful<'_>) -> bool {
        let is_content = is_called(&self.blob, file.blob);
        !self.is_of_conflict && is_content && self.look == file.stamp.look()
    }
}

/// The files of an index whose names of contents are of SHA-1, as `gitformat-index` describes it.
struct Entries<'a> {
    rest: &'a [u8],
    version: u32,
    left: u32,
    /// From the fourth version on a name begins as the one before it does.
    before: Vec<u8>,
}

impl<'a> Entries<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(b"DIRC")?;
        let (version, left) = (number(&mut rest)?, number(&mut rest)?);
        (2..=4).contains(&version).then_some(Self { rest, version, left, before: Vec::new() })
    }

    fn entry(&mut self) -> Option<Noted> {
        let begin = self.rest;
        let mut numbers = [0; 10];
        for one in &mut numbers {
            *one = number(&mut self.rest)?;
        }
        let [changed, changed_nanos, modified, modified_nanos, _, inode, _, _, _, size] = numbers;
        let look = Look {
            changed: [changed, changed_nanos],
            modified: [modified, modified_nanos],
            inode,
            size,
        };
        let blob = take(&mut self.rest)?;
        let flags = u16::from_be_bytes(take(&mut self.rest)?);
        if flags & 0x4000 != 0 {
            let _more: [u8; 2] = take(&mut self.rest)?;
        }
        if self.version == 4 {
            let cut = varint(&mut self.rest)?;
            self.before.truncate(self.before.len().checked_sub(cut)?);
        } else {
            self.before.clear();
        }
        let end = memchr::memchr(0, self.rest)?;
        self.before.extend_from_slice(&self.rest[..end]);
        self.rest = &self.rest[end + 1..];
        if self.version < 4 {
            // With one zero at least, an entry takes a multiple of eight.
            let taken = begin.len() - self.rest.len();
            self.rest = self.rest.get(taken.next_multiple_of(8) - taken..)?;
        }
        Some(Noted { name: self.before.clone(), look, blob, is_of_conflict: flags & 0x3000 != 0 })
    }
}

impl Iterator for Entries<'_> {
    type Item = Noted;

    fn next(&mut self) -> Option<Noted> {
        self.left = self.left.checked_sub(1)?;
        self.entry()
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*bytes)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    take(rest).map(u32::from_be_bytes)
}

/// As in git's packs: each byte but the last has its highest bit set, and stands for one more.
fn varint(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0_usize;
    loop {
        let [byte] = take(rest)?;
        value = value.checked_mul(128)?.checked_add(usize::from(byte & 127))?;
        if byte & 128 == 0 {
            return Some(value);
        }
        value = value.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkout::Checkout;
    use super::super::git::git;
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::time::{Duration, SystemTime};

    /// One whose files aren't as git holds them, and that has looked at them since they are old.
    fn converted(attributes: &str) -> Checkout {
        let checkout = Checkout::new();
        checkout.git(&["config", "core.safecrlf", "false"]);
        checkout.git(&["config", "filter.x.clean", "sed s/large/name/"]);
        checkout.git(&["config", "filter.x.smudge", "sed s/name/large/"]);
        checkout.write("deep/file", "name\n");
        checkout.commit();
        checkout.write(".gitattributes", attributes);
        checkout.commit();
        fs::remove_file(checkout.path("deep/file")).expect("removes");
        checkout.git(&["checkout", "-q", "--", "deep/file"]);
        let content = fs::read(checkout.path("deep/file")).expect("reads");
        assert_ne!(content, b"name\n");
        note(&checkout);
        checkout
    }

    fn set_time(checkout: &Checkout, name: &str, back: u64) {
        let file = File::open(checkout.path(name)).expect("opens");
        file.set_modified(SystemTime::now() - Duration::from_secs(back)).expect("a time");
    }

    fn note(checkout: &Checkout) {
        set_time(checkout, "deep/file", 60);
        checkout.git(&["update-index", "-q", "--refresh"]);
    }

    const ATTRIBUTES: [&str; 3] =
        ["* text=auto eol=crlf\n", "deep/file filter=x\n", "deep/file text eol=crlf\n"];

    #[test]
    fn what_git_has_noted_is_the_commits_whatever_is_converted() {
        for attributes in ATTRIBUTES {
            let checkout = converted(attributes);
            for version in ["2", "3", "4"] {
                checkout.git(&["update-index", "--index-version", version]);
                let seen = (checkout.is_dirty(), checkout.is_dirty_to_git());
                assert_eq!(seen, (Some(false), false), "{attributes} {version}");
            }
            // What is sure to differ does.
            checkout.write("new", "");
            assert_eq!(checkout.is_dirty(), Some(true), "{attributes}");
        }
    }

    type Change = fn(&Checkout);

    #[test]
    fn what_looks_otherwise_may_be_another() {
        let changes: [(&str, Change); 6] = [
            ("modified", |it| it.write("deep/file", "other\r\n")),
            ("only its time", |it| set_time(it, "deep/file", 50)),
            ("modified to the same size and time", |it| {
                let content = fs::read_to_string(it.path("deep/file")).expect("reads");
                it.write("deep/file", &content.to_uppercase());
                set_time(it, "deep/file", 60);
            }),
            ("an index that is no newer", |it| set_time(it, ".git/index", 90)),
            ("a split index", |it| it.git(&["update-index", "--split-index"])),
            ("an executable", |it| {
                it.git(&["config", "core.fileMode", "false"]);
                it.chmod("deep/file", 0o755);
                note(it);
            }),
        ];
        for attributes in ATTRIBUTES {
            for (what, change) in changes {
                let checkout = converted(attributes);
                change(&checkout);
                assert_eq!(checkout.is_dirty(), None, "{attributes} {what}");
            }
        }
    }

    #[test]
    fn an_index_that_is_none_says_nothing() {
        let checkout = converted(ATTRIBUTES[0]);
        let index = checkout.path(".git/index");
        let bytes = fs::read(&index).expect("reads");
        let doubtful = Doubtful {
            name: b"deep/file",
            blob: b"f121bdbf4d3e4f4cf0ea5e2aea5f4d8c6bd0eb8f",
            stamp: Stamp::of(&rustix::fs::lstat(checkout.path("deep/file")).expect("is there")),
        };
        assert!(!are_as_noted(&checkout.path(""), &[doubtful]), "another content");
        let mut list = git(&checkout.path(""));
        let listed = list.args(["ls-files", "-s", "deep/file"]).output().expect("git runs").stdout;
        let blob = listed.split(|byte| *byte == b' ').nth(1).expect("a name");
        let doubtful = Doubtful { blob, ..doubtful };
        assert!(are_as_noted(&checkout.path(""), &[doubtful]));
        assert!(!are_as_noted(&checkout.path(""), &[doubtful, doubtful]));
        for length in [0, 3, 11, 40, 100] {
            fs::write(&index, &bytes[..length]).expect("writes");
            assert!(!are_as_noted(&checkout.path(""), &[doubtful]), "{length}");
        }
        fs::remove_file(&index).expect("removes");
        assert!(!are_as_noted(&checkout.path(""), &[doubtful]));
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(version in 1_u32..6, left: u32, bytes: Vec<u8>) {
            let head = [b"DIRC", &version.to_be_bytes()[..], &left.to_be_bytes()].concat();
            for entry in Entries::of(&[head, bytes].concat()).into_iter().flatten() {
                prop_assert!(!entry.name.contains(&0));
            }
        }
    }
}
