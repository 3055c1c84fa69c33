//! Takes the box of a claim whose lock is held, after asking its provider wherever nobody vouches for it.

use super::acquire::fresh;
use super::answer::{may_appear, reachable, still_to_come, why_not};
use super::desk::Desk;
use super::wanted::Wanted;
use crate::claims::{Claim, Ending, Event, Holder, LastRun, Moment, Owned, Stage, State, Way};
use crate::output::{CommandError, Exit, to_type};
use crabbox_provider_api::payload::{Endpoint, Intent, Proof, Resolution};

/// How a box was come by: decides who lets go of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It stood ready, and is left so.
    FoundReady,
    /// This command leased it, and releases it.
    Acquired,
    /// This command had its provider start it, as far as it wasn't on, and releases it.
    Started,
}

/// A box that this command holds.
#[derive(Debug)]
pub struct Held {
    /// Its claim, busy.
    pub claim: Claim,
    /// The way to it.
    pub endpoint: Endpoint,
    /// How it was come by.
    pub how: How,
    /// Nobody else uses the lease while this lives.
    pub(super) holder: Holder,
}

/// Why the way to a box that is held may not be the one in its claim.
#[derive(Debug)]
pub struct Doubt {
    /// What became of a session by that way.
    pub why: String,
    /// The box says that it isn't the one that was leased: it is first asked whether it holds the lease at all.
    pub is_refusal: bool,
    /// The session was by this way, and by the same it would come to the same.
    pub unless: Option<Endpoint>,
}

impl Doubt {
    /// Must it be told, besides what is told of this? Of a box that is gone, one line is enough.
    fn is_news(&self, taken: &Result<Taken, CommandError>) -> bool {
        match taken {
            Ok(Taken::Gone) => false,
            Ok(Taken::Held(held)) => self.unless.as_ref() != Some(&held.endpoint),
            _ => true,
        }
    }
}

/// What came of a claim whose lock was had.
pub(super) enum Taken {
    /// Its box is held.
    Held(Box<Held>),
    /// It has no box any more.
    Gone,
    /// It may have one, and it isn't used, for this reason.
    LeftAlone(String),
    /// The same, since its provider doesn't vouch for it: nothing can be done to it at all.
    Unproven(String),
}

impl Taken {
    /// The same of a box that stood ready: it is left so.
    fn found_ready(self) -> Self {
        match self {
            Self::Held(held) => Self::Held(Box::new(Held { how: How::FoundReady, ..*held })),
            other => other,
        }
    }
}

impl Desk {
    /// Takes the box of a claim, if it can be had.
    pub(super) fn take(
        &mut self,
        listed: &Claim,
        holder: Holder,
        wanted: &Wanted,
    ) -> Result<Taken, CommandError> {
        // It may have changed between being listed and being locked.
        let Some(claim) = self.store.get(&listed.id)? else {
            return Ok(Taken::Gone);
        };
        self.working.set(Some(&claim.slug));
        let taken = self.take_as_it_is(claim, holder, wanted)?;
        if !matches!(taken, Taken::Held(_)) {
            self.working.set(None);
        }
        Ok(taken)
    }

    fn take_as_it_is(
        &mut self,
        claim: Claim,
        holder: Holder,
        wanted: &Wanted,
    ) -> Result<Taken, CommandError> {
        match (claim.state(), claim.way()) {
            _ if claim.has_failed() => {
                Ok(Taken::LeftAlone("leasing it failed, and it is never used again".to_owned()))
            }
            // One whose time is over may have been stopped meanwhile, on its provider's side.
            (State::Ready, Some(way)) if !claim.ends().is_some_and(|end| end.may_be_over()) => {
                let endpoint = way.endpoint.clone();
                self.take_ready(claim, endpoint, holder, wanted)
            }
            (State::Releasing, _) if claim.ending == Ending::Delete => {
                Ok(Taken::LeftAlone("it is to be deleted".to_owned()))
            }
            // One that was adopted, and that nobody has doubted, is ready by the word of whoever adopted it.
            (State::Ready, None)
                if claim.trouble.is_none()
                    && !claim.ends().is_some_and(|end| end.may_be_over()) =>
            {
                Ok(self.reconnect(claim, holder, wanted)?.found_ready())
            }
            (State::Ready | State::Parked | State::Busy | State::Releasing, _) => {
                self.reconnect(claim, holder, wanted)
            }
            (State::Leasing, _) => self.lease_again(claim, holder, wanted),
            (State::Released | State::Lost | State::Failed, _) => Ok(Taken::Gone),
        }
    }

