//! Who rides a connection: asked only where its process doesn't answer. It may be stopped, or short of time, for a while;
//! what is done over it goes on afterwards, unless somebody ends it meanwhile.

use super::connect::as_option;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Is there an `ssh` of this user's that was told to ride the connection of this socket? The one that holds it has other
/// words by then.
pub(super) fn are_there(socket: &Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    let socket = as_option(socket);
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut ours = processes.filter(|entry| {
        let is_process = entry.file_name().as_bytes().iter().all(u8::is_ascii_digit);
        is_process && entry.metadata().is_ok_and(|found| found.uid() == ours)
    });
    ours.any(|entry| {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<_> = words.split(|byte| *byte == 0).collect();
        words.windows(2).any(|pair| pair == [b"-S".as_slice(), socket.as_bytes()])
    })
}
