//! What a provider's answers come to: which of them prove something, and what a claim takes over.

use crate::claims::Claim;
use crate::output::CommandError;
use crabbox_provider_api::payload::{Found, Proof, Resolution, Resource, ResourceState};

/// A name proves nothing: where the id is known, it must be this one.
pub(super) fn is_the_same(claimed: &Resource, found: &Resource) -> bool {
    match &claimed.id {
        Some(id) => found.id.as_ref() == Some(id),
        None => found.name == claimed.name && found.id.is_some(),
    }
}

/// A provider that says of a box that it is there must say how to reach it.
pub(super) fn no_endpoint(provider: &str) -> CommandError {
    CommandError::failed(format!("the provider `{provider}` names no way to the box"))
        .code("provider")
}

/// Takes over what `resolve` found. The provider has just vouched for the box, so what
/// it showed before no longer counts.
pub(super) fn note(claim: &mut Claim, found: Found) {
    claim.resource = found.resource;
    claim.scope = Some(found.scope);
    claim.attributes = found.attributes;
    claim.endpoint = found.endpoint;
    claim.identity = found.identity;
    claim.marker = None;
    claim.machine = None;
    claim.trouble = None;
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
