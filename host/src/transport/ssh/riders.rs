//! Who rides a connection: asked only where its process doesn't answer. It may be stopped, or short of time, for a while;
//! what is done over it goes on afterwards, unless somebody ends it meanwhile.

use super::connect::as_option;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Is there an `ssh` of this user's that was told to ride the connection of this socket? The one that holds it was told to make
/// it, unless it has other words by then.
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
        rides(&words, socket.as_bytes())
    })
}

/// Is this the command line of one?
fn rides(line: &[u8], socket: &[u8]) -> bool {
    let words: Vec<_> = line.split(|byte| *byte == 0).collect();
    words.windows(2).any(|pair| pair == [b"-S".as_slice(), socket])
        && !words.contains(&b"ControlMaster=yes".as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_made_a_connection_is_no_rider_of_it() {
        for (line, expected) in [
            (&b"ssh\0-F\0f\0-S\0/s/0\0-o\0ControlMaster=no\0box\0true\0"[..], true),
            (b"ssh\0-F\0f\0-S\0/s/0\0-o\0ControlMaster=yes\0-f\0-N\0box\0", false),
            (b"ssh\0-S\0/s/1\0box\0", false),
            (b"ssh: /s/0 [mux]\0", false),
        ] {
            assert_eq!(rides(line, b"/s/0"), expected, "{}", String::from_utf8_lossy(line));
        }
    }
}
