//! Asks a box whether a run goes on there whose host is gone. Nothing on the box is changed, and
//! nothing is recorded.

use super::cleanup::RunSeen;
use super::desk::Desk;
use super::names::workspace_name;
use super::place::of_claim;
use crate::claims::{Claim, describe_holder};
use crate::registry::Registry;
use crate::run;
use crate::transport::Route;
use crabbox_provider_api::payload::{self, Found, ResourceState};
use crabbox_wire::message::{Fate, Identity, Marker, Request};
use crabbox_wire::text::Text;
use std::path::Path;
use tracing::debug;

/// What the box of a claim, which its provider has just found, says of the claim's run.
pub(super) fn of_run(claim: &Claim, found: &Found, registry: &Registry, state: &Path) -> RunSeen {
    // What is off runs nothing.
    if found.state == ResourceState::Parked {
        return RunSeen::Over;
    }
    let Some((way, endpoint)) = claim.way().zip(found.endpoint.as_ref()) else {
        return RunSeen::Unknown;
    };
    let (Some(hash), Some(last)) = (way.marker.clone(), &claim.run) else {
        return RunSeen::Unknown;
    };
    let request = Request {
        protocol: crabbox_wire::PROTOCOL,
        lease: claim.id.to_string(),
        identity: to_show(claim),
        marker: Marker::Expect { hash },
        work_root: Text(endpoint.work_root.clone().into_bytes()),
        workspace: Text(workspace_name(&claim.repository)),
        sync: None,
        run: None,
        look: Some(last.id.clone()),
        probe: false,
        place: None,
        holder: describe_holder(),
    };
    let route = Route {
        lease: claim.id.as_str(),
        transport: &endpoint.transport,
        state,
        declared: &|| Desk::declared(registry, &claim.provider),
    };
    match run::look(&route, &request) {
        Ok(Fate::GoesOn) => RunSeen::GoesOn,
        Ok(Fate::Over) => RunSeen::Over,
        Err(error) => {
            debug!("{} doesn't say whether {} goes on: {error}", claim.slug, last.id);
            RunSeen::Unknown
        }
    }
}

/// What the box of a claim must show: what the provider named, or that it is the claim's place, or what it showed the
/// last time.
#[must_use]
pub fn to_show(claim: &Claim) -> Identity {
    let Some(way) = claim.way() else { return Identity::Record };
    if let (None, Some(place)) = (&way.identity, of_claim(claim)) {
        return Identity::Place { place };
    }
    match (&way.identity, &way.machine) {
        (Some(payload::Identity::Environment { name, value }), _) => {
            Identity::Environment { name: name.clone(), value: value.clone() }
        }
        (Some(payload::Identity::File { path, content }), _) => {
            Identity::File { path: Text(path.clone().into_bytes()), content: content.clone() }
        }
        (Some(_), _) | (None, None) => Identity::Record,
        (None, Some(machine)) => Identity::Machine {
            machine_id: machine.machine_id.clone(),
            boot_id: machine.boot_id.clone(),
        },
    }
}
