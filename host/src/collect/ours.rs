//! `.crabbox/` in a checkout: what is put there is the user's, none of git's business, and no part of a tree that is
//! sent.
//!
//! A stranger may have written the checkout: a link in the place of one of these folders would lead what a box
//! sends to wherever it likes.

use rustix::fs::OFlags;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What it is called.
pub const OURS: &str = ".crabbox";

/// What keeps git from all that is in it, itself included.
const IGNORE: &str = "# What crabbox puts here: files of boxes, and bundles.\n*\n";

/// Makes `.crabbox` in a checkout, and the folder of this name in it.
pub(crate) fn make_ours(checkout: &Path, name: &str) -> io::Result<PathBuf> {
    let ours = checkout.join(OURS);
    make_one(&ours)?;
    let created = File::options()
        .write(true)
        .create_new(true)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(ours.join(".gitignore"));
    match created {
        Ok(mut file) => file.write_all(IGNORE.as_bytes())?,
        // Whoever wrote it knows what git should see.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let folder = ours.join(name);
    make_one(&folder)?;
    Ok(folder)
}

fn make_one(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => return result,
    }
    if fs::symlink_metadata(folder)?.is_dir() {
        return Ok(());
    }
    Err(io::Error::other(format!("`{}` is no folder", folder.display())))
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
            assert!(make_ours(root, "artifacts").is_err(), "{name}");
            fs::remove_file(root.join(name)).expect("removes");
            fs::create_dir(root.join(name)).expect("a folder");
        }
    }
}
