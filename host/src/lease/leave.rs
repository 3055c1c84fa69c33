//! Leaves a box after a run: ready, for a while or for longer, or released.

use super::desk::Desk;
use super::release::End;
use super::take::{Held, How};
use crate::claims::{Claim, Event, Moment};
use crate::output::{CommandError, Exit};
use crabbox_provider_api::payload::Settings;
use std::time::Duration;

/// How a box is left after a run.
#[derive(Clone, Copy, Debug)]
pub struct Leaving {
    /// Ready, now and after later runs.
    pub keep: bool,
    /// Ready, this time.
    pub ready: bool,
    /// If it stays ready: for how long without use, where nobody has asked for another time.
    pub idle: Duration,
    /// The same, if it was asked for just now: it is the lease's own from then on.
    pub asked_idle: Option<Duration>,
    /// The most that the machine's own file allows.
    pub longest_idle: Option<Duration>,
    /// Instead of being released after a run whose end was seen.
    pub linger: Option<Linger>,
    /// The end of the run was seen.
    pub run_is_over: bool,
}

/// How a box stays ready that would be released.
#[derive(Clone, Copy, Debug)]
pub struct Linger {
    /// For how long.
    pub time: Duration,
    /// Somebody will let go of it, should its provider not do so by itself.
    pub looked_after: bool,
}

impl Desk {
    /// Lets go of a box after a run: a kept one, and one that stood ready before, stays ready for
    /// `idle`; any other lingers, stays for as long as somebody extended it, or is released by the action that was
    /// settled when it was leased. One that was somebody's before stays as it is.
    pub fn let_go(
        &mut self,
        held: &mut Held,
        leaving: &Leaving,
        settings: &Settings,
    ) -> Result<End, CommandError> {
        let claim = &mut held.claim;
        let Leaving { keep, ready, idle, asked_idle, longest_idle, run_is_over, .. } = *leaving;
        // It may have been extended beside the run.
        self.store.take_over_time(claim)?;
        let stays = keep || ready || claim.keep || held.how == How::FoundReady;
        let Some(action) = claim.ending.action().filter(|_| !stays) else {
            let asked = asked_idle.or(claim.idle);
            let asked = asked.map(|asked| longest_idle.map_or(asked, |most| most.min(asked)));
            let idle_until = Some(Moment::after(asked.unwrap_or(idle)));
            let event =
                Event::Free { keep, idle_until, run_is_over, deadline: None, idle: asked_idle };
            self.store.transition(claim, &event)?;
            return Ok(End::Ready);
        };
        if let Some(event) = self.linger(claim, leaving, settings).or_else(|| stay(claim, leaving))
        {
            self.store.transition(claim, &event)?;
            return Ok(End::Lingers);
        }
        // This very command has had it proven.
        let event = Event::Release { found: None, action, failed: false, run_is_over };
        let is_due = |now: &Claim| asked_for(now).is_none();
        if !self.store.transition_if(claim, &event, is_due)? {
            // It was extended just now.
            return self.let_go(held, leaving, settings);
        }
        self.finish_held(claim, settings)
    }

    /// Lets go of a box that must not stay, however it was come by, before anything has run on it.
    pub(super) fn give_back(
        &mut self,
        claim: &mut Claim,
        settings: &Settings,
    ) -> Result<End, CommandError> {
        let Some(action) = claim.ending.action() else {
            let message = format!("`{}` is to be left as it is", claim.slug);
            return Err(CommandError::new(Exit::Conflict, message));
        };
        let event = Event::Release { found: None, action, failed: false, run_is_over: true };
        self.store.transition(claim, &event)?;
        self.finish_held(claim, settings)
    }

    fn finish_held(&mut self, claim: &mut Claim, settings: &Settings) -> Result<End, CommandError> {
        let mut provider = match self.provider(&claim.provider) {
            Ok(provider) => provider,
            Err(error) => return Err(self.in_doubt(claim, error)),
        };
        let _section = self.working.begin();
        self.finish(&mut provider, claim, settings)
    }

    /// How a box that would be released stays ready for the next run. `None`: it doesn't, or was asked to
    /// stay for longer.
    fn linger(&mut self, claim: &Claim, leaving: &Leaving, settings: &Settings) -> Option<Event> {
        let Linger { time, looked_after } = leaving.linger.filter(|_| leaving.run_is_over)?;
        if asked_for(claim).is_some_and(|left| left >= time) {
            return None;
        }
        let (idle_until, deadline) = match self.own_deadline(&claim.provider).ok()? {
            None => (Some(Moment::after(time)).filter(|_| looked_after)?, None),
            Some(own) => {
                let owned = claim.to_extend()?;
                let asked = asked_for(claim).unwrap_or_default();
                match self.set_deadline(claim, owned, &own, (time, asked), settings) {
                    Ok(end) => (self.bounded(claim, &end, asked), Some(end)),
                    Err(error) => {
                        let slug = &claim.slug;
                        self.printer.warning(&format!("{slug} can't stay ready: {error}"));
                        return None;
                    }
                }
            }
        };
        let idle_until = Some(idle_until);
        let idle = leaving.asked_idle;
        Some(Event::Free { keep: false, idle_until, run_is_over: true, deadline, idle })
    }
}

/// For how long somebody wants the box to stay, used or not.
fn asked_for(claim: &Claim) -> Option<Duration> {
    claim.stays_until.as_ref().and_then(Moment::left)
}

/// How a box stays ready that somebody has extended: until then, and its provider knows. `None`: nobody
/// has, or for less time than that.
fn stay(claim: &Claim, leaving: &Leaving) -> Option<Event> {
    asked_for(claim)?;
    let Leaving { run_is_over, asked_idle: idle, .. } = *leaving;
    Some(Event::Free { keep: false, idle_until: None, run_is_over, deadline: None, idle })
}
