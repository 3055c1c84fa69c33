//! Drops a claim, and does nothing to its resource.

use super::audit::Action;
use super::desk::Desk;
use super::release::in_use;
use crate::claims::{ClaimError, Stored};
use crate::output::{CommandError, Exit, to_type};
use crate::transport::ssh;

impl Desk {
    /// The claim of a lease as it is stored, whether it can be read or not.
    pub fn stored(&self, reference: &str) -> Result<Stored, CommandError> {
        if let Some(stored) = self.store.stored(reference)? {
            return Ok(stored);
        }
        let claim = self.find(reference)?;
        let stored = self.store.stored(claim.id.as_str())?;
        stored.ok_or_else(|| ClaimError::Raced(claim.id).into())
    }

    /// Drops it, if it still is as the user was shown and nobody works with it.
    pub fn forget(&mut self, stored: &Stored) -> Result<(), CommandError> {
        let _holder = match stored.lease() {
            Some(lease) => match self.store.hold(&lease)? {
                Ok(holder) => Some(holder),
                Err(by) => return Err(in_use(&stored.slug, &by)),
            },
            None => None,
        };
        let begun = self.audit.begin_stored(Action::Forget, stored)?;
        let came = match self.store.forget(stored) {
            Ok(true) => {
                ssh::forget(&stored.id, self.store.folder());
                Ok(())
            }
            Ok(false) => {
                let message =
                    format!("the claim of `{}` was changed by another command", stored.slug);
                let again = to_type(&["forget", &stored.id]);
                Err(CommandError::new(Exit::TryAgain, message).hint(again))
            }
            Err(error) => Err(error.into()),
        };
        self.audit.end_stored(&begun, stored, &came);
        came
    }
}