    /// Takes a box that its provider has vouched for. With another login that is worth nothing, and it is asked first.
    fn take_ready(
        &mut self,
        mut claim: Claim,
        endpoint: Endpoint,
        holder: Holder,
        wanted: &Wanted,
    ) -> Result<Taken, CommandError> {
        if wanted.has_another_login(&claim) {
            let Claim { slug, provider, .. } = &claim;
            self.printer.phase(&format!(
                "{provider} may have another login, or another version, since it vouched for `{slug}`: it is asked again"
            ));
            return Ok(self.reconnect(claim, holder, wanted)?.found_ready());
        }
        self.working.hold();
        let event = self.taking(&claim, None, wanted);
        self.store.transition(&mut claim, &event)?;
        Ok(Taken::Held(Box::new(Held { claim, endpoint, how: How::FoundReady, holder })))
    }

    /// Goes on where a command was killed that had begun to lease. What is known by its id is asked for
    /// first: where that is gone, another's may have its name, and `lease` could take it for its own.
    fn lease_again(
        &mut self,
        mut claim: Claim,
        holder: Holder,
        wanted: &Wanted,
    ) -> Result<Taken, CommandError> {
        let mut provider = self.provider(&claim.provider)?;
        let _section = self.working.begin();
        if claim.made().is_some_and(|made| made.id.is_some()) {
            self.asked.push(claim.id.clone());
            match self.resolve(&mut provider, &mut claim, Intent::Status, &wanted.settings) {
                Ok(Resolution::Found(found)) if claim.is_about(&found.resource, &found.scope) => {}
                Ok(Resolution::Missing { proof: Proof::Deleted }) => {
                    return match still_to_come(&claim, &provider) {
                        Some(until) => self.leave_alone(&mut claim, may_appear(&until)),
                        None => self.gone(&mut claim),
                    };
                }
                Ok(other) => {
                    return self.unproven(&mut claim, &other);
                }
                Err(error) => return Err(self.not_asked(&mut claim, error)),
            }
        }
        let held = self.make(claim, holder, provider, wanted)?;
        Ok(Taken::Held(Box::new(held)))
    }

    /// Asks for the way to a held box once more, where there is a doubt that the one in the claim leads to it;
    /// finds or makes another box where that one is gone.
    pub fn take_again(
        &mut self,
        held: Held,
        doubt: Option<&Doubt>,
        wanted: &Wanted,
    ) -> Result<Held, CommandError> {
        let Held { claim, how, holder, .. } = held;
        let before = claim.clone();
        if doubt.is_some_and(|doubt| doubt.is_refusal) {
            self.refused.push(claim.id.clone());
        }
        let asking = self.printer.progress(format!("asking {} for {}", claim.provider, claim.slug));
        let taken = self.reconnect(claim, holder, wanted);
        drop(asking);
        if let Some(doubt) = doubt.filter(|doubt| doubt.is_news(&taken)) {
            let why = &doubt.why;
            self.printer.warning(&format!("{} isn't as it was left: {why}", before.slug));
        }
        match taken? {
            Taken::Held(again) => Ok(Held { how, ..*again }),
            taken if wanted.id.is_some() => explicitly(taken, &before),
            taken @ (Taken::LeftAlone(_) | Taken::Unproven(_)) if wanted.slug.is_some() => {
                explicitly(taken, &before)
            }
            taken => {
                if let Taken::LeftAlone(why) | Taken::Unproven(why) = taken {
                    self.say_left_alone(&before, &why);
                }
                self.acquire(wanted)
            }
        }
    }

    /// Asks the provider for the way to a box that nobody vouches for now.
    fn reconnect(
        &mut self,
        mut claim: Claim,
        holder: Holder,
        wanted: &Wanted,
    ) -> Result<Taken, CommandError> {
        self.asked.push(claim.id.clone());
        let mut provider = match self.provider(&claim.provider) {
            Ok(provider) => provider,
            Err(error) => {
                // One that can't be started can't make another box, either.
                self.note_trouble(&mut claim, &error.to_string())?;
                return Err(error);
            }
        };
        let _section = self.working.begin();
        let parked = match claim.stage() {
            Stage::Parked { since, .. } => Some(since.clone()),
            _ => None,
        };
        if parked.is_some() {
            // Should the rest fail, or its answer be lost, it may be on.
            let deadline = Some(Moment::after(self.own_ttl(&claim, wanted.asked_ttl, wanted.ttl)));
            self.store.transition(&mut claim, &Event::Start { deadline })?;
        }
        match self.resolve(&mut provider, &mut claim, Intent::Connect, &wanted.settings) {
            Ok(Resolution::Found(found)) if claim.is_about(&found.resource, &found.scope) => {
                let (owned, way) = match reachable(&found, wanted.login_of(&claim)) {
                    Ok(reached) => reached,
                    Err(why) => return self.leave_alone(&mut claim, why),
                };
                let endpoint = way.endpoint.clone();
                self.working.hold();
                let event = self.taking(&claim, Some((owned, way)), wanted);
                self.store.transition(&mut claim, &event)?;
                Ok(Taken::Held(Box::new(Held { claim, endpoint, how: How::Started, holder })))
            }
            Ok(Resolution::Missing { proof: Proof::Deleted }) => self.gone(&mut claim),
            Ok(other) => {
                if let Some(since) = parked {
                    self.store.transition(&mut claim, &Event::NotStarted { since })?;
                }
                self.unproven(&mut claim, &other)
            }
            Err(error) => {
                let error = self.not_asked(&mut claim, error);
                let may_be_on = parked.is_some() && !self.working.is_interrupted();
                Err(if may_be_on { error.hint(to_type(&["stop", &claim.slug])) } else { error })
            }
        }
    }

