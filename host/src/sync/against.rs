//! The tree that was read against git's index, from what the scan knows anyhow: nothing is read for it where all is as the
//! index says.
//!
//! An answer that is wrong is worse than none. Git may convert a file on its way into the index, which its configuration
//! and attributes say; where a file may be another than the index says for that alone, nobody knows here.

use super::cache::Known;
use super::convert::may_convert;
use super::git::{Line, Staged};
use crabbox_wire::tree::Kind;
use std::path::Path;

/// How a tree stands to the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// It holds other things.
    Differs,
    /// As the index says, which is called so.
    Same(Index),
    /// Nobody knows without asking git; of the index, if this is all of it, it is known.
    Unclear(Option<Index>),
}

/// BLAKE3 of what git's index holds, hex; what a commit holds is called in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index(pub(super) String);

impl Against {
    /// Is the tree another than the commit says, whose files are called so? `None`: nobody knows.
    #[must_use]
    pub fn is_dirty(&self, committed: Option<&Index>) -> Option<bool> {
        match self {
            Self::Differs => Some(true),
            Self::Same(index) => committed.map(|committed| committed != index),
            Self::Unclear(index) => {
                let differs =
                    index.as_ref().zip(committed).is_some_and(|(one, other)| one != other);
                differs.then_some(true)
            }
        }
    }

    /// `listed`: what `git ls-files` says of the checkout at `root`, with all names in order; `names`: those that were
    /// looked for; `found`: what was found.
    pub(super) fn of(root: &Path, listed: &[u8], names: &[Vec<u8>], found: &[Known]) -> Self {
        let mut hasher = Hasher::default();
        let mut is_clear = true;
        let mut rest = found;
        for line in lines(listed) {
            let Some(Line { name, staged: Some(staged), .. }) = Line::parse(line) else { continue };
            hasher.add(&staged, name);
            // What stands before it isn't tracked.
            if rest.first().is_some_and(|known| known.entry.path.as_slice() < name) {
                return Self::Differs;
            }
            let Some((known, later)) =
                rest.split_first().filter(|(known, _)| known.entry.path == name)
            else {
                let is_gone = names.binary_search_by(|one| one.as_slice().cmp(name)).is_ok();
                if is_gone && !staged.is_left_out {
                    return Self::Differs;
                }
                continue;
            };
            rest = later;
            match is_same(root, &staged, known) {
                Some(true) => {}
                Some(false) => return Self::Differs,
                None => is_clear = false,
            }
        }
        match (rest, is_clear) {
            ([_, ..], _) => Self::Differs,
            ([], true) => Self::Same(hasher.finish()),
            ([], false) => Self::Unclear(Some(hasher.finish())),
        }
    }
}

/// Is it what the index says? `None`: nobody knows.
fn is_same(root: &Path, staged: &Staged<'_>, known: &Known) -> Option<bool> {
    if staged.stage != b"0" {
        return Some(false);
    }
    let kind = match staged.mode {
        b"100644" => Kind::File,
        b"100755" => Kind::Executable,
        b"120000" => Kind::Symlink,
        // A submodule that isn't checked out.
        b"160000" if known.entry.kind == Kind::Folder => return Some(true),
        _ => return None,
    };
    let is_file = |kind| matches!(kind, Kind::File | Kind::Executable);
    if is_file(kind) && known.entry.kind == Kind::Symlink {
        return Some(false);
    }
    let blob = known.blob?;
    if blob.is(staged.blob) {
        // Git may have been told that modes, or links, say nothing here.
        return (known.entry.kind == kind).then_some(true);
    }
    if staged.blob.len() != 40 {
        return None;
    }
    match (kind, known.entry.kind) {
        (Kind::Symlink, Kind::Symlink) => Some(false),
        (expected, found) if is_file(expected) && is_file(found) => {
            let unclear = blob.has_return || may_convert(root, &known.entry.path);
            (!unclear).then_some(false)
        }
        _ => None,
    }
}

/// Names what is tracked.
#[derive(Default)]
pub(super) struct Hasher(blake3::Hasher);

impl Hasher {
    pub(super) fn add(&mut self, staged: &Staged<'_>, name: &[u8]) {
        for part in [staged.mode, b" ", staged.blob, b" ", staged.stage, b"\t", name, b"\0"] {
            self.0.update(part);
        }
    }

    pub(super) fn finish(&self) -> Index {
        Index(self.0.finalize().to_hex().to_string())
    }
}

