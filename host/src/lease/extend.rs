//! Gives a box more time.

use super::audit::Action;
use super::desk::Desk;
use super::look::Onlooker;
use super::take::Held;
use crate::claims::{Claim, ClaimError, Event, Moment, Owned, State};
use crate::output::{CommandError, Exit, to_type};
use crabbox_provider_api::manifest::Deadline;
use crabbox_provider_api::payload::{ExtendRequest, Settings};
use jiff::Timestamp;
use std::time::Duration;

/// How often a lease may change while it is recorded that it was extended.
const ATTEMPTS: usize = 10;

/// What a provider may round a time up to that says nothing of it.
const ROUNDING: Duration = Duration::from_mins(1);

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
        let claim = self.find(reference)?;
        let kept = left(&claim);
        let deadline = self.push(&claim, time, settings)?;
        let ours = self.bounded(&claim, &deadline, kept);
        self.keep_until(claim, &deadline, Some(&ours))
    }

    /// The same for a box in use, which says nothing of how long it stays without use.
    pub(super) fn prolong(
        &mut self,
        claim: Claim,
        time: Duration,
        settings: &Settings,
    ) -> Result<Claim, CommandError> {
        let kept = left(&claim);
        let deadline = self.push(&claim, time, settings)?;
        self.bounded(&claim, &deadline, kept);
        self.keep_until(claim, &deadline, None)
    }

    /// Has a provider that ends boxes by itself end a held one in `time` from now, for whoever is alone with it:
    /// nobody else would. If it can't be told, the box is given back.
    pub fn limit(
        &mut self,
        held: &mut Held,
        time: Duration,
        settings: &Settings,
    ) -> Result<(), CommandError> {
        if self.own_deadline(&held.claim.provider)?.is_none() {
            return Ok(());
        }
        let told = self.prolong(held.claim.clone(), time, settings);
        // It is this command's still, whatever signal comes next.
        self.working.hold();
        let error = match told {
            Ok(claim) => {
                held.claim = claim;
                return Ok(());
            }
            Err(error) => error,
        };
        let slug = held.claim.slug.clone();
        let message =
            format!("`{slug}` isn't used: its provider isn't told until when it may stay");
        let error = CommandError::new(error.kind(), message)
            .code("provider")
            .because(error.to_string())
            .note("with `CI=true` nobody else would end it");
        Err(match self.give_back(&mut held.claim, settings) {
            Ok(end) => error.note(format!("it is {}", end.as_str())),
            Err(second) => {
                error.note(format!("it isn't released: {second}")).hint(to_type(&["stop", &slug]))
            }
        })
    }

    /// Records it, whatever has become of the lease while the provider was asked, if that has its box still.
    fn keep_until(
        &mut self,
        claim: Claim,
        deadline: &Moment,
        idle_until: Option<&Moment>,
    ) -> Result<Claim, CommandError> {
        let (mut now, idle_until) = (claim, idle_until.cloned());
        let event = Event::Extended { deadline: deadline.clone(), idle_until };
        for _ in 0..ATTEMPTS {
            match self.store.transition(&mut now, &event) {
                Err(ClaimError::Raced(_)) => now = self.find(now.id.as_str())?,
                Ok(()) => return Ok(now),
                // Nobody else was told of it.
                Err(error) if !self.own_deadline(&now.provider).is_ok_and(|own| own.is_some()) => {
                    return Err(error.into());
                }
                Err(error) => {
                    let until = deadline.wall.strftime("%Y-%m-%d %H:%M:%SZ");
                    let note = format!("at its provider, the box stays until {until} all the same");
                    return Err(CommandError::from(error).note(note));
                }
            }
        }
        let message = format!("`{}` changes all the time: its deadline isn't recorded", now.slug);
        Err(CommandError::new(Exit::TryAgain, message))
    }

    /// Has the provider push its own deadline, if it has one, and never to an earlier time. Nothing is
    /// recorded before: should this be killed, the box ends by what the claim says.
    fn push(
        &mut self,
        claim: &Claim,
        time: Duration,
        settings: &Settings,
    ) -> Result<Moment, CommandError> {
        let Some(owned) = claim.to_extend() else {
            return Err(not_up(claim));
        };
        let Some(own) = self.own_deadline(&claim.provider)? else {
            return Ok(Moment::after(time));
        };
        self.set_deadline(claim, owned, &own, (time, left(claim)), settings)
    }

    /// Has a provider end a box in so long, which may be earlier than before, but not before what it is to
    /// keep.
    pub(super) fn set_deadline(
        &mut self,
        claim: &Claim,
        owned: &Owned,
        own: &Deadline,
        (time, kept): (Duration, Duration),
        settings: &Settings,
    ) -> Result<Moment, CommandError> {
        let time = self.time_to_extend(&claim.provider, own, time.max(kept), kept)?;
        let wanted = Moment::after(time);
        let request = ExtendRequest {
            lease: claim.id.to_string(),
            resource: owned.resource(),
            scope: owned.scope.clone(),
            attributes: owned.attributes.clone(),
            deadline: to_wire(&wanted),
            settings: settings.clone(),
        };
        let mut provider = self.provider(&claim.provider)?;
        let _section = self.working.begin();
        let longest = self.working.patience(EXTEND_DEADLINE);
        let mut onlooker = Onlooker::new(self.printer, self.working.stop());
        let begun = self.audit.begin(Action::Extend, claim)?;
        let extended = provider.extend(&request, longest, &mut onlooker);
        self.audit.end(&begun, claim, &extended);
        let extended = extended?;
        let given = of_wire(extended.deadline).ok_or_else(|| {
            let message = format!("the provider `{}` names a time that is none", claim.provider);
            CommandError::failed(message).code("provider")
        })?;
        Ok(self.within_manifest(claim, own, wanted, given))
    }

    /// What a provider answers decides when its box is let go of: no later than its manifest allows or, where
    /// that says nothing, than was asked for.
    fn within_manifest(
        &self,
        claim: &Claim,
        own: &Deadline,
        wanted: Moment,
        given: Moment,
    ) -> Moment {
        let Some(longest) = own.max.map(|max| Moment::after(max.0)) else {
            return given.earlier(wanted);
        };
        let rounding = own.step.map_or(ROUNDING, |step| step.0);
        let beyond = Duration::try_from(longest.until(&given)).unwrap_or_default();
        if beyond <= rounding {
            return given;
        }
        let until = |end: &Moment| end.wall.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        self.printer.warning(&format!(
            "the provider `{}` lets `{}` stay until {}, for longer than its manifest says: {} is what counts",
            claim.provider,
            claim.slug,
            until(&given),
            until(&longest)
        ));
        longest
    }
}

/// How much of its time a box has still.
fn left(claim: &Claim) -> Duration {
    claim.deadline.as_ref().and_then(Moment::left).unwrap_or_default()
}

/// As a provider is told: milliseconds since 1970.
pub(super) fn to_wire(end: &Moment) -> u64 {
    end.wall.as_millisecond().try_into().unwrap_or_default()
}

/// The reverse. `None`: that is no time, or one that is over.
fn of_wire(end: u64) -> Option<Moment> {
    let end = Timestamp::from_millisecond(end.try_into().ok()?).ok()?;
    Some(Moment::at(end)).filter(|end| !end.is_over())
}

fn not_up(claim: &Claim) -> CommandError {
    let slug = &claim.slug;
    let (kind, why) = match claim.state() {
        State::Released | State::Lost => (Exit::NotFound, "it has no box any more"),
        State::Parked => (Exit::Conflict, "its box is parked, and stays so without a deadline"),
        State::Leasing => (Exit::TryAgain, "its box isn't made yet"),
        State::Ready => (Exit::Conflict, "nobody vouches for its box now"),
        _ => (Exit::Conflict, "its box is to be let go of"),
    };
    CommandError::new(kind, format!("`{slug}` can't be extended: {why}"))
}
