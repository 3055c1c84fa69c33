//! What was typed for the two ends of a copy: `ID:path` is on a box, anything else is here.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// From where, to where.
#[derive(Debug, PartialEq, Eq)]
pub enum Ends {
    /// From a box to here.
    Get {
        /// The lease, as it was typed.
        lease: String,
        /// On its box.
        from: Vec<u8>,
        /// Here.
        to: PathBuf,
    },
    /// From here to a box.
    Put {
        /// Here.
        from: PathBuf,
        /// The lease, as it was typed.
        lease: String,
        /// On its box.
        to: Vec<u8>,
    },
}

/// They can't be the two ends of a copy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndsError {
    /// Neither is on a box.
    #[error("neither `{0}` nor `{1}` is on a box: one of them must be `ID:PATH`")]
    BothHere(String, String),
    /// Both are on boxes.
    #[error("`{0}` and `{1}` are both on boxes: one of them must be here")]
    BothThere(String, String),
    /// Nothing was typed for one of them.
    #[error("an empty path leads nowhere")]
    Empty,
}

/// The lease and the path on its box, if that is what the word names: a colon before the first slash, as `scp` has it.
#[must_use]
pub fn far_end(word: &OsStr) -> Option<(String, Vec<u8>)> {
    let bytes = word.as_bytes();
    let at = bytes.iter().position(|byte| matches!(byte, b':' | b'/'))?;
    let lease = str::from_utf8(&bytes[..at]).ok()?;
    (bytes[at] == b':' && !lease.is_empty()).then(|| (lease.to_owned(), bytes[at + 1..].to_vec()))
}

impl Ends {
    /// What these two words mean.
    pub fn of(from: &OsString, to: &OsString) -> Result<Self, EndsError> {
        let shown = || (from.to_string_lossy().into_owned(), to.to_string_lossy().into_owned());
        match (far_end(from), far_end(to)) {
            _ if from.is_empty() || to.is_empty() => Err(EndsError::Empty),
            (Some(_), Some(_)) => {
                let (from, to) = shown();
                Err(EndsError::BothThere(from, to))
            }
            (None, None) => {
                let (from, to) = shown();
                Err(EndsError::BothHere(from, to))
            }
            (Some((lease, from)), None) => Ok(Self::Get { lease, from, to: PathBuf::from(to) }),
            (None, Some((lease, to))) => Ok(Self::Put { from: PathBuf::from(from), lease, to }),
        }
    }

    /// The lease, as it was typed.
    #[must_use]
    pub fn lease(&self) -> &str {
        match self {
            Self::Get { lease, .. } | Self::Put { lease, .. } => lease,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_before_the_first_slash_names_a_box() {
        let far = |word: &str| {
            let end = far_end(OsStr::new(word))?;
            Some((end.0, String::from_utf8(end.1).expect("text")))
        };
        let on = |lease: &str, path: &str| Some((lease.to_owned(), path.to_owned()));
        assert_eq!(far("amber-crab:a/b"), on("amber-crab", "a/b"));
        assert_eq!(far("@last:"), on("@last", ""));
        assert_eq!(far("x:~/a:b"), on("x", "~/a:b"));
        for here in ["a", "./a:b", "/a:b", "a/b:c", ":a", ""] {
            assert_eq!(far(here), None, "{here}");
        }
    }

    #[test]
    fn exactly_one_end_is_on_a_box() {
        let of = |from: &str, to: &str| Ends::of(&from.into(), &to.into());
        assert!(matches!(of("x:a", "b"), Ok(Ends::Get { .. })));
        assert!(matches!(of("a", "x:b"), Ok(Ends::Put { .. })));
        assert!(matches!(of("a", "b"), Err(EndsError::BothHere(..))));
        assert!(matches!(of("x:a", "x:b"), Err(EndsError::BothThere(..))));
        assert_eq!(of("", "x:b"), Err(EndsError::Empty));
    }
}
