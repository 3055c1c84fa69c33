//! Which leases are in the middle of something that nobody goes on with: their command was killed.

use super::error::ClaimError;
use super::id::LeaseId;
use super::reader::Reader;
use super::stage::State;

impl State {
    /// Does somebody work with a lease that is so, unless they were killed?
    #[must_use]
    pub fn is_in_work(self) -> bool {
        matches!(self, Self::Leasing | Self::Busy | Self::Releasing)
    }
}

impl Reader {
    /// Is the lease in the middle of something, and nobody there who goes on with it? Whoever is has its lock from
    /// before the first change to after the last: a claim that stays as it is round a look at the lock
    /// is nobody's. Nothing is made or written.
    pub fn is_unattended(&self, lease: &LeaseId) -> Result<bool, ClaimError> {
        let before = self.get(lease)?;
        let Some(before) = before.filter(|claim| claim.state().is_in_work()) else {
            return Ok(false);
        };
        if self.holder(lease)?.is_some() {
            return Ok(false);
        }
        // One that is open already needn't see what others write.
        let after = Self::look(self.folder())?.get(lease)?;
        Ok(after.is_some_and(|after| after.revision == before.revision))
    }
}
