//! What a provider can do beyond its hooks, or leaves to the host.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A named ability. One that this version doesn't know is none to it, and no error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Capability {
    /// The provider has no way to its boxes itself: the host looks, by the way that the provider names, whether one is
    /// there and the right one, and for `doctor` what state it is in.
    ProbeByHost,
    /// Several leases share a box. Each has a place on it, a folder that the host takes, proves and removes: the
    /// provider only says which box.
    SharedBox,
    /// One of a newer version.
    Other(String),
}

/// The known ones.
const KNOWN: [(&str, Capability); 2] =
    [("probe_by_host", Capability::ProbeByHost), ("shared_box", Capability::SharedBox)];

impl From<String> for Capability {
    fn from(name: String) -> Self {
        let known = KNOWN.into_iter().find(|(known, _)| *known == name);
        known.map_or(Self::Other(name), |(_, capability)| capability)
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.to_string()
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Other(name) = self {
            return f.pad(name);
        }
        let known = KNOWN.iter().find(|(_, known)| known == self);
        f.pad(known.map_or("", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_as_it_is_written_and_a_newer_one_is_kept() {
        for (name, capability) in KNOWN {
            assert_eq!(Capability::from(name.to_owned()), capability);
            assert_eq!(capability.to_string(), name);
        }
        let newer = Capability::from("telepathy".to_owned());
        assert_eq!(newer, Capability::Other("telepathy".to_owned()));
        assert_eq!(newer.to_string(), "telepathy");
    }
}
