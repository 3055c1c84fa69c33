//! Whose files are read.

use super::TrustProblem;
use std::env;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A repository's file is read if it and the folder that holds it are the user's own or root's, as git
/// has it: whoever owns the folder can put another file there.
pub(in crate::config) fn check_repository(
    path: &Path,
    file: &Metadata,
) -> Result<(), TrustProblem> {
    if !is_ours(file) {
        return Err(TrustProblem::Owner { uid: file.uid() });
    }
    let folder = path.parent().unwrap_or(path);
    match fs::metadata(folder) {
        Ok(found) if !is_ours(&found) => {
            Err(TrustProblem::Folder { folder: folder.to_owned(), uid: found.uid() })
        }
        _ => Ok(()),
    }
}

/// With `sudo`, the checkout of the caller is the user's own, too, as it is to git.
fn is_ours(found: &Metadata) -> bool {
    let user = rustix::process::geteuid();
    let caller = || env::var("SUDO_UID").ok()?.parse::<u32>().ok();
    found.uid() == user.as_raw()
        || found.uid() == 0
        || (user.is_root() && caller() == Some(found.uid()))
}
