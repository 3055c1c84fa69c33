//! The bytes of a configuration file. A repository's comes from a stranger: it may be a pipe, a
//! device or a link to what isn't theirs to show, and it may never end.

use super::Owner;
use crate::config::error::Problem;
use crate::config::trust::owner;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The longest configuration file that is read, in bytes.
pub(in crate::config) const LIMIT: u64 = 1024 * 1024;

/// The text of a file, if there is one, or the line in which it stops being text.
pub(super) fn read(path: &Path, owner: Owner) -> Result<Option<String>, (Option<usize>, Problem)> {
    let Some(mut file) = open(path, owner).map_err(|problem| (None, problem))? else {
        return Ok(None);
    };
    let wrap = |error| (None, Problem::Read(error));
    let found = file.metadata().map_err(wrap)?;
    if !found.is_file() {
        return Err((None, Problem::NotAFile));
    }
    match owner {
        Owner::Repository => owner::check_repository(path, &found),
        Owner::System => owner::check_system(path, &found),
        Owner::User => Ok(()),
    }
    .map_err(|problem| (None, problem.into()))?;
    let mut bytes = Vec::new();
    file.by_ref().take(LIMIT + 1).read_to_end(&mut bytes).map_err(wrap)?;
    if bytes.len() as u64 > LIMIT {
        return Err((None, Problem::TooLarge));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        (Some(good.split(|byte| *byte == b'\n').count()), Problem::Encoding)
    })?;
    Ok(Some(text))
}

/// A repository's file may not be a link: what it leads to would be shown in messages, and could be
/// any file of the user's.
fn open(path: &Path, owner: Owner) -> Result<Option<File>, Problem> {
    // A pipe would be waited for.
    let mut flags = OFlags::NONBLOCK;
    if owner == Owner::Repository {
        flags |= OFlags::NOFOLLOW;
    }
    match File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => Err(Problem::Link),
        // A socket can't be opened at all.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NXIO) => Err(Problem::NotAFile),
        Err(error) => Err(Problem::Read(error)),
    }
}
