//! `SRC[:DST]`: a path of the box, and where it goes.

use crabbox_copy::target::{Target, name_of};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// One path of the box, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// On the box: absolute, with a leading `~/`, or relative to the workspace root.
    pub from: Vec<u8>,
    /// Here; as `cp` has it.
    pub to: PathBuf,
}

/// What was typed is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownloadError {
    /// There is nothing on one side.
    #[error("an empty path leads nowhere")]
    Empty,
    /// Its last part is none that a file can have.
    #[error("`{0}` has no name that it could get here")]
    Nameless(String),
}

impl Download {
    /// What the word means. The first colon parts it; one in a name is written `\:`.
    pub fn of(word: &OsStr) -> Result<Self, DownloadError> {
        let (from, to) = parted(word.as_bytes());
        if from.is_empty() || to.as_ref().is_some_and(Vec::is_empty) {
            return Err(DownloadError::Empty);
        }
        let to = match &to {
            Some(to) => to.clone(),
            None => own_name(&from).ok_or_else(|| {
                DownloadError::Nameless(String::from_utf8_lossy(&from).into_owned())
            })?,
        };
        Ok(Self { from, to: PathBuf::from(OsStr::from_bytes(&to)) })
    }

    pub(super) fn target(&self) -> Target {
        Target { path: self.to.clone(), name: own_name(&self.from) }
    }
}

/// What it is called in a folder; the home folder isn't by what stands for it.
fn own_name(from: &[u8]) -> Option<Vec<u8>> {
    name_of(from).filter(|name| name != b"~")
}

fn parted(word: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut from = Vec::new();
    let mut rest = word;
    loop {
        match rest {
            [] => return (from, None),
            [b'\\', b':', after @ ..] => {
                from.push(b':');
                rest = after;
            }
            [b':', after @ ..] => return (from, Some(after.to_vec())),
            [byte, after @ ..] => {
                from.push(*byte);
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_parts_where_from_and_where_to() {
        let of = |word: &str| {
            let Download { from, to } = Download::of(OsStr::new(word))?;
            Ok::<_, DownloadError>((String::from_utf8(from).expect("text"), to))
        };
        let is = |from: &str, to: &str| Ok((from.to_owned(), PathBuf::from(to)));
        assert_eq!(of("out/report.txt"), is("out/report.txt", "report.txt"));
        assert_eq!(of("/tmp/core:cores/"), is("/tmp/core", "cores/"));
        assert_eq!(of(r"a\:b:c:d"), is("a:b", "c:d"));
        assert_eq!(of("."), Err(DownloadError::Nameless(".".to_owned())));
        assert_eq!(of("~"), Err(DownloadError::Nameless("~".to_owned())));
        assert_eq!(of("."), Err(DownloadError::Nameless(".".to_owned())));
        assert_eq!(of(".:out"), is(".", "out"));
        assert_eq!((of(""), of("a:")), (Err(DownloadError::Empty), Err(DownloadError::Empty)));
    }
}
