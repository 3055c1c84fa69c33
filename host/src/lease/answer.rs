//! What a provider's answers come to: which of them prove something.

use super::make::LEASE_DEADLINE;
use crate::claims::{Claim, Moment, Owned, Stage, Way};
use crate::output::CommandError;
use crate::provider::Provider;
use crabbox_provider_api::payload::{Found, Proof, Resolution, ResourceState};

/// A provider that says of a box that it is there must say how to reach it.
pub(super) fn no_endpoint(provider: &str) -> CommandError {
    CommandError::failed(format!("the provider `{provider}` names no way to the box"))
        .code("provider")
}

/// A box that was found, with the way to it, if the provider names both.
pub(super) fn reachable(found: &Found) -> Option<(Owned, Way)> {
    if found.state == ResourceState::Failed {
        return None;
    }
    Some((Owned::of(found)?, Way::of(found)?))
}

/// Until when the resource of a lease that broke off may still appear, if it may: until then, its absence
/// proves nothing.
pub(super) fn still_to_come(claim: &Claim, provider: &Provider) -> Option<Moment> {
    let settles = provider.settles();
    let (asked, longest) = match claim.stage() {
        // Whoever asked for it was killed, nobody knows when.
        Stage::Leasing { made: Some(made) } => (made.asked.as_ref()?, LEASE_DEADLINE + settles),
        Stage::Failed { made: Some(made) } => (made.asked.as_ref()?, settles),
        _ => return None,
    };
    if settles.is_zero() {
        return None;
    }
    asked.plus(longest).filter(|until| !until.is_surely_over(longest))
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
        Resolution::Found(_) => "another resource has taken its place".to_owned(),
        _ => "the provider gives an answer that this crabbox doesn't know".to_owned(),
    }
}

/// Why nothing is known of a resource that a provider doesn't see.
pub(super) const NOT_VISIBLE: &str = "its resource can't be seen with this login, from this place";
