//! What the system says of a file, in words that everybody knows.

use rustix::io::Errno;

/// For people: one line, no full stop.
#[must_use]
pub fn in_words(error: Errno) -> String {
    match error {
        Errno::ACCESS | Errno::PERM => "permission denied".to_owned(),
        Errno::NOENT => "it isn't there".to_owned(),
        Errno::ISDIR => "there is a folder in its place".to_owned(),
        Errno::NOTDIR | Errno::LOOP => "there is a file or a link in its place".to_owned(),
        Errno::NAMETOOLONG => "its name is too long here".to_owned(),
        Errno::ROFS => "the file system is read-only".to_owned(),
        other => std::io::Error::from(other).to_string(),
    }
}

/// Is there no room left?
#[must_use]
pub fn is_full(error: Errno) -> bool {
    matches!(error, Errno::NOSPC | Errno::DQUOT)
}
