//! The id of a lease.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// `cbx_` and 12 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LeaseId(String);

/// The text isn't a lease id.
#[derive(Debug, thiserror::Error)]
#[error("a lease id is `cbx_` and 12 hex digits")]
pub struct LeaseIdError;

impl LeaseId {
    /// Of 48 random bits.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(format!("cbx_{:012x}", bits & 0xffff_ffff_ffff))
    }

    /// Its 48 random bits, as hex digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0["cbx_".len()..]
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LeaseId {
    type Err = LeaseIdError;

    fn from_str(text: &str) -> Result<Self, LeaseIdError> {
        let digits = text.strip_prefix("cbx_").ok_or(LeaseIdError)?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() != 12 || !digits.bytes().all(hex) {
            return Err(LeaseIdError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for LeaseId {
    type Error = LeaseIdError;

    fn try_from(text: String) -> Result<Self, LeaseIdError> {
        text.parse()
    }
}

impl From<LeaseId> for String {
    fn from(id: LeaseId) -> Self {
        id.0
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked() {
        assert_eq!(LeaseId::from_bits(0x1f).as_str(), "cbx_00000000001f");
        for bad in ["", "cbx_", "cbx_00000000001", "cbx_00000000001G", "../../etc/passwd"] {
            assert!(bad.parse::<LeaseId>().is_err(), "{bad}");
        }
    }
}
