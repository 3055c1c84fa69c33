//! What a claim holds.

use super::state::State;
use crabbox_provider_api::payload::{
    Attributes, Endpoint, Identity, ReleaseAction, Resource, Scope,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
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

/// The machine and boot that a box showed when its provider vouched for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The content of `/etc/machine-id`.
    pub machine_id: String,
    /// The kernel's boot id.
    pub boot_id: String,
}

/// The durable record of one lease. State, slug and revision change through the
/// store alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The lease.
    pub id: LeaseId,
    /// Its name for people, unique among the claims that aren't final.
    pub slug: String,
    /// Where it stands.
    pub state: State,
    /// Counts the transitions; guards against two writers.
    pub revision: i64,
    /// The provider's name.
    pub provider: String,
    /// The provider's version when the lease was made.
    pub provider_version: String,
    /// Where the resource belongs, once the provider has answered.
    pub scope: Option<Scope>,
    /// What the provider made or may have made. The name is empty until its first checkpoint.
    pub resource: Resource,
    /// The provider's own notes.
    #[serde(default)]
    pub attributes: Attributes,
    /// How to reach the box, since the last `resolve` or `lease`.
    pub endpoint: Option<Endpoint>,
    /// What the box must show, if the provider named something.
    pub identity: Option<Identity>,
    /// What it showed, if the provider named nothing.
    pub machine: Option<Machine>,
    /// Hash of the marker on the box; `None` until the helper wrote one, and again
    /// after each `resolve` for a connection.
    pub marker: Option<String>,
    /// What becomes of the resource at the end; settled when the lease is made, or by a
    /// `stop --delete`, before anything is deleted.
    pub release: ReleaseAction,
    /// Stays ready after a run.
    #[serde(default)]
    pub keep: bool,
    /// Leasing failed: what is left of it, if anything, is released and never used.
    #[serde(default)]
    pub rolled_back: bool,
    /// The checkout that it serves.
    #[serde(with = "path")]
    pub repository: PathBuf,
    /// Digest of the provider settings that shaped the resource.
    pub profile: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// How long it may stay ready without use.
    pub idle_deadline: Option<Timestamp>,
    /// The run in flight, or the last one.
    pub run: Option<String>,
    /// Why leasing failed, why nobody vouches for the box, or what is left to do by hand.
    pub trouble: Option<String>,
}

/// A path as text, or as its bytes where it isn't text: a checkout may lie anywhere.
mod path {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, out: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => Stored::Text(text.to_owned()),
            None => Stored::Bytes(path.as_os_str().as_bytes().to_vec()),
        }
        .serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(match Stored::deserialize(from)? {
            Stored::Text(text) => text.into(),
            Stored::Bytes(bytes) => OsString::from_vec(bytes).into(),
        })
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
