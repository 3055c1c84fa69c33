//! Ends the connections to a box: before it is let go of, and for good once it is gone.

use super::desk::Desk;
use crate::claims::{Claim, ClaimError, Event, LeaseId, Store};
use crate::transport::ssh;

/// Ends the connections to the claim's box: one that is stopped or deleted under them may wait for their end, and
/// one that comes back is another.
pub(super) fn hang_up(claim: &Claim) {
    ssh::close(claim.id.as_str());
}

/// Forgets what is kept of the ways to boxes that no lease has any more: of commands that were killed before they could.
pub fn forget_old_ways(store: &Store) {
    let has_box = |lease: &str| {
        // What bears another name is none of ours, and what can't be read may have one.
        match lease.parse::<LeaseId>().map(|id| store.get(&id)) {
            Ok(Ok(None)) => false,
            Ok(Ok(Some(claim))) => !claim.state().is_final(),
            _ => true,
        }
    };
    ssh::forget_those_but(store.folder(), has_box);
}

impl Desk {
    /// A transition after which there is no box to be reached. Its connections end first: afterwards, nobody would look
    /// for those of a command that is killed in between.
    pub(super) fn part(&mut self, claim: &mut Claim, event: &Event) -> Result<(), ClaimError> {
        hang_up(claim);
        self.store.transition(claim, event)?;
        ssh::forget(claim.id.as_str(), self.store.folder());
        Ok(())
    }
}
