//! The tree that was read against git's index, from what the scan knows anyhow: nothing is read for it where all is as the
//! index says.
//!
//! An answer that is wrong is worse than none. Git may convert a file on its way into the index, which its configuration
//! and attributes say; where a file may be another than the index says for that alone, nobody knows here, unless it looks as
//! git has noted it.

use super::cache::Known;
use super::config::Config;
use super::convert::{Converting, is_attributes};
use super::git::{Line, Staged};
use super::noted::{Doubtful, are_as_noted};
use crabbox_wire::tree::Kind;
use std::path::Path;

/// How a tree stands to the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// It holds other things.
    Differs,
    /// All that the index says, which is called so, and nothing else.
    Same(Index),
    /// Nobody knows without asking git, or it lacks something that is tracked and stays here; of the index, if this is all of
    /// it, it is known.
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
        let mut seen = Seen::default();
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
                seen.left_out(name);
                continue;
            };
            rest = later;
            let doubtful = || Doubtful { name, blob: staged.blob, stamp: known.stamp };
            match compare(&staged, known) {
                Compared::Same => {}
                Compared::Differs => return Self::Differs,
                Compared::Unclear => seen.is_unclear = true,
                Compared::Mode => seen.has_other_mode = true,
                Compared::Content { is_kind } => {
                    seen.is_unclear |= !is_kind;
                    seen.contents.push(doubtful());
                }
                Compared::Converted => seen.converted.push(doubtful()),
            }
        }
        if !rest.is_empty() || seen.differs(root) {
            return Self::Differs;
        }
        let index = hasher.finish();
        if seen.is_same(root) { Self::Same(index) } else { Self::Unclear(Some(index)) }
    }
}

/// What was seen of files that aren't, or may not be, what the index says.
#[derive(Default)]
struct Seen<'a> {
    is_unclear: bool,
    has_other_mode: bool,
    /// They have another content.
    contents: Vec<Doubtful<'a>>,
    /// The same, which the ends of lines may be all of.
    converted: Vec<Doubtful<'a>>,
    /// What is tracked and stays here, if it has attributes.
    attributes: Vec<&'a [u8]>,
}

impl<'a> Seen<'a> {
    fn left_out(&mut self, name: &'a [u8]) {
        self.is_unclear = true;
        if is_attributes(name) {
            self.attributes.push(name);
        }
    }

    fn is_same(&self, root: &Path) -> bool {
        if self.is_unclear || self.has_other_mode {
            return false;
        }
        let mut doubtful = [self.contents.as_slice(), &self.converted].concat();
        doubtful.sort_unstable_by_key(|file| file.name);
        doubtful.is_empty() || are_as_noted(root, &doubtful)
    }

    /// Is one of them another one to git, too, for certain?
    fn differs(&self, root: &Path) -> bool {
        if !self.has_other_mode && self.contents.is_empty() {
            return false;
        }
        let config = Config::of(root);
        let mut converting = Converting::of(root, config, &self.attributes);
        (self.has_other_mode && !config.may_ignore_modes)
            || self.contents.iter().any(|file| !converting.may_convert(file.name))
    }
}

/// How a file stands to what the index says.
enum Compared {
    Same,
    Differs,
    /// Unless git was told that modes say nothing here.
    Mode,
    /// Unless git converts it.
    Content {
        /// As which file, plain or to be executed, it is the same.
        is_kind: bool,
    },
    /// It may be that it does.
    Converted,
    Unclear,
}

fn compare(staged: &Staged<'_>, known: &Known) -> Compared {
    if staged.stage != b"0" {
        return Compared::Differs;
    }
    let kind = match staged.mode {
        b"100644" => Kind::File,
        b"100755" => Kind::Executable,
        b"120000" => Kind::Symlink,
        // A submodule that isn't checked out.
        b"160000" if known.entry.kind == Kind::Folder => return Compared::Same,
        _ => return Compared::Unclear,
    };
    let is_file = |kind| matches!(kind, Kind::File | Kind::Executable);
    if is_file(kind) && known.entry.kind == Kind::Symlink {
        return Compared::Differs;
    }
    let Some(blob) = known.blob else { return Compared::Unclear };
    let (are_files, is_kind) =
        (is_file(kind) && is_file(known.entry.kind), known.entry.kind == kind);
    if blob.is(staged.blob) {
        return match (is_kind, are_files) {
            (true, _) => Compared::Same,
            (false, true) => Compared::Mode,
            // Git may have been told that links say nothing here.
            (false, false) => Compared::Unclear,
        };
    }
    match (staged.blob.len(), kind) {
        (40, Kind::Symlink) if is_kind => Compared::Differs,
        (40, _) if are_files && !blob.has_return => Compared::Content { is_kind },
        (40, _) if are_files && is_kind => Compared::Converted,
        _ => Compared::Unclear,
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
    use super::super::checkout::Checkout;
    use super::super::git::git;
    use std::fs;
    use std::os::unix::fs::symlink;

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
    fn where_what_is_tracked_stays_here_it_is_not_the_commits() {
        let left_out: [(&str, Option<bool>, Change); 6] = [
            ("excluded, and not tracked", Some(false), |it| {
                it.write(".crabboxignore", "new\n");
                it.commit();
                it.write("deep/new", "");
            }),
            ("excluded", None, |it| {
                it.write(".crabboxignore", "deep\n");
                it.commit();
                it.write("deep/file", "other");
            }),
            ("excluded, and staged", Some(true), |it| {
                it.write(".crabboxignore", "deep\n");
                it.commit();
                it.write("deep/file", "other");
                it.git(&["add", "deep/file"]);
            }),
            ("excluded, and another is modified", Some(true), |it| {
                it.write(".crabboxignore", "deep\n");
                it.commit();
                it.write("file", "other");
            }),
            ("sparse", None, |it| {
                it.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/deep/"]);
                assert!(!it.path("deep/file").exists());
            }),
            ("skipped", None, |it| {
                it.git(&["update-index", "--skip-worktree", "file"]);
                fs::remove_file(it.path("file")).expect("removes");
            }),
        ];
        for (what, expected, change) in left_out {
            let checkout = Checkout::new();
            change(&checkout);
            assert_eq!(checkout.is_dirty(), expected, "{what}");
        }
    }

    #[test]
    fn a_mode_differs_unless_git_was_told_that_modes_say_nothing() {
        for (name, mode) in [("file", 0o755), ("tool", 0o644)] {
            let checkout = Checkout::new();
            checkout.chmod(name, mode);
            assert_eq!((checkout.is_dirty(), checkout.is_dirty_to_git()), (Some(true), true));
            checkout.git(&["config", "core.fileMode", "false"]);
            assert_eq!((checkout.is_dirty(), checkout.is_dirty_to_git()), (None, false));
        }
    }

    #[test]
    fn where_nothing_certain_can_be_said_nobody_knows() {
        let unclear: [(&str, Change); 2] = [
            ("the end of lines", |it| it.write("file", "content\r\n")),
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
