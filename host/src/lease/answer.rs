//! What a provider's answers come to: which of them prove something.

use crate::claims::{Owned, Way};
use crate::output::CommandError;
use crabbox_provider_api::payload::{Found, Proof, Resolution, ResourceState};

/// A provider that says of a box that it is there must say how to reach it.
pub(super) fn no_endpoint(provider: &str) -> CommandError {
    CommandError::failed(format!("the provider `{provider}` names no way to the box"))
        .code("provider")
}

/// A box that was found, with the way to it, if the provider names both.
pub(super) fn reachable(found: &Found) -> Option<(Owned, Way)> {
    Some((Owned::of(found)?, Way::of(found)?))
}

/// Why a resolution is no box, for people.
pub(super) fn why_not(resolution: &Resolution) -> String {
    match resolution {
        Resolution::Missing { proof: Proof::Deleted } => "its resource was deleted".to_owned(),
        Resolution::Missing { proof: Proof::NotVisible } => NOT_VISIBLE.to_owned(),
        Resolution::Ambiguous { candidates } => {
            format!("more than one resource answers to it: {}", candidates.join(", "))
        }
        Resolution::Foreign { owner } => format!("its resource belongs to {owner}"),
        Resolution::Found(found) if found.state == ResourceState::Failed => {
            "its resource is there, and broken".to_owned()
        }
        Resolution::Found(_) => "another resource has taken its place".to_owned(),
        _ => "the provider gives an answer that this crabbox doesn't know".to_owned(),
    }
}

/// Why nothing is known of a resource that a provider doesn't see.
pub(super) const NOT_VISIBLE: &str = "its resource can't be seen with this login, from this place";
