//! Secrets that lie in a file or come on standard input: read when a provider gets them, not before.

use super::problem::ProviderProblem;
use crate::redact::Secret;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

/// No secret is longer, in bytes.
pub(super) const LIMIT: u64 = 64 * 1024;

/// Where a secret is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// From a file, or a pipe.
    File(PathBuf),
    /// From standard input, to its end.
    Stdin,
}

impl Source {
    /// What would be wrong with reading it. A pipe is left to whoever is to have what is in it.
    pub(super) fn look(&self, key: &str) -> Result<(), ProviderProblem> {
        match self {
            Self::File(path) if path.metadata().map_or(true, |found| found.is_file()) => {
                self.read(key).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Reads it, without the line end that editors and `echo` add.
    pub(super) fn read(&self, key: &str) -> Result<Secret, ProviderProblem> {
        let key = || key.to_owned();
        let bytes = match self {
            Self::File(path) => File::open(path).and_then(read),
            Self::Stdin if io::stdin().is_terminal() => {
                return Err(ProviderProblem::Terminal { key: key() });
            }
            Self::Stdin => read(io::stdin().lock()),
        };
        let bytes = bytes.map_err(|source| match self {
            Self::File(path) => {
                ProviderProblem::SecretFile { key: key(), path: path.clone(), source }
            }
            Self::Stdin => ProviderProblem::SecretStdin { key: key(), source },
        })?;
        let text = String::from_utf8(bytes).unwrap_or_default();
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(ProviderProblem::SecretEmpty { key: key() });
        }
        Ok(Secret::new(text.to_owned()))
    }
}

fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_holds_a_secret_without_its_line_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        let source = Source::File(path.clone());
        fs::write(&path, "s3cr3t s3cr3t\r\n").expect("writes");
        assert_eq!(source.read("k").expect("reads").expose(), "s3cr3t s3cr3t");
        for nothing in ["", "\n", "\r\n\n"] {
            fs::write(&path, nothing).expect("writes");
            let error = source.read("k").expect_err("refuses");
            assert!(matches!(error, ProviderProblem::SecretEmpty { .. }), "{error}");
        }
        fs::write(&path, vec![b'x'; 70_000]).expect("writes");
        assert!(source.read("k").expect_err("refuses").to_string().contains("too large"));
        fs::remove_file(&path).expect("removes");
        assert!(source.read("k").expect_err("refuses").to_string().contains("token"));
    }
}
