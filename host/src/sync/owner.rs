//! Whose checkout it is. Git reads nothing of another user's unless it was told that it is safe, and that is to be
//! known before a box is leased for it.

use super::SyncError;
use super::git::git;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Refuses what git refuses. Git itself is asked, and only about what isn't all the user's own: that costs a
/// process.
pub(super) fn check(root: &Path) -> Result<(), SyncError> {
    if is_all_ones_own(root) {
        return Ok(());
    }
    let asked = git(root).args(["rev-parse", "--git-dir"]).output();
    let asked = asked.map_err(|error| SyncError::git(root, &error.to_string()))?;
    if asked.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&asked.stderr);
    let said = said.lines().next().unwrap_or_default();
    let said = said.strip_prefix("fatal: ").unwrap_or(said).to_owned();
    Err(SyncError::Distrusted { folder: root.to_owned(), said })
}

/// What git looks at: the checkout, its `.git`, and what that names where it is a file.
fn is_all_ones_own(root: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    let inside = root.join(".git");
    let named = named_by(&inside);
    // What isn't there belongs to nobody.
    let is_own = |path: &PathBuf| path.symlink_metadata().map_or(true, |found| found.uid() == user);
    [root.to_owned(), inside].iter().chain(&named).all(is_own)
}

/// The folder that a `.git` of a worktree or a submodule leads to.
pub(super) fn named_by(file: &Path) -> Option<PathBuf> {
    if !file.symlink_metadata().is_ok_and(|found| found.is_file()) {
        return None;
    }
    let text = fs::read(file).ok()?;
    let folder = text.trim_ascii_end().strip_prefix(b"gitdir: ")?;
    Some(file.parent()?.join(OsStr::from_bytes(folder)))
}
