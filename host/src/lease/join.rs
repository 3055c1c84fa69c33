//! Waits for another command that lets go of the same lease: what it does is what was asked for here, too.

use super::desk::Desk;
use super::release::in_use;
use crate::claims::{Claim, Holder, State};
use crate::output::{CommandError, Exit, human, to_type};
use std::thread;
use std::time::{Duration, Instant};

/// How long the other one is waited for: a provider may take as long to park or delete a box.
const LONGEST: Duration = Duration::from_mins(10);

/// How often a waiter looks again.
const PAUSE: Duration = Duration::from_millis(50);

impl Desk {
    /// The lock of a lease, to let go of its box. Whoever does that already is waited for; fails with 5 if
    /// anything else is done with it.
    pub fn hold_to_stop(&self, claim: &Claim) -> Result<Holder, CommandError> {
        let mut holder = match self.store.hold(&claim.id)? {
            Ok(holder) => holder,
            Err(_) => self.join(claim)?,
        };
        holder.lets_go();
        Ok(holder)
    }

    fn join(&self, claim: &Claim) -> Result<Holder, CommandError> {
        let slug = &claim.slug;
        let _waiting = self.printer.progress(format!("waiting for {slug}"));
        let end = Instant::now() + LONGEST;
        let (mut told, mut used) = (String::new(), false);
        loop {
            thread::sleep(PAUSE);
            let by = match self.store.hold(&claim.id)? {
                Ok(holder) => return Ok(holder),
                Err(by) => by,
            };
            if !self.is_let_go(claim)? {
                // It may have had the lock for so short a time that it hasn't said what for.
                if std::mem::replace(&mut used, true) {
                    return Err(in_use(slug, &by));
                }
                continue;
            }
            if Instant::now() >= end {
                let waited = human::duration(LONGEST);
                let message =
                    format!("waited {waited} for `{slug}`: {by} still lets go of its box");
                return Err(CommandError::new(Exit::TryAgain, message)
                    .code("timeout")
                    .hint(to_type(&["status", slug])));
            }
            if by != told {
                self.printer.phase(&format!("waiting for {slug}: {by} lets go of its box"));
                told = by;
            }
        }
    }

    /// Does whoever has the lock let go of the box? A run does at its end, too.
    fn is_let_go(&self, claim: &Claim) -> Result<bool, CommandError> {
        let now = self.store.get(&claim.id)?;
        let is_releasing = now.is_some_and(|claim| claim.state() == State::Releasing);
        Ok(is_releasing || self.store.is_let_go(&claim.id)?)
    }
}
