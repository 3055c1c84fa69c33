//! What a provider's answers come to: which of them prove something.

use super::make::LEASE_DEADLINE;
use super::place::of_claim;
use crate::claims::{Claim, Moment, Owned, Stage, Way};
use crate::output::CommandError;
use crate::provider::Provider;
use crabbox_provider_api::payload::{Found, Identity, Proof, Resolution, ResourceState, Scope};

/// A new box that can't be used, for this reason.
pub(super) fn unusable(provider: &str, why: &str) -> CommandError {
    let message = format!("the box that the provider `{provider}` made can't be used: {why}");
    CommandError::failed(message).code("provider")
}

/// A box that was found with this login, with the way to it. A provider that says of one that it is there must say how to
/// reach it, and where on it files may lie.
pub(super) fn reachable(found: &Found, login: Option<&str>) -> Result<(Owned, Way), String> {
    if found.state == ResourceState::Failed {
        return Err("it is broken".to_owned());
    }
    if found.identity == Some(Identity::Unknown) {
        // Whether it is the right one couldn't be told.
        return Err("it proves itself in a way that this crabbox doesn't know".to_owned());
    }
    let (Some(owned), Some(way)) = (Owned::of(found), Way::of(found, login)) else {
        return Err("the provider names no way to it".to_owned());
    };
    let root = &way.endpoint.work_root;
    if !(root.starts_with('/') || root.starts_with("~/")) {
        return Err(format!(
            "its work root `{root}` is neither absolute nor below `~/`, as the provider has to name it"
        ));
    }
    Ok((owned, way))
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
    Some(asked.plus(longest)).filter(|until| !until.is_surely_over(longest))
}

/// Why the absence of a resource proves nothing until then.
pub(super) fn may_appear(until: &Moment) -> String {
    let until = until.wall.strftime("%Y-%m-%d %H:%M:%SZ");
    format!("nothing of it is there, and it may still appear until {until}")
}

/// Why a resolution is no box of this claim, for people.
pub(super) fn why_not(claim: &Claim, resolution: &Resolution) -> String {
    match resolution {
        Resolution::Missing { proof: Proof::Deleted } => "its resource was deleted".to_owned(),
        Resolution::Missing { proof: Proof::NotVisible } => not_visible(claim).to_owned(),
        Resolution::Ambiguous { candidates } => {
            format!("more than one resource answers to it: {}", candidates.join(", "))
        }
        Resolution::Foreign { owner } => format!("its resource belongs to {owner}"),
        Resolution::Found(found) if is_elsewhere(claim, &found.scope) => {
            let claimed = claim.made().and_then(|made| made.scope).unwrap_or_default();
            let (claimed, found) = (place(&claimed), place(&found.scope));
            format!("it belongs to {claimed}, and what is there now to {found}")
        }
        Resolution::Found(_) => "another resource has taken its place".to_owned(),
        _ => "the provider gives an answer that this crabbox doesn't know".to_owned(),
    }
}

fn is_elsewhere(claim: &Claim, scope: &Scope) -> bool {
    claim.made().and_then(|made| made.scope).is_some_and(|claimed| claimed != *scope)
}

fn place(scope: &Scope) -> String {
    format!("account `{}` of `{}`", scope.account, scope.deployment)
}

/// Why nothing is proven of the box of a claim, as far as that is known.
pub(super) fn why_unseen(claim: &Claim, why: &str) -> String {
    format!("nothing is proven of {}: {why}", claim.slug)
}

/// Why nothing is known of a resource that a provider doesn't see, or of a place that its machine doesn't show.
pub(super) fn not_visible(claim: &Claim) -> &'static str {
    match of_claim(claim) {
        Some(_) => "its machine can't be reached, or doesn't show its place",
        None => "its resource can't be seen with this login, from this place",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_provider_api::payload::{Endpoint, Leased, Resource, Transport};

    #[test]
    fn a_box_needs_a_way_and_a_place_for_files() {
        let found = |work_root: &str| {
            let transport = Transport::Exec { prefix: Vec::new() };
            let endpoint = Some(Endpoint::new(transport, work_root));
            let resource = Resource { name: "box".to_owned(), id: Some("1".to_owned()) };
            Found::from(Leased { resource, endpoint, ..Leased::default() })
        };
        for good in ["/srv", "~/crabbox"] {
            assert!(reachable(&found(good), None).is_ok(), "{good}");
        }
        for bad in ["", "~", "rel/x", "~ann/x"] {
            assert!(reachable(&found(bad), None).is_err(), "{bad}");
        }
        let broken = Found { state: ResourceState::Failed, ..found("/srv") };
        assert_eq!(reachable(&broken, None).err().as_deref(), Some("it is broken"));
        assert!(reachable(&Found { endpoint: None, ..found("/srv") }, None).is_err());
        let unknown = Found { identity: Some(Identity::Unknown), ..found("/srv") };
        assert!(reachable(&unknown, None).is_err());
    }
}