    /// Has its provider vouched for the box of a held claim in this very command?
    #[must_use]
    pub fn has_asked(&self, claim: &Claim) -> bool {
        self.asked.contains(&claim.id)
    }

    fn gone(&mut self, claim: &mut Claim) -> Result<Taken, CommandError> {
        self.part(claim, &Event::Gone)?;
        let slug = &claim.slug;
        self.printer.phase(&format!("the box of `{slug}` was deleted: its claim is closed"));
        Ok(Taken::Gone)
    }

    /// Another box isn't leased for this: the provider may only be out of reach for now.
    fn not_asked(&mut self, claim: &mut Claim, error: CommandError) -> CommandError {
        let error = self.in_doubt(claim, error);
        if self.working.is_interrupted() {
            return error.hint(to_type(&["stop", &claim.slug]));
        }
        error.hint(fresh(claim))
    }

    fn leave_alone(&mut self, claim: &mut Claim, why: String) -> Result<Taken, CommandError> {
        self.note_trouble(claim, &why)?;
        Ok(Taken::LeftAlone(why))
    }

    fn unproven(&mut self, claim: &mut Claim, found: &Resolution) -> Result<Taken, CommandError> {
        let why = why_not(claim, found);
        self.note_trouble(claim, &why)?;
        Ok(Taken::Unproven(why))
    }

    pub(super) fn say_left_alone(&self, claim: &Claim, why: &str) {
        self.printer.phase(&format!("`{}` is left alone: {why}", claim.slug));
    }

    /// The same of what failed: that is what the user sees, whatever comes after it.
    pub(super) fn in_doubt(&mut self, claim: &mut Claim, error: CommandError) -> CommandError {
        match self.note_trouble(claim, &error.to_string()) {
            Ok(()) => error,
            Err(second) => error.note(format!("the claim doesn't say so: {second}")),
        }
    }

    /// Nobody uses the box, and nobody vouches for it: the claim says so, and why.
    pub(super) fn note_trouble(
        &mut self,
        claim: &mut Claim,
        why: &str,
    ) -> Result<(), CommandError> {
        if claim.way().is_some() || claim.trouble.as_deref() != Some(why) {
            self.store.transition(claim, &Event::Unproven { why: why.to_owned() })?;
        }
        Ok(())
    }

    /// A box that stays ready wasn't reached by the way that its provider vouches for: the claim says why.
    pub fn note_unreached(&mut self, claim: &mut Claim, why: &str) -> Result<(), CommandError> {
        if claim.state() == State::Ready && claim.way().is_some() {
            self.store.transition(claim, &Event::Unreached { why: why.to_owned() })?;
        }
        Ok(())
    }

    /// This command takes the box.
    fn taking(&self, claim: &Claim, found: Option<(Owned, Way)>, wanted: &Wanted) -> Event {
        let run = wanted.run.clone().map(LastRun::new);
        let deadline = Some(Moment::after(self.own_ttl(claim, wanted.asked_ttl, wanted.ttl)));
        Event::Take { found, run, deadline, ttl: wanted.asked_ttl }
    }
}

/// A lease that was asked for by its name is this one or none.
pub(super) fn explicitly(taken: Taken, claim: &Claim) -> Result<Held, CommandError> {
    let slug = &claim.slug;
    let not_used = |why, next| {
        CommandError::new(Exit::Conflict, format!("`{slug}` can't be used: {why}"))
            .hint(fresh(claim))
            .hint(to_type(&[next, slug]))
    };
    let error = match taken {
        Taken::Held(held) => return Ok(*held),
        Taken::Gone => {
            CommandError::new(Exit::NotFound, format!("the lease `{slug}` has no box any more"))
                .hint(fresh(claim))
        }
        Taken::LeftAlone(why) => not_used(why, "stop"),
        Taken::Unproven(why) => not_used(why, "inspect"),
    };
    Err(error)
}
