//! Removes a lease's place, which the helper does once the marker in it was seen to be this lease's.

use super::super::desk::Desk;
use super::super::look::Onlooker;
use super::super::release::RELEASE_DEADLINE;
use super::super::resolve::question;
use super::ask::explain_unasked;
use super::id::of_claim;
use super::proof::endpoint_of;
use crate::claims::Claim;
use crate::output::{CommandError, Exit};
use crate::provider::Provider;
use crabbox_provider_api::payload::{Intent, Proof, Released, Resolution, Settings};
use crabbox_wire::place::{PlaceAnswer, PlaceOrder};

impl Desk {
    /// Removes the claim's place. `Deleted`: it is gone, and its provider may be told so.
    pub(in super::super) fn remove_place(
        &self,
        provider: &mut Provider,
        claim: &Claim,
        settings: &Settings,
    ) -> Result<Released, CommandError> {
        let unseen = Released::Missing { proof: Proof::NotVisible };
        let request = question(claim, Intent::Status, settings)?;
        let mut onlooker = Onlooker::new(self.printer, self.working.stop());
        let longest = self.working.patience(RELEASE_DEADLINE);
        let resolved = provider.resolve(&request, longest, &mut onlooker)?;
        let (Resolution::Found(found), Some(place)) = (resolved, of_claim(claim)) else {
            return Ok(unseen);
        };
        let Some(endpoint) = found.endpoint.map(|endpoint| endpoint_of(&place, &endpoint)) else {
            return Ok(unseen);
        };
        let declared = || Self::declared(&self.registry, &claim.provider);
        let asker = self.asker(claim, &declared, longest);
        let answer = asker.ask(&endpoint, PlaceOrder::Remove { place });
        match answer.map_err(|error| explain_unasked(&error))? {
            PlaceAnswer::Removed | PlaceAnswer::Gone => Ok(Released::Deleted),
            PlaceAnswer::Elsewhere { why } => {
                self.printer.phase(&format!("{}: {why}", claim.slug));
                Ok(unseen)
            }
            PlaceAnswer::Foreign { why } => {
                let message = format!("the place of `{}` isn't removed: {why}", claim.slug);
                Err(CommandError::new(Exit::Conflict, message))
            }
            _ => Err(CommandError::failed("the box answers something else than it was asked")),
        }
    }
}
