//! What a box must not get its hands on here: a `.git`, in which a hook, a setting, or a word that leads to another
//! repository is a program that git starts.
//!
//! It is refused by its name, whatever it would be (git takes a folder, a file and a link for the same), and in any case
//! of letters: file systems that don't tell them apart can be mounted anywhere.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Why an entry isn't copied, for people.
pub(crate) const WHY: &str = "nothing that comes from a box goes into a `.git`";

/// Would git read what has this name?
pub(crate) fn is_git(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".git")
}

/// Is this in a `.git`, or one?
pub(crate) fn is_within(path: &Path) -> bool {
    path.iter().any(|part| is_git(part.as_bytes()))
}
