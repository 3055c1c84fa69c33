//! Waits for a lease that another command uses. Nothing is written meanwhile: whoever gives up
//! leaves no trace.

use super::desk::Desk;
use crate::claims::{Claim, Holder};
use crate::output::CommandError;
use std::thread;
use std::time::{Duration, Instant};

/// How often a waiter looks again.
const PAUSE: Duration = Duration::from_millis(50);

impl Desk {
    /// Waits until nobody works with the claim. It may have any state then.
    pub(super) fn wait_for(&self, claim: &Claim) -> Result<Holder, CommandError> {
        let slug = &claim.slug;
        let _waiting = self.printer.progress(format!("waiting for {slug}"));
        let since = Instant::now();
        let (mut seen, mut told) = (String::new(), String::new());
        loop {
            let by = match self.store.hold(&claim.id)? {
                Ok(holder) => {
                    self.waited.set(self.waited.get() + since.elapsed());
                    return Ok(holder);
                }
                Err(by) => by,
            };
            // At the first look it may be the name of whoever had it before; and what is over by
            // the second is no wait that anybody sees.
            if by == seen && by != told {
                self.printer.phase(&format!("waiting for {slug}, used by {by}"));
                told.clone_from(&by);
            }
            seen = by;
            thread::sleep(PAUSE);
        }
    }
}
