//! The text of `.crabboxignore`. A stranger may have written it, as everything in a checkout: it
//! may be a pipe, a device, or a link to what isn't the checkout's.

use rustix::fs::OFlags;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Nobody writes more patterns by hand, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// The text of a file of the checkout at `root`; empty if it isn't there.
pub(super) fn read(path: &Path, root: &Path) -> io::Result<String> {
    let real = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        result => result?,
    };
    if !real.starts_with(root) {
        return Err(io::Error::other("it is a link that leads out of the checkout"));
    }
    // A pipe would be waited for.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(nonblocking).open(real)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    if file.take(LIMIT + 1).read_to_string(&mut text)? as u64 > LIMIT {
        return Err(io::Error::other(format!("it is larger than {} KiB", LIMIT / 1024)));
    }
    Ok(text)
}
