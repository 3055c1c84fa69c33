//! `.crabbox/` in a checkout: what is put there is the user's, none of git's business, and no part of a tree that is
//! sent.
//!
//! A stranger may have written the checkout: a link in the place of one of these folders would lead what a box
//! sends to wherever it likes.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What it is called.
pub const OURS: &str = ".crabbox";

/// What keeps git from all that is in it, itself included.
const IGNORE: &str = "# What crabbox puts here: files of boxes, and bundles.\n*\n";

/// What files are put into can't be made.
#[derive(Debug, thiserror::Error)]
#[error("`{}` can't be made: {source}", .path.display())]
pub(crate) struct Unmade {
    /// A folder, or what hides it from git.
    pub(crate) path: PathBuf,
    /// Why.
    pub(crate) source: io::Error,
}

impl Unmade {
    /// Of this path.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self { path: path.to_owned(), source }
    }
}

/// Makes `.crabbox` in a checkout, and the folder of this name in it.
pub(crate) fn make_ours(checkout: &Path, name: &str) -> Result<PathBuf, Unmade> {
    let ours = checkout.join(OURS);
    make_one(&ours).map_err(Unmade::at(&ours))?;
    let ignore = ours.join(".gitignore");
    // Whoever wrote it knows what git should see.
    if fs::symlink_metadata(&ignore).is_err() {
        hide(&ours, &ignore).map_err(Unmade::at(&ignore))?;
    }
    let folder = ours.join(name);
    make_one(&folder).map_err(Unmade::at(&folder))?;
    Ok(folder)
}

/// Whole or not at all: with an empty one git would see everything.
fn hide(ours: &Path, ignore: &Path) -> io::Result<()> {
    // Whoever shares the checkout reads it.
    let mode = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(ours)?;
    file.write_all(IGNORE.as_bytes())?;
    match file.persist_noclobber(ignore) {
        Err(failed) if failed.error.kind() != io::ErrorKind::AlreadyExists => Err(failed.error),
        _ => Ok(()),
    }
}

fn make_one(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => return result,
    }
    if fs::symlink_metadata(folder)?.is_dir() {
        return Ok(());
    }
    Err(io::ErrorKind::NotADirectory.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn it_is_hidden_from_git_once_and_no_link_is_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        make_ours(root, "artifacts").expect("makes");
        let file = root.join(".crabbox/.gitignore");
        assert_eq!(fs::read_to_string(&file).expect("reads"), IGNORE);
        fs::write(&file, "mine").expect("writes");
        make_ours(root, "artifacts").expect("is there");
        assert_eq!(fs::read_to_string(&file).expect("reads"), "mine");
        let elsewhere = root.join("elsewhere");
        fs::create_dir(&elsewhere).expect("a folder");
        for name in [".crabbox/artifacts", ".crabbox"] {
            fs::remove_dir_all(root.join(name)).expect("removes");
            symlink(&elsewhere, root.join(name)).expect("a link");
            let error = make_ours(root, "artifacts").expect_err(name);
            assert_eq!(error.path, root.join(name));
            fs::remove_file(root.join(name)).expect("removes");
            fs::create_dir(root.join(name)).expect("a folder");
        }
    }
}
