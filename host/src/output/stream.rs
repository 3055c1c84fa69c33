//! The only code that writes to the standard streams. Lines that are drawn over ([`super::progress`])
//! make room for what stays.

use super::progress;
use std::io::{self, Write};

/// Bytes for standard output, as they are.
pub(crate) fn stdout(bytes: &[u8]) -> io::Result<()> {
    progress::make_room(|| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    })
}

/// Bytes for standard error, as they are.
pub(crate) fn stderr(bytes: &[u8]) -> io::Result<()> {
    progress::make_room(|| io::stderr().lock().write_all(bytes))
}
