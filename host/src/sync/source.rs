//! Which files make up the tree: what git says, or all of a folder.
//!
//! Names come from git (tracked, and untracked but not ignored), never from a walk
//! with `.gitignore` rules, which would lose files that are tracked though ignored.

use super::SyncError;
use super::against::lines;
use super::folders::Folders;
use super::git::{Line, git, run};
use super::owner;
use super::patterns;
use crate::collect::OURS;
use crate::places::real;
use crabbox_copy::partial::is_part_name;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{AtFlags, statat};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The file with patterns that git doesn't know about.
const IGNORE_FILE: &str = ".crabboxignore";

/// Where a tree comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The folder that the box mirrors, canonical.
    pub root: PathBuf,
    /// Names come from git.
    pub git: bool,
    /// What of crabbox's own lies in it, relative: boxes in a tree would hold the tree.
    ours: Vec<Vec<u8>>,
}

/// What a source consists of.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Relative paths, in order, each once. Some may not exist (tracked and deleted); for a plain
    /// folder, empty folders are among them.
    pub(super) all: Vec<Vec<u8>>,
    /// What couldn't be looked at, a line each.
    pub(super) warnings: Vec<String>,
    /// What git said of the checkout. `None`: it wasn't asked, or there are others inside, of which it says nothing.
    pub(super) listed: Option<Vec<u8>>,
}

impl Source {
    /// The git checkout that `folder` lies in.
    pub fn checkout(folder: &Path) -> Result<Self, SyncError> {
        let folder = canonical(folder)?;
        // Git itself would be asked in a process of its own; all it does for this is the same walk.
        let root = folder.ancestors().find(|parent| parent.join(".git").symlink_metadata().is_ok());
        match root {
            Some(root) => Ok(Self { root: root.to_owned(), git: true, ours: Vec::new() }),
            None if is_bare(&folder) => Err(SyncError::Bare(folder)),
            None => Err(SyncError::NotACheckout(folder)),
        }
    }

    /// A folder as it is.
    pub fn folder(folder: &Path) -> Result<Self, SyncError> {
        Ok(Self { root: canonical(folder)?, git: false, ours: Vec::new() })
    }

    /// Errors if git refuses it since it is another user's: it would when its names are listed, too, while a box
    /// is leased already.
    pub fn check_owner(&self) -> Result<(), SyncError> {
        if self.git { owner::check(&self.root) } else { Ok(()) }
    }

    /// Leaves out what isn't tracked below these folders, and in `.crabbox`.
    #[must_use]
    pub fn without<'a>(mut self, folders: impl IntoIterator<Item = &'a Path>) -> Self {
        let inside = folders.into_iter().filter_map(|folder| {
            // It may not be there yet.
            let folder = real(folder);
            Some(folder.strip_prefix(&self.root).ok()?.as_os_str().as_bytes().to_vec())
        });
        self.ours = inside.chain([OURS.as_bytes().to_vec()]).collect();
        self
    }

    /// Lists them, unless `stop` is set meanwhile.
    pub(super) fn names(&self, excludes: &[String], stop: &AtomicBool) -> Result<Names, SyncError> {
        let mut walk = Walk { ours: &self.ours, stop, found: Names::default() };
        if self.git {
            walk.git(&self.root, b"")?;
        } else {
            walk.folder(&self.root, b"")?;
        }
        let Names { all: mut names, warnings, listed } = walk.found;
        let filter = self.filter(excludes)?;
        if !filter.is_empty() {
            names.retain(|name| {
                let path = Path::new(OsStr::from_bytes(name));
                !filter.matched_path_or_any_parents(path, false).is_ignore()
            });
        }
        names.sort_unstable();
        names.dedup();
        Ok(Names { all: names, warnings, listed })
    }

    /// The commit that `HEAD` stands on, if there is one.
    #[must_use]
    pub fn head(&self) -> Option<String> {
        if !self.git {
            return None;
        }
        let output = git(&self.root).args(["rev-parse", "--verify", "--quiet", "HEAD"]).output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn filter(&self, excludes: &[String]) -> Result<Gitignore, SyncError> {
        let mut filter = GitignoreBuilder::new("");
        let file = self.root.join(IGNORE_FILE);
        let text = patterns::read(&file, &self.root);
        let text = text.map_err(|source| SyncError::Read { path: file.clone(), source })?;
        for line in text.lines() {
            filter.add_line(Some(file.clone()), line)?;
        }
        for pattern in excludes {
            filter.add_line(None, pattern)?;
        }
        Ok(filter.build()?)
    }
}

