//! Ends the connections to a box: before it is let go of, and for good once it is gone.

use super::desk::Desk;
use crate::claims::{Claim, ClaimError, Event};
use crate::transport::ssh;

/// Ends the connections to the claim's box: one that is stopped or deleted under them may wait for their end, and
/// one that comes back is another.
pub(super) fn hang_up(claim: &Claim) {
    ssh::close(claim.id.as_str());
}

impl Desk {
    /// A transition after which there is no box to be reached.
    pub(super) fn part(&mut self, claim: &mut Claim, event: &Event) -> Result<(), ClaimError> {
        self.store.transition(claim, event)?;
        ssh::forget(claim.id.as_str(), self.store.folder());
        Ok(())
    }
}
