//! A checkout that tests look at as git does.

use super::committed::asked;
use super::git::git;
use super::scan::scan;
use super::source::Source;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

/// A checkout with a commit of a file, one below, an executable and a link.
pub(super) struct Checkout {
    folder: TempDir,
}

impl Checkout {
    pub(super) fn new() -> Self {
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

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("checkout").join(name)
    }

    pub(super) fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).expect("writes");
    }

    pub(super) fn chmod(&self, name: &str, mode: u32) {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.path(name), mode).expect("a mode");
    }

    pub(super) fn git(&self, words: &[&str]) {
        let mut git = git(&self.path(""));
        git.args(["-c", "user.name=n", "-c", "user.email=e"]).args(words);
        assert!(git.stdout(Stdio::null()).status().expect("git runs").success(), "{words:?}");
    }

    pub(super) fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "m"]);
    }

    pub(super) fn is_dirty(&self) -> Option<bool> {
        let go_on = AtomicBool::new(false);
        let source = Source::checkout(&self.path("")).expect("a checkout");
        let cache = self.folder.path().join("cache");
        let against = scan(&source, &[], &cache, &go_on).expect("scans").against;
        let commit = source.noted_head().commit.expect("a commit");
        against.is_dirty(asked(&source, &cache, &commit, &go_on).as_ref())
    }

    /// As git itself sees it.
    pub(super) fn is_dirty_to_git(&self) -> bool {
        let mut git = git(&self.path(""));
        !git.args(["status", "--porcelain"]).output().expect("git runs").stdout.is_empty()
    }
}