fn canonical(folder: &Path) -> Result<PathBuf, SyncError> {
    fs::canonicalize(folder).map_err(|source| SyncError::Read { path: folder.to_owned(), source })
}

/// Gathers names.
struct Walk<'a> {
    ours: &'a [Vec<u8>],
    stop: &'a AtomicBool,
    found: Names,
}

impl Walk<'_> {
    /// The names of the checkout at `root`, each behind `prefix`, and those of the
    /// checkouts inside it: submodules, and repositories that git takes for opaque.
    fn git(&mut self, root: &Path, prefix: &[u8]) -> Result<(), SyncError> {
        let refuse = |said: &str| SyncError::git(root, said);
        let mut list = git(root);
        list.args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-t",
            "--stage",
            "-z",
        ]);
        let (status, output) = run(list, self.stop).map_err(|error| refuse(&error.to_string()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        match status {
            Some(status) if status.success() => {}
            // Of a checkout inside, this is known only now.
            Some(_) => return Err(owner::check(root).err().unwrap_or_else(|| refuse(&said))),
            None => return Err(SyncError::Stopped),
        }
        let warnings = said.lines().map(|line| line.strip_prefix("warning: ").unwrap_or(line));
        self.found.warnings.extend(warnings.map(|line| format!("git: {line}")));
        let mut holds_others = false;
        for line in lines(&output.stdout) {
            let line = Line::parse(line)
                .ok_or_else(|| refuse("`git ls-files` prints lines of another form"))?;
            let full = [prefix, line.name].concat();
            if line.may_hold_checkout && holds_checkout(root, line.name) {
                holds_others = true;
                let path = root.join(OsStr::from_bytes(line.name));
                self.git(&path, &[&full, b"/".as_slice()].concat())?;
            } else if line.staged.is_some() || !(self.is_ours(&full) || is_part_name(&full)) {
                // Of a submodule that isn't checked out, git keeps the empty folder.
                self.found.all.push(full);
            }
        }
        if prefix.is_empty() && !holds_others {
            self.found.listed = Some(output.stdout);
        }
        Ok(())
    }

    /// The names in a plain folder, each behind `prefix`.
    fn folder(&mut self, folder: &Path, prefix: &[u8]) -> Result<(), SyncError> {
        let wrap = |source| SyncError::Read { path: folder.to_owned(), source };
        let mut empty = true;
        for entry in fs::read_dir(folder).map_err(wrap)? {
            if self.stop.load(Ordering::Relaxed) {
                return Err(SyncError::Stopped);
            }
            let entry = entry.map_err(wrap)?;
            let name = entry.file_name().into_vec();
            let full = [prefix, &name].concat();
            if name == b".git" || self.is_ours(&full) {
                continue;
            }
            let is_folder = entry.file_type().map_err(wrap)?.is_dir();
            if !is_folder && is_part_name(&name) {
                continue;
            }
            empty = false;
            if is_folder {
                self.folder(&entry.path(), &[&full, b"/".as_slice()].concat())?;
            } else {
                self.found.all.push(full);
            }
        }
        if let Some(path) = prefix.strip_suffix(b"/").filter(|_| empty) {
            self.found.all.push(path.to_vec());
        }
        Ok(())
    }

    fn is_ours(&self, name: &[u8]) -> bool {
        self.ours.iter().any(|ours| {
            name.strip_prefix(ours.as_slice())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    }
}

/// Does this folder look like what `git init --bare` makes?
fn is_bare(folder: &Path) -> bool {
    ["HEAD", "objects", "refs"].iter().all(|name| folder.join(name).exists())
}

/// Is there a checkout at this name, with no link on the way? One that leads back up would never end.
fn holds_checkout(root: &Path, name: &[u8]) -> bool {
    let folder = Folders::open(root).and_then(|mut folders| {
        let folder = folders.existing(name)?;
        Ok(statat(folder, ".git", AtFlags::SYMLINK_NOFOLLOW).is_ok())
    });
    folder.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    static GO_ON: AtomicBool = AtomicBool::new(false);

    fn ask(root: &Path, arguments: &[&str]) {
        let status = git(root).args(arguments).stdout(Stdio::null()).status().expect("git runs");
        assert!(status.success(), "git {arguments:?}");
    }

    fn text(names: Names) -> Vec<String> {
        names.all.into_iter().map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
    }

    #[test]
    fn what_a_copy_left_half_done_stays_here_unless_it_is_tracked() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        ask(root, &["init", "-q"]);
        for name in [".a.crabbox-0123456789abcdef", ".b.crabbox-0123456789abcdef", ".c.crabbox-1"] {
            fs::write(root.join(name), "").expect("writes");
        }
        ask(root, &["add", ".b.crabbox-0123456789abcdef"]);
        let source = Source::checkout(root).expect("a checkout");
        let names = text(source.names(&[], &GO_ON).expect("names"));
        assert_eq!(names, [".b.crabbox-0123456789abcdef", ".c.crabbox-1"]);
        fs::remove_dir_all(root.join(".git")).expect("removes");
        let plain = Source::folder(root).expect("a folder");
        let names = text(plain.names(&[], &GO_ON).expect("names"));
        assert_eq!(names, [".c.crabbox-1"]);
    }

    #[test]
    fn tracked_though_ignored_is_in_and_ignored_is_out() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        ask(root, &["init", "-q"]);
        for (name, content) in [
            (".gitignore", "*.log\n"),
            ("kept.log", ""),
            ("dropped.log", ""),
            ("odd\nname", ""),
            ("notes.tmp", ""),
            (".crabboxignore", "*.tmp\n"),
        ] {
            fs::write(root.join(name), content).expect("writes");
        }
        ask(root, &["add", "-f", "kept.log"]);
        let source = Source::checkout(root).expect("a checkout");
        let names = text(source.names(&["odd*".to_owned()], &GO_ON).expect("names"));
        assert_eq!(names, [".crabboxignore", ".gitignore", "kept.log"]);
    }

    #[test]
    fn a_repository_inside_is_part_of_the_tree() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        let inner = root.join("vendor/inner");
        fs::create_dir_all(&inner).expect("folders");
        ask(root, &["init", "-q"]);
        ask(&inner, &["init", "-q"]);
        fs::write(inner.join("file"), "").expect("writes");
        let names = Source::checkout(root).expect("a checkout").names(&[], &GO_ON).expect("names");
        assert_eq!(text(names), ["vendor/inner/file"]);

        // The same as a submodule, and one that isn't checked out.
        let commit = ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "m"];
        ask(&inner, &["add", "-A"]);
        ask(&inner, &commit);
        ask(root, &["-c", "advice.addEmbeddedRepo=false", "add", "vendor/inner"]);
        let absent = "160000,0123456789012345678901234567890123456789,absent";
        ask(root, &["update-index", "--add", "--cacheinfo", absent]);
        fs::create_dir(root.join("absent")).expect("folder");
        let names = Source::checkout(root).expect("a checkout").names(&[], &GO_ON).expect("names");
        assert_eq!(text(names), ["absent", "vendor/inner/file"]);
    }

    #[test]
    fn a_submodule_that_a_link_has_replaced_leads_nowhere() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        ask(root, &["init", "-q"]);
        let entry = "160000,0123456789012345678901234567890123456789,inner";
        ask(root, &["update-index", "--add", "--cacheinfo", entry]);
        std::os::unix::fs::symlink(".", root.join("inner")).expect("links");
        let names = Source::checkout(root).expect("a checkout").names(&[], &GO_ON).expect("names");
        assert_eq!(text(names), ["inner"]);
    }

    #[test]
    fn a_plain_folder_keeps_its_empty_folders() {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::create_dir_all(folder.path().join("a/empty")).expect("folders");
        fs::write(folder.path().join("file"), "").expect("writes");
        assert!(matches!(Source::checkout(folder.path()), Err(SyncError::NotACheckout(_))));
        let names =
            Source::folder(folder.path()).expect("a folder").names(&[], &GO_ON).expect("names");
        assert_eq!(text(names), ["a/empty", "file"]);
    }
}
