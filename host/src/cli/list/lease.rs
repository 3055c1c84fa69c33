//! A lease as every command's `--json` shows it.

use crate::claims::{Claim, Ending, LeaseId, Made, State};
use crabbox_provider_api::payload::{Resource, Scope};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// What is shown of a claim. There may be thousands: nothing is copied that needn't be. The fields
/// stand in the order in which they are printed.
#[derive(Serialize)]
pub(super) struct Lease<'a> {
    created: Timestamp,
    deadline: Option<Timestamp>,
    id: &'a LeaseId,
    idle_deadline: Option<Timestamp>,
    keep: bool,
    provider: &'a str,
    release: Ending,
    repository: Cow<'a, str>,
    resource: Resource,
    run: Option<&'a str>,
    run_is_over: Option<bool>,
    scope: Option<Scope>,
    slug: &'a str,
    state: State,
    trouble: Option<&'a str>,
    updated: Timestamp,
    used: Timestamp,
}

impl<'a> Lease<'a> {
    pub(super) fn of(claim: &'a Claim) -> Self {
        let made = claim.made();
        Self {
            created: claim.created,
            deadline: claim.deadline.as_ref().map(|end| end.wall),
            id: &claim.id,
            idle_deadline: claim.idle_until().map(|end| end.wall),
            keep: claim.keep,
            provider: &claim.provider,
            release: claim.ending,
            repository: claim.repository.to_string_lossy(),
            resource: made.as_ref().map(Made::resource).unwrap_or_default(),
            run: claim.run.as_ref().map(|run| run.id.as_str()),
            run_is_over: claim.run.as_ref().map(|run| run.over),
            scope: made.and_then(|made| made.scope),
            slug: &claim.slug,
            state: claim.state(),
            trouble: claim.trouble.as_deref(),
            updated: claim.updated,
            used: claim.used,
        }
    }
}

/// The same as a part of another document.
pub(in crate::cli) fn to_json(claim: &Claim) -> Value {
    json!(Lease::of(claim))
}