/// What git prints with `-z`, one by one.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == 0).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::committed::asked;
    use super::super::git::git;
    use super::super::scan::scan;
    use super::super::source::Source;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;
    use std::process::Stdio;
    use std::sync::atomic::AtomicBool;
    use tempfile::TempDir;

    /// A checkout with a commit of a file, one below, an executable and a link.
    struct Checkout {
        folder: TempDir,
    }

    impl Checkout {
        fn new() -> Self {
            let checkout = Self { folder: tempfile::tempdir().expect("a folder") };
            fs::create_dir_all(checkout.path("deep")).expect("folders");
            checkout.git(&["init", "-q"]);
            checkout.write("file", "content\n");
            // Between them by name, and in git's order.
            checkout.write("deep.txt", "");
            checkout.write("deep/file", "content\n");
            checkout.write("tool", "tool\n");
            checkout.chmod("tool", 0o755);
            checkout.write(".gitignore", "ignored\n");
            symlink("file", checkout.path("link")).expect("links");
            checkout.commit();
            checkout
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join("checkout").join(name)
        }

        fn write(&self, name: &str, content: &str) {
            fs::write(self.path(name), content).expect("writes");
        }

        fn chmod(&self, name: &str, mode: u32) {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(self.path(name), mode).expect("a mode");
        }

        fn git(&self, words: &[&str]) {
            let mut git = git(&self.path(""));
            git.args(["-c", "user.name=n", "-c", "user.email=e"]).args(words);
            assert!(git.stdout(Stdio::null()).status().expect("git runs").success(), "{words:?}");
        }

        fn commit(&self) {
            self.git(&["add", "-A"]);
            self.git(&["commit", "-q", "--allow-empty", "-m", "m"]);
        }

        fn is_dirty(&self) -> Option<bool> {
            let go_on = AtomicBool::new(false);
            let source = Source::checkout(&self.path("")).expect("a checkout");
            let cache = self.folder.path().join("cache");
            let against = scan(&source, &[], &cache, &go_on).expect("scans").against;
            let commit = source.noted_head().commit.expect("a commit");
            against.is_dirty(asked(&source, &cache, &commit, &go_on).as_ref())
        }

        /// As git itself sees it.
        fn is_dirty_to_git(&self) -> bool {
            let mut git = git(&self.path(""));
            !git.args(["status", "--porcelain"]).output().expect("git runs").stdout.is_empty()
        }
    }

    type Change = fn(&Checkout);

    #[test]
    fn it_differs_where_git_says_so() {
        let changes: [(&str, bool, Change); 16] = [
            ("nothing", false, |_| {}),
            ("what is ignored", false, |it| it.write("ignored", "")),
            ("a time", false, |it| it.write("file", "content\n")),
            ("a commit", false, |it| {
                it.write("new", "");
                it.commit();
            }),
            ("a content of the same size", true, |it| it.write("deep/file", "CONTENT\n")),
            ("what is staged", true, |it| {
                it.write("file", "more\n");
                it.git(&["add", "file"]);
            }),
            ("what is staged and isn't there", true, |it| {
                it.write("file", "more\n");
                it.git(&["add", "file"]);
                it.write("file", "content\n");
            }),
            ("a mode that is staged", true, |it| it.git(&["update-index", "--chmod=+x", "file"])),
            ("what isn't tracked", true, |it| it.write("deep/new", "")),
            ("what isn't tracked, at the end", true, |it| it.write("zzz", "")),
            ("what will be added", true, |it| {
                it.write("new", "");
                it.git(&["add", "-N", "new"]);
            }),
            ("what is gone", true, |it| fs::remove_file(it.path("tool")).expect("removes")),
            ("what isn't tracked any more", true, |it| it.git(&["rm", "-q", "--cached", "file"])),
            ("another link", true, |it| {
                fs::remove_file(it.path("link")).expect("removes");
                symlink("tool", it.path("link")).expect("links");
            }),
            ("a link in place of a file", true, |it| {
                fs::remove_file(it.path("file")).expect("removes");
                symlink("content\n", it.path("file")).expect("links");
            }),
            ("a conflict", true, |it| {
                it.git(&["checkout", "-q", "-b", "other"]);
                it.write("file", "one\n");
                it.commit();
                it.git(&["checkout", "-q", "-"]);
                it.write("file", "two\n");
                it.commit();
                let mut git = git(&it.path(""));
                git.args(["-c", "user.name=n", "-c", "user.email=e", "merge", "other"]);
                assert!(!git.output().expect("git runs").status.success());
            }),
        ];
        for (what, expected, change) in changes {
            let checkout = Checkout::new();
            change(&checkout);
            assert_eq!(checkout.is_dirty(), Some(expected), "{what}");
            // From what is remembered, too.
            assert_eq!(checkout.is_dirty(), Some(expected), "{what}");
            assert_eq!(checkout.is_dirty_to_git(), expected, "{what}");
        }
    }

    #[test]
    fn what_does_not_go_to_the_box_says_nothing() {
        let left_out: [(&str, Change); 2] = [
            ("excluded", |it| {
                it.write(".crabboxignore", "deep\n");
                it.commit();
                it.write("deep/file", "other");
                it.write("deep/new", "");
            }),
            ("sparse", |it| {
                it.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/deep/"]);
                assert!(!it.path("deep/file").exists());
            }),
        ];
        for (what, change) in left_out {
            let checkout = Checkout::new();
            change(&checkout);
            assert_eq!(checkout.is_dirty(), Some(false), "{what}");
        }
    }

    #[test]
    fn where_git_may_convert_what_it_holds_nobody_knows() {
        let unclear: [(&str, Change); 5] = [
            ("the end of lines", |it| it.write("file", "content\r\n")),
            ("a filter", |it| {
                it.write(".gitattributes", "f* filter=x\n");
                it.commit();
                it.write("file", "other\n");
            }),
            ("a filter of the clone", |it| {
                let info = it.path(".git/info");
                fs::create_dir_all(&info).expect("a folder");
                fs::write(info.join("attributes"), "* working-tree-encoding=UTF-16\n")
                    .expect("writes");
                it.write("file", "other\n");
            }),
            ("a mode", |it| it.chmod("file", 0o755)),
            ("a checkout inside", |it| {
                fs::create_dir(it.path("inner")).expect("a folder");
                let mut inner = git(&it.path("inner"));
                assert!(inner.args(["init", "-q"]).status().expect("runs").success());
            }),
        ];
        for (what, change) in unclear {
            let checkout = Checkout::new();
            change(&checkout);
            assert_eq!(checkout.is_dirty(), None, "{what}");
        }
        // What differs for certain does, whatever else may be.
        let checkout = Checkout::new();
        checkout.write("deep/file", "content\r\n");
        checkout.write("tool", "other");
        assert_eq!(checkout.is_dirty(), Some(true));
    }
}
