//! Whose files are read.

use super::TrustProblem;
use crate::sync::git;
use std::env;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A repository's file is read if it and the folder that holds it are the user's own or root's, as git
/// has it: whoever owns the folder can put another file there. Who has told git that another's
/// checkout is safe (`safe.directory`) has said so of its file, too.
pub(in crate::config) fn check_repository(
    path: &Path,
    file: &Metadata,
) -> Result<(), TrustProblem> {
    let folder = path.parent().unwrap_or(path);
    let of_folder = fs::metadata(folder).ok();
    let others = of_folder.as_ref().filter(|found| !is_ours(found));
    let problem = match others {
        _ if !is_ours(file) => TrustProblem::Owner { uid: file.uid() },
        Some(found) => TrustProblem::Folder { folder: folder.to_owned(), uid: found.uid() },
        None => return Ok(()),
    };
    // A third one's file is nobody's word, whatever git thinks of the folder.
    let is_its = of_folder.is_some_and(|found| is_ours(file) || file.uid() == found.uid());
    if is_its && is_safe_to_git(folder) { Ok(()) } else { Err(problem) }
}

/// Git itself is asked: it knows its own rules best, and looks at nothing of a checkout that it refuses.
fn is_safe_to_git(root: &Path) -> bool {
    let asked = git(root).args(["rev-parse", "--show-toplevel"]).output();
    let Ok(output) = asked.map(|output| output.status.success().then_some(output.stdout)) else {
        return false;
    };
    output.is_some_and(|top| top.trim_ascii_end() == root.as_os_str().as_bytes())
}

/// The machine's file is read if nobody but root could have written it or put another in its place.
pub(in crate::config) fn check_system(path: &Path, file: &Metadata) -> Result<(), TrustProblem> {
    check_root(path, file, false)?;
    for (above, folder) in path.ancestors().skip(1).enumerate() {
        let found = fs::metadata(folder).map_err(|problem: io::Error| TrustProblem::Unseen {
            path: folder.to_owned(),
            problem,
        })?;
        // In a folder such as `/tmp` nobody can replace what is root's.
        check_root(folder, &found, above > 0)?;
    }
    Ok(())
}

fn check_root(path: &Path, found: &Metadata, may_be_sticky: bool) -> Result<(), TrustProblem> {
    let path = || path.to_owned();
    if found.uid() != 0 {
        return Err(TrustProblem::NotRoots { path: path(), uid: found.uid() });
    }
    let sticky = may_be_sticky && found.mode() & 0o1000 != 0;
    if found.mode() & 0o022 != 0 && !sticky {
        return Err(TrustProblem::Writable { path: path(), mode: found.mode() & 0o7777 });
    }
    Ok(())
}

/// With `sudo`, the checkout of the caller is the user's own, too, as it is to git.
fn is_ours(found: &Metadata) -> bool {
    let user = rustix::process::geteuid();
    let caller = || env::var("SUDO_UID").ok()?.parse::<u32>().ok();
    found.uid() == user.as_raw()
        || found.uid() == 0
        || (user.is_root() && caller() == Some(found.uid()))
}
