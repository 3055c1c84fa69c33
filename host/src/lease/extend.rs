//! Gives a box more time.

use super::deadline;
use super::desk::{self, Desk};
use super::look::Onlooker;
use crate::claims::{Claim, Event, State};
use crate::output::{CommandError, Exit};
use crabbox_provider_api::payload::{ExtendRequest, Settings};
use jiff::Timestamp;
use std::time::Duration;

/// How long a provider may take to push a deadline.
const EXTEND_DEADLINE: Duration = Duration::from_mins(2);

impl Desk {
    /// Lets a box stay for `time` from now, used or not. Where its provider ends boxes by itself, that
    /// is asked first: it may give more or less. A box that another command uses is extended all the
    /// same. Never makes it end earlier.
    pub fn extend(
        &mut self,
        reference: &str,
        time: Duration,
        settings: &Settings,
    ) -> Result<Claim, CommandError> {
        let mut claim = self.find(reference)?;
        let deadline = self.push(&claim, time, settings)?;
        let idle_until = Some(deadline).filter(|_| claim.state() == State::Ready);
        self.store.transition(&mut claim, &Event::Extended { deadline, idle_until })?;
        Ok(claim)
    }

    /// Has the provider push its own deadline, if it has one. Nothing is recorded: should this be
    /// killed, the box ends by what the claim says, later than it has to at worst.
    fn push(
        &mut self,
        claim: &Claim,
        time: Duration,
        settings: &Settings,
    ) -> Result<Timestamp, CommandError> {
        let Some(owned) = claim.to_extend() else {
            return Err(not_up(claim));
        };
        let library = self.registry.find(&claim.provider)?;
        let Some(own) = &library.manifest.deadline else {
            return deadline::after(time).ok_or_else(|| too_long(time));
        };
        let wanted = deadline::after(own.to_extend(time)).ok_or_else(|| too_long(time))?;
        let request = ExtendRequest {
            lease: claim.id.to_string(),
            resource: owned.resource(),
            scope: owned.scope.clone(),
            attributes: owned.attributes.clone(),
            deadline: deadline::to_wire(wanted).ok_or_else(|| too_long(time))?,
            settings: settings.clone(),
        };
        let mut provider = desk::open(&library, &self.in_process, self.printer)?;
        let _section = self.working.begin();
        let longest = self.working.patience(EXTEND_DEADLINE);
        let mut onlooker = Onlooker::new(self.printer, self.working.stop());
        let extended = provider.extend(&request, longest, &mut onlooker)?;
        deadline::of_wire(extended.deadline).ok_or_else(|| {
            let message = format!("the provider `{}` names a time that is none", claim.provider);
            CommandError::failed(message).code("provider")
        })
    }
}

fn too_long(time: Duration) -> CommandError {
    let hours = time.as_secs() / 3600;
    CommandError::usage(format!("in {hours} hours from now there is no time any more"))
}

fn not_up(claim: &Claim) -> CommandError {
    let slug = &claim.slug;
    let (kind, why) = match claim.state() {
        State::Released | State::Lost => (Exit::NotFound, "it has no box any more"),
        State::Parked => (Exit::Conflict, "its box is parked, and stays so without a deadline"),
        State::Leasing => (Exit::TryAgain, "its box isn't made yet"),
        _ => (Exit::Conflict, "its box is to be let go of"),
    };
    CommandError::new(kind, format!("`{slug}` can't be extended: {why}"))
}
