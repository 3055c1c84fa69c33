//! A folder on a disk of this machine alone: homes may lie on a network.

use crate::layout::make_private;
use rustix::process::geteuid;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The user's own one, made if it isn't there.
pub(crate) fn folder() -> Option<PathBuf> {
    all().find(|folder| {
        let _ = make_private(folder);
        is_ours(folder)
    })
}

/// The same, if somebody has made it.
pub(crate) fn folder_if_there() -> Option<PathBuf> {
    all().find(|folder| is_ours(folder))
}

fn all() -> impl Iterator<Item = PathBuf> {
    let name = format!("crabbox-{}", geteuid().as_raw());
    ["/var/tmp", "/tmp", "/dev/shm"].into_iter().map(move |parent| Path::new(parent).join(&name))
}

/// Anybody may put things where it lies.
fn is_ours(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|found| {
        found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0
    })
}
