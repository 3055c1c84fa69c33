//! Which versions of `coder` are used, and what newer ones can do more. All of them are of major version 2.
//!
//! Sources: the option tables of the source at each tag (`cli/create.go`, `cli/start.go`,
//! `codersdk/workspaces.go`), and the release notes of Coder.

use super::failure::reinstall;
use crabbox_provider_api::{Effect, Error, ErrorCode};
use std::fmt;

/// The oldest one that is used: the older line that Coder itself supports for long.
const OLDEST: Version = Version { major: 2, minor: 29 };

/// What not every version can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// `create --use-parameter-defaults`.
    CreateDefaults,
    /// `start --use-parameter-defaults`.
    StartDefaults,
    /// A workspace's immutable id wherever its name can stand.
    Ids,
}

impl Feature {
    /// The minor version that has it first.
    fn since(self) -> u32 {
        match self {
            Self::CreateDefaults => 30,
            Self::StartDefaults | Self::Ids => 33,
        }
    }
}

/// A version of `coder`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Version {
    /// Of `v2.35.1+8b44bd6`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().trim_start_matches('v').split('.');
        let mut number = || numbers.next()?.parse().ok();
        Some(Self { major: number()?, minor: number()? })
    }

    pub(crate) fn has(self, feature: Feature) -> bool {
        self.major > OLDEST.major || self.minor >= feature.since()
    }

    /// Is it known that this works with it?
    pub(crate) fn is_known(self) -> bool {
        self.major == OLDEST.major && self >= OLDEST
    }

    /// Nothing is changed by one that is too old.
    pub(crate) fn check(self) -> Result<(), Error> {
        if self >= OLDEST {
            return Ok(());
        }
        let message =
            format!("this `coder` is {self}, and the oldest that can be used is {OLDEST}");
        Err(Error::new(ErrorCode::InvalidConfig, message).hint(reinstall()).effect(Effect::None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_version_can_do_is_told_by_its_number() {
        let version = |text| Version::parse(text).expect("a version");
        let (old, new) = (version("v2.29.0+ba71b32"), version("v2.35.1-devel+8b44bd6"));
        assert!(!old.has(Feature::CreateDefaults) && !old.has(Feature::Ids));
        assert!(new.has(Feature::StartDefaults) && version("3.0.1").has(Feature::Ids));
        assert!(old.check().is_ok() && !version("v3.1.0").is_known());
        assert!(version("v2.28.9").check().is_err() && version("v1.40.0").check().is_err());
        assert_eq!((Version::parse("next"), Version::parse("v2")), (None, None));
    }
}
