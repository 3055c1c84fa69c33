//! The id of a run.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What it begins with.
pub(super) const PREFIX: &str = "run_";

/// How many hex digits follow.
pub(super) const DIGITS: usize = 12;

/// `run_` and 12 lower-case hex digits. It names a folder, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// The text isn't the id of a run.
#[derive(Debug, thiserror::Error)]
#[error("the id of a run is `run_` and 12 hex digits")]
pub struct RunIdError;

impl RunId {
    /// Of 48 random bits.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(format!("{PREFIX}{:012x}", bits & 0xffff_ffff_ffff))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lower-case hex digits and nothing else?
pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let digits = text.strip_prefix(PREFIX).ok_or(RunIdError)?;
        if digits.len() != DIGITS || !is_hex(digits) {
            return Err(RunIdError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for RunId {
    type Error = RunIdError;

    fn try_from(text: String) -> Result<Self, RunIdError> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_be_no_path() {
        assert_eq!(RunId::from_bits(0x1f).as_str(), "run_00000000001f");
        for bad in
            ["", "run_", "run_00000000001", "run_00000000001G", "../../etc/passwd", "run_/../etc/a"]
        {
            assert!(bad.parse::<RunId>().is_err(), "{bad}");
        }
    }
}
