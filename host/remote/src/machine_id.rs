//! What tells this machine from others.
//!
//! Most have an id. Containers often have none, or what their image has for all that are made of it, and several may
//! share a home on one kernel: neither their boot nor a file in their home tells them apart. So where places are held, a
//! machine without an id gets a number of our own, in a folder on its own disk: it lasts as long as that.

use crate::{here, random};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// In the folder of this machine: the number.
const FILE: &str = "machine";

/// Begins what we made up.
const OURS: &str = "crabbox-";

/// How much of a file is read, in bytes.
const LIMIT: u64 = 128;

/// The machine's id; empty: it has none.
pub(crate) fn machine_id() -> String {
    let files = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
    files.iter().find_map(|path| number_in(Path::new(path))).unwrap_or_default()
}

/// What is recorded of it in places; empty: it is in none.
pub(crate) fn of_places() -> String {
    or_ours(|| Some(here::folder_if_there()?.join(FILE)))
}

/// The same, of one where a place may be taken: it isn't empty, unless there is no disk of its own for it.
pub(crate) fn of_places_or_new() -> String {
    or_ours(|| {
        let path = here::folder()?.join(FILE);
        if !path.exists() {
            // What can't be had is missed by whoever takes a place.
            let _ = make(&path);
        }
        Some(path)
    })
}

fn or_ours(path: impl FnOnce() -> Option<PathBuf>) -> String {
    let id = machine_id();
    if !id.is_empty() {
        return id;
    }
    let number = path().and_then(|path| number_in(&path));
    number.map(|number| format!("{OURS}{number}")).unwrap_or_default()
}

/// It appears whole, and the first one stays.
fn make(path: &Path) -> io::Result<()> {
    let number = random::number()?;
    let draft = path.with_extension(&number);
    let written = File::create_new(&draft)
        .and_then(|mut file| writeln!(file, "{number}").and_then(|()| file.sync_all()))
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    written
}

/// 128 bits, hex, and nothing else: an image that is yet to be started holds the word `uninitialized`.
fn number_in(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(LIMIT).read_to_string(&mut text).ok()?;
    let text = text.trim();
    let is_number = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_made_once_and_what_is_none_is_no_id() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        make(&path).expect("makes");
        let first = number_in(&path).expect("a number");
        assert!(make(&path).is_err(), "the first one stays");
        assert_eq!(number_in(&path), Some(first));
        assert_eq!(fs::read_dir(folder.path()).expect("reads").count(), 1);
        for text in ["", "\n", "uninitialized\n", "0123456789abcdef0123456789abcde:\n"] {
            fs::write(&path, text).expect("writes");
            assert_eq!(number_in(&path), None, "{text:?}");
        }
    }
}
