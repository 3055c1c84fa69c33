//! Where events go: a file, or a descriptor that whoever started this process has opened.

use crate::sys;
use rustix::fs::{OFlags, fcntl_getfl};
use std::fs::File;
use std::io;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::str::FromStr;

/// `FILE` or `fd:N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file, which is made or begun anew; or a named pipe.
    File(PathBuf),
    /// A descriptor by its number.
    Descriptor(RawFd),
}

/// It isn't one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TargetError {
    /// What stands behind `fd:` is no number.
    #[error("`fd:` is followed by the number of a descriptor, such as `fd:3`")]
    Number,
    /// A stream that the program's output or our own lines go to.
    #[error("standard input, output and error are for other things: use 3 or more")]
    Standard,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let Some(number) = text.strip_prefix("fd:") else { return Ok(Self::File(text.into())) };
        match number.parse::<u16>() {
            Ok(0..=2) => Err(TargetError::Standard),
            Ok(number) => Ok(Self::Descriptor(number.into())),
            Err(_) => Err(TargetError::Number),
        }
    }
}

impl Target {
    /// Opens it, without waiting for whoever reads a pipe.
    pub(super) fn open(&self) -> io::Result<File> {
        match self {
            Self::File(path) => {
                let mut options = File::options();
                sys::open_read_by_somebody(path, options.write(true).create(true).truncate(true))
            }
            Self::Descriptor(number) => {
                let file = File::from(sys::duplicate(*number)?);
                let mode = fcntl_getfl(&file)? & OFlags::RWMODE;
                if mode == OFlags::RDONLY {
                    return Err(io::Error::other("it isn't open for writing"));
                }
                Ok(file)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_behind_fd_is_a_descriptor_and_everything_else_a_file() {
        assert_eq!("fd:3".parse(), Ok(Target::Descriptor(3)));
        assert_eq!("out/fd:3".parse(), Ok(Target::File("out/fd:3".into())));
        for (text, error) in [
            ("fd:1", TargetError::Standard),
            ("fd:2", TargetError::Standard),
            ("fd:", TargetError::Number),
            ("fd:-1", TargetError::Number),
            ("fd:70000", TargetError::Number),
        ] {
            assert_eq!(text.parse::<Target>(), Err(error), "{text}");
        }
    }
}
