//! A lease as every command's `--json` shows it.

use crate::claims::{Claim, Ending, LeaseId, Made, State};
use crabbox_provider_api::payload::{Resource, Scope};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// What is shown of a claim. There may be thousands: nothing is copied, and the rest isn't kept. The fields
/// stand in the order in which they are printed.
#[derive(Serialize)]
pub(super) struct Lease {
    created: Timestamp,
    deadline: Option<Timestamp>,
    id: LeaseId,
    idle_deadline: Option<Timestamp>,
    keep: bool,
    provider: String,
    release: Ending,
    repository: String,
    resource: Resource,
    run: Option<String>,
    run_is_over: Option<bool>,
    scope: Option<Scope>,
    slug: String,
    state: State,
    trouble: Option<String>,
    updated: Timestamp,
    used: Timestamp,
}

impl Lease {
    pub(super) fn of(claim: Claim) -> Self {
        let (state, idle_deadline) = (claim.state(), claim.idle_until().map(|end| end.wall));
        let made = claim.made();
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
            id: claim.id,
            idle_deadline,
            keep: claim.keep,
            provider: claim.provider,
            release: claim.ending,
            repository: claim.repository.to_string_lossy().into_owned(),
            resource: resource.unwrap_or_default(),
            run,
            run_is_over,
            scope: scope.flatten(),
            slug: claim.slug,
            state,
            trouble: claim.trouble,
            updated: claim.updated,
            used: claim.used,
        }
    }
}

/// The same as a part of another document.
pub(in crate::cli) fn to_json(claim: &Claim) -> Value {
    json!(Lease::of(claim.clone()))
}
