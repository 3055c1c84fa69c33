//! Asks what has become of a box, and changes nothing.

use super::desk::Desk;
use crate::claims::Claim;
use crate::output::{CommandError, Exit};
use crabbox_provider_api::payload::{Intent, Resolution, Settings};

impl Desk {
    /// What the provider says of a claim's resource. The claim stays as it is, whatever that is.
    pub fn look(&mut self, claim: &Claim, settings: &Settings) -> Result<Resolution, CommandError> {
        if claim.resource.name.is_empty() {
            let message = format!("no box of `{}` was ever made", claim.slug);
            return Err(CommandError::new(Exit::NotFound, message));
        }
        let mut provider = self.provider(&claim.provider)?;
        Ok(self.resolve(&mut provider, &mut claim.clone(), Intent::Status, settings)?)
    }
}
