//! What a provider's answer about a lease on a shared box comes to, once the box was asked, too.
//!
//! The provider only knows the box. Whether the place is there, and is the one of the claim, the box says: at once
//! where that is all that is wanted to know, and where the place is to be used, to the helper of the very
//! session that uses it.

use super::super::answer::why_unseen;
use super::ask::{Asker, unreached};
use super::id::{of_claim, to_text};
use crate::claims::Claim;
use crate::output::{CommandError, Printer};
use crabbox_provider_api::payload::{Endpoint, Found, Proof, Resolution, Resource, ResourceState};
use crabbox_wire::place::{Place, PlaceAnswer, PlaceOrder};
use tracing::debug;

/// The way to a place, whatever its provider says of folders.
pub(super) fn endpoint_of(place: &Place, endpoint: &Endpoint) -> Endpoint {
    let work_root = place.folder.to_string();
    Endpoint { work_root, immutable: false, ..endpoint.clone() }
}

/// Who says whether the place is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Says {
    /// The box, at once.
    Box,
    /// The helper of the session that uses it.
    Session,
}

/// What has become of the claim's place, by what the provider says of its box.
pub(in super::super) fn in_place(
    claim: &Claim,
    says: Says,
    resolution: Resolution,
    asker: &Asker<'_>,
    printer: Printer,
) -> Result<Resolution, CommandError> {
    let unseen = Resolution::Missing { proof: Proof::NotVisible };
    let found = match resolution {
        Resolution::Found(found) => found,
        // It speaks of a box, which is no word of what is on it.
        Resolution::Missing { .. } => return Ok(unseen),
        other => return Ok(other),
    };
    let (Some(place), Some(made), Some(endpoint)) =
        (of_claim(claim), claim.made(), &found.endpoint)
    else {
        return Ok(unseen);
    };
    let endpoint = endpoint_of(&place, endpoint);
    let found = |state| {
        Resolution::Found(Found {
            resource: Resource { name: made.name.clone(), id: to_text(&place) },
            scope: made.scope.clone().unwrap_or_else(|| found.scope.clone()),
            state,
            endpoint: Some(endpoint.clone()),
            identity: None,
            attributes: found.attributes.clone(),
            owner: found.owner.clone(),
        })
    };
    if says == Says::Session {
        return Ok(found(ResourceState::Ready));
    }
    match asker.ask(&endpoint, PlaceOrder::Look { place: place.clone() }) {
        Ok(PlaceAnswer::Here) => Ok(found(ResourceState::Ready)),
        Ok(PlaceAnswer::Rest) => Ok(found(ResourceState::Failed)),
        Ok(PlaceAnswer::Gone) => Ok(Resolution::Missing { proof: Proof::Deleted }),
        Ok(PlaceAnswer::Foreign { why }) => {
            printer.phase(&why_unseen(claim, &why));
            Ok(Resolution::Foreign { owner: "somebody else".to_owned() })
        }
        Ok(PlaceAnswer::Elsewhere { why }) => {
            printer.phase(&why_unseen(claim, &why));
            Ok(unseen)
        }
        Ok(other) => {
            debug!("an answer that makes no sense: {other:?}");
            Ok(unseen)
        }
        Err(_) if asker.stop.as_ref().is_some_and(crate::provider::Stop::is_set) => {
            Err(CommandError::failed("the box wasn't asked to the end"))
        }
        Err(error) => {
            if let Some(unreached) = unreached(&error) {
                return Err(unreached);
            }
            printer.phase(&why_unseen(claim, &error.to_string()));
            Ok(unseen)
        }
    }
}
