//! What is asked of a box by whoever only visits it: the claim isn't taken, and isn't changed. The box proves itself all
//! the same, by the mark that is on it.

use super::names::workspace_name;
use super::place::of_claim;
use crate::claims::{Claim, describe_holder};
use crabbox_provider_api::payload::{self, Endpoint};
use crabbox_wire::message::{Identity, Marker, Request};
use crabbox_wire::text::Text;

/// A request that asks for nothing yet. `None`: nobody vouches for the box, it bears no mark, or [`to_show`] has none.
#[must_use]
pub fn visit(claim: &Claim, endpoint: &Endpoint) -> Option<Request> {
    let way = claim.way()?;
    Some(Request {
        protocol: crabbox_wire::PROTOCOL,
        lease: claim.id.to_string(),
        identity: to_show(claim)?,
        marker: Marker::Expect { hash: way.marker.clone()? },
        work_root: Text(endpoint.work_root.clone().into_bytes()),
        workspace: Text(workspace_name(&claim.repository)),
        sync: None,
        run: None,
        look: None,
        probe: false,
        place: None,
        copy: None,
        collect: None,
        tunnel: None,
        holder: describe_holder(),
    })
}

/// What the box of a claim must show: what the provider named, or that it is the claim's place, or what it showed the
/// last time. `None`: a newer crabbox has recorded something that this one can't compare, which isn't nothing.
#[must_use]
pub fn to_show(claim: &Claim) -> Option<Identity> {
    let Some(way) = claim.way() else { return Some(Identity::Record) };
    Some(match (&way.identity, &way.machine) {
        (Some(payload::Identity::Environment { name, value }), _) => {
            Identity::Environment { name: name.clone(), value: value.clone() }
        }
        (Some(payload::Identity::File { path, content }), _) => {
            Identity::File { path: Text(path.clone().into_bytes()), content: content.clone() }
        }
        (Some(_), _) => return None,
        (None, machine) => match (of_claim(claim), machine) {
            (Some(place), _) => Identity::Place { place },
            (None, Some(machine)) => Identity::Machine {
                machine_id: machine.machine_id.clone(),
                boot_id: machine.boot_id.clone(),
            },
            (None, None) => Identity::Record,
        },
    })
}
