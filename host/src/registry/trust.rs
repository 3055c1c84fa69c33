//! Whose files may be loaded: code that others could have put there isn't the user's choice.
//!
//! What counts is the file that was opened, wherever links led to it, and every folder on the way,
//! by the name that was asked for and by its real one: whoever can write one of them can put another
//! file in its place. As for sudo and OpenSSH, a folder above may be open to all if it
//! is sticky and root's, such as `/tmp`: there, what belongs to the user can't be replaced. The folder that
//! holds the file may not.

use super::library::Unusable;
use super::places::Source;
use std::env;
use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Checks owner and mode of a file and of the folders that lead to it. Bundled ones are as good as
/// the program that they lie beside.
pub(super) fn check(path: &Path, file: &File, source: Source) -> Result<(), Unusable> {
    if source == Source::Bundled {
        return Ok(());
    }
    let owners = owners();
    let found = file.metadata().map_err(Unusable::Read)?;
    check_one(path, &found, &owners, false)?;
    let named = std::path::absolute(path).map_err(Unusable::Read)?;
    // The kernel's own word for what was opened.
    let real =
        fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(Unusable::Read)?;
    check_folders(&named, &owners)?;
    if real == named { Ok(()) } else { check_folders(&real, &owners) }
}

fn check_folders(path: &Path, owners: &[u32]) -> Result<(), Unusable> {
    for (above, folder) in path.ancestors().skip(1).enumerate() {
        let found = fs::metadata(folder).map_err(Unusable::Read)?;
        check_one(folder, &found, owners, above > 0)?;
    }
    Ok(())
}

fn check_one(
    path: &Path,
    found: &Metadata,
    owners: &[u32],
    may_be_sticky: bool,
) -> Result<(), Unusable> {
    if !owners.contains(&found.uid()) {
        return Err(Unusable::Owner { path: path.to_owned(), uid: found.uid() });
    }
    let sticky = found.mode() & 0o1000 != 0 && found.uid() == 0;
    if found.mode() & 0o022 != 0 && !(may_be_sticky && sticky) {
        return Err(Unusable::Writable { path: path.to_owned(), mode: found.mode() & 0o7777 });
    }
    Ok(())
}

/// The user, root, and whoever owns this program.
fn owners() -> Vec<u32> {
    let program = env::current_exe().and_then(fs::metadata).map(|found| found.uid());
    [Some(rustix::process::geteuid().as_raw()), Some(0), program.ok()]
        .into_iter()
        .flatten()
        .collect()
}
