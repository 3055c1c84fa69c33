//! Asks a box whether a run goes on there whose host is gone. Nothing on the box is changed, and
//! nothing is recorded.

use super::cleanup::RunSeen;
use super::desk::Desk;
use super::visit::visit as request_of;
use crate::claims::Claim;
use crate::registry::Registry;
use crate::transport::Route;
use crate::visit;
use crabbox_provider_api::payload::{Found, ResourceState};
use crabbox_wire::message::{Fate, Request};
use std::path::Path;
use tracing::debug;

/// What the box of a claim, which its provider has just found, says of the claim's run.
pub(super) fn of_run(claim: &Claim, found: &Found, registry: &Registry, state: &Path) -> RunSeen {
    // What is off runs nothing.
    if found.state == ResourceState::Parked {
        return RunSeen::Over;
    }
    let (Some(endpoint), Some(last)) = (&found.endpoint, &claim.run) else {
        return RunSeen::Unknown;
    };
    let Some(request) = request_of(claim, endpoint) else { return RunSeen::Unknown };
    let request = Request { look: Some(last.id.clone()), ..request };
    let route = Route {
        lease: claim.id.as_str(),
        transport: &endpoint.transport,
        state,
        declared: &|| Desk::declared(registry, &claim.provider),
        may_ask: false,
    };
    match visit::look(&route, &request) {
        Ok(Fate::GoesOn) => RunSeen::GoesOn,
        Ok(Fate::Over) => RunSeen::Over,
        Err(error) => {
            debug!("{} doesn't say whether {} goes on: {error}", claim.slug, last.id);
            RunSeen::Unknown
        }
    }
}
