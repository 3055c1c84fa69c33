//! Whose files may be loaded: code that others could have put there isn't the user's choice.

use super::library::Unusable;
use super::places::Source;
use std::env;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Checks owner and mode of a file and its folder. Bundled ones are as good as
/// the program that they lie beside.
pub(super) fn check(path: &Path, file: &Metadata, source: Source) -> Result<(), Unusable> {
    if source == Source::Bundled {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let found = fs::metadata(folder).map_err(Unusable::Read)?;
    for (what, found) in [(path, file), (folder, &found)] {
        if !owners().contains(&found.uid()) {
            return Err(Unusable::Owner { path: what.to_owned(), uid: found.uid() });
        }
        // A sticky folder, like /tmp, still lets others add files beside it.
        if found.mode() & 0o022 != 0 {
            return Err(Unusable::Writable { path: what.to_owned(), mode: found.mode() & 0o7777 });
        }
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
