//! A lease as every command's `--json` shows it.

use crate::claims::{Claim, Ending, LeaseId, Made, Reader, State};
use crate::cli::standing::{Standing, Standings};
use crabbox_provider_api::payload::{Resource, Scope};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// What is shown of a claim. There may be thousands: nothing is copied, and the rest isn't kept. The fields
/// stand in the order in which they are printed.
#[derive(Serialize)]
pub(in crate::cli) struct Lease {
    created: Timestamp,
    deadline: Option<Timestamp>,
    host: Option<String>,
    id: LeaseId,
    idle_deadline: Option<Timestamp>,
    keep: bool,
    owner: Option<String>,
    provider: String,
    /// Only where somebody looks at leases.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_state: Option<Standing>,
    release: Ending,
    repository: String,
    resource: Resource,
    run: Option<String>,
    run_is_over: Option<bool>,
    scope: Option<Scope>,
    slug: String,
    state: State,
    trouble: Option<String>,
    /// Only there, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    unattended: Option<bool>,
    updated: Timestamp,
    used: Timestamp,
}

impl Lease {
    pub(super) fn of(claim: Claim) -> Self {
        let (state, idle_deadline) = (claim.state(), claim.idle_until().map(|end| end.wall));
        let made = claim.made();
        let host = made.as_ref().and_then(Made::host).map(str::to_owned);
        let (run, run_is_over) = claim.run.map(|run| (run.id, run.over)).unzip();
        let (resource, scope) = made
            .map(|made| {
                let Made { name, id, scope, .. } = made;
                (Resource { name, id }, scope)
            })
            .unzip();
        Self {
            created: claim.created,
            deadline: claim.deadline.map(|end| end.wall),
            host,
            id: claim.id,
            idle_deadline,
            keep: claim.keep,
            owner: claim.owner,
            provider: claim.provider,
            provider_state: None,
            release: claim.ending,
            repository: claim.repository.to_string_lossy().into_owned(),
            resource: resource.unwrap_or_default(),
            run,
            run_is_over,
            scope: scope.flatten(),
            slug: claim.slug,
            state,
            trouble: claim.trouble,
            unattended: None,
            updated: claim.updated,
            used: claim.used,
        }
    }
}

impl Lease {
    /// The same with what is known beside its record. Where that can't be found out, nobody has a lock.
    pub(in crate::cli) fn looked_at(
        claim: Claim,
        store: &Reader,
        standings: &mut Standings,
    ) -> Self {
        let unattended =
            claim.state().is_in_work() && store.is_unattended(&claim.id).unwrap_or(false);
        let standing = standing(&claim, standings);
        Self { provider_state: Some(standing), unattended: Some(unattended), ..Self::of(claim) }
    }
}

/// Can the provider of a lease be used? Nobody needs it for one that has no box.
pub(in crate::cli) fn standing(claim: &Claim, standings: &mut Standings) -> Standing {
    if claim.state().is_final() || claim.made().is_none() {
        return Standing::Ok;
    }
    standings.of(&claim.provider, &claim.slug, claim.id.as_str())
}

/// The same as a part of another document.
pub(in crate::cli) fn to_json(claim: &Claim) -> Value {
    json!(Lease::of(claim.clone()))
}
