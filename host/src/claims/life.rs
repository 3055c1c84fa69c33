//! The life of a lease: every event, what it needs, where it leads, and what a provider may be asked to
//! do meanwhile. Nothing else changes a claim.

use super::claim::{Claim, Ending, LastRun, Machine, Made, Owned, Way};
use super::moment::Moment;
use super::stage::{Stage, State};
use crabbox_provider_api::payload::{ReleaseAction, Resource, Scope};
use std::time::Duration;

/// What happens to a lease.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The provider named the resource that it makes: more is known, nothing changes.
    Checkpoint(Made),
    /// The provider has made the resource, and this command goes on to use it.
    Leased {
        /// What it made.
        owned: Owned,
        /// The way to it.
        way: Way,
        /// What for, if it is for a run.
        run: Option<LastRun>,
        /// Until when it may stay.
        deadline: Option<Moment>,
        /// How long it may stay at a time, now and later, if that was asked for just now.
        ttl: Option<Duration>,
    },
    /// Leasing failed; what is left of it, if anything, is never used.
    LeaseFailed {
        /// What may be left.
        left: Option<Made>,
        /// Why it failed.
        why: String,
    },
    /// No resource was ever named, so that none can exist.
    Nothing,
    /// The provider is asked to start a parked box: it may be on from now on, whatever comes of that.
    Start {
        /// Until when it may stay.
        deadline: Option<Moment>,
    },
    /// Its provider, asked to start it, answers that it has started nothing: it can't see it, or it is
    /// another's.
    NotStarted {
        /// Since when it is parked.
        since: Moment,
    },
    /// A command takes the box.
    Take {
        /// What the provider has just vouched for. `None`: the claim knows the way.
        found: Option<(Owned, Way)>,
        /// What for, if it is for a run.
        run: Option<LastRun>,
        /// Until when the box may stay, where the claim doesn't say, or where it was started just now.
        deadline: Option<Moment>,
        /// How long it may stay at a time, now and later, if that was asked for just now.
        ttl: Option<Duration>,
    },
    /// It learned something about the box it holds.
    Note {
        /// What the box is.
        machine: Machine,
        /// Hash of the marker on it.
        marker: String,
    },
    /// It lets go of the box and leaves it ready.
    Free {
        /// Also after later runs.
        keep: bool,
        /// For how long without use.
        idle_until: Option<Moment>,
        /// The end of the run was seen.
        run_is_over: bool,
        /// When its provider ends it by itself, if it was told another time just now.
        deadline: Option<Moment>,
        /// How long it may stay without use, now and after later runs, if that was asked for just now.
        idle: Option<Duration>,
    },
    /// Nobody vouches for the box: the provider can't be asked, can't see it, or says that it isn't
    /// ours. Nobody uses it, and nothing was proven.
    Unproven {
        /// Which of these.
        why: String,
    },
    /// Its provider vouches for a box that stays ready, and no connection leads there.
    Unreached {
        /// Why not.
        why: String,
    },
    /// The box is to stay for longer.
    Extended {
        /// Until then, unless a run is alive.
        deadline: Moment,
        /// Also without use, until then: no longer, where that is before the deadline.
        idle_until: Option<Moment>,
    },
    /// The resource is to be parked or deleted.
    Release {
        /// Which it is, as the provider has just proven. `None`: as the claim says.
        found: Option<Owned>,
        /// What becomes of it.
        action: ReleaseAction,
        /// Leasing it failed.
        failed: bool,
        /// The end of the last run was seen, or it never began.
        run_is_over: bool,
    },
    /// It is parked.
    Parked,
    /// It is deleted.
    Deleted,
    /// The lease is over, and the resource stays as it is.
    LetGo,
    /// The provider proved that it is gone.
    Gone,
}

impl Event {
    /// The names of all of them.
    pub const NAMES: [&str; 17] = [
        "checkpoint",
        "leased",
        "lease_failed",
        "nothing",
        "start",
        "not_started",
        "take",
        "note",
        "free",
        "unproven",
        "unreached",
        "extended",
        "release",
        "parked",
        "deleted",
        "let_go",
        "gone",
    ];

    /// In one word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Checkpoint(_) => "checkpoint",
            Self::Leased { .. } => "leased",
            Self::LeaseFailed { .. } => "lease_failed",
            Self::Nothing => "nothing",
            Self::Start { .. } => "start",
            Self::NotStarted { .. } => "not_started",
            Self::Take { .. } => "take",
            Self::Note { .. } => "note",
            Self::Free { .. } => "free",
            Self::Unproven { .. } => "unproven",
            Self::Unreached { .. } => "unreached",
            Self::Extended { .. } => "extended",
            Self::Release { .. } => "release",
            Self::Parked => "parked",
            Self::Deleted => "deleted",
            Self::LetGo => "let_go",
            Self::Gone => "gone",
        }
    }
}

/// The event can't happen to the claim as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lease that is {state} can't go through `{event}`{}", if *.another { ": it is about another resource" } else { "" })]
pub struct Refused {
    /// Where it stands.
    pub state: State,
    /// What was to happen.
    pub event: &'static str,
    /// It is about another resource than the claim's.
    pub another: bool,
}

/// The table. `Err`: it isn't in it, or (`true`) is about another resource.
#[expect(
    clippy::match_same_arms,
    clippy::too_many_lines,
    reason = "a table: each row says what it is about"
)]
fn next(claim: &Claim, event: &Event, now: &Moment) -> Result<Stage, bool> {
    use {Event as E, Stage as S};
    let this = |is_it: bool, stage: Stage| if is_it { Ok(stage) } else { Err(true) };
    let owned = |old: &Owned, found: &Option<Owned>| match found {
        Some(found) if !old.is(found) => Err(true),
        Some(found) => Ok(found.clone()),
        None => Ok(old.clone()),
    };
    match (&claim.stage, event) {
        // Asked for.
        // One name a lease: what was made by another would be in no claim. An id that is known stays so:
        // by the name alone, what somebody else puts in its place would be taken for it.
        (S::Leasing { made: old }, E::Checkpoint(made)) => {
            let known = old.as_ref().and_then(|old| old.id.clone());
            let is_it = old.as_ref().is_none_or(|old| old.name == made.name && old.agrees(made));
            let id = made.id.clone().or(known);
            this(is_it, S::Leasing { made: Some(Made { id, ..made.clone() }) })
        }
        (S::Leasing { made: Some(_) }, E::Leased { owned, way, .. }) => this(
            claim.is_about(&owned.resource(), &owned.scope),
            S::Busy { owned: owned.clone(), way: way.clone() },
        ),
        (S::Leasing { .. } | S::Releasing { failed: true, .. }, E::LeaseFailed { left, .. }) => {
            Ok(S::Failed { made: left.clone() })
        }
        (S::Leasing { made: None } | S::Failed { made: None }, E::Nothing) => {
            Ok(S::Released { made: None })
        }

        // Used.
        (S::Parked { owned, .. }, E::Start { .. }) => {
            Ok(S::Ready { owned: owned.clone(), way: None, idle_until: None })
        }
        (S::Ready { owned, way: None, .. }, E::NotStarted { since }) => {
            Ok(S::Parked { owned: owned.clone(), since: since.clone() })
        }
        (S::Ready { owned, way: Some(way), .. }, E::Take { found: None, .. }) => {
            Ok(S::Busy { owned: owned.clone(), way: way.clone() })
        }
        (
            S::Ready { owned: old, .. } | S::Busy { owned: old, .. },
            E::Take { found: Some((owned, way)), .. },
        ) => this(old.is(owned), S::Busy { owned: owned.clone(), way: way.clone() }),
        // Left by a command that was killed; what was to be deleted stays so.
        (S::Releasing { owned: old, failed: false }, E::Take { found: Some((owned, way)), .. })
            if claim.ending != Ending::Delete =>
        {
            this(old.is(owned), S::Busy { owned: owned.clone(), way: way.clone() })
        }
        (S::Busy { owned, way }, E::Note { machine, marker }) => {
            let (machine, marker) = (Some(machine.clone()), Some(marker.clone()));
            Ok(S::Busy { owned: owned.clone(), way: Way { machine, marker, ..way.clone() } })
        }
        (S::Busy { owned, way }, E::Free { idle_until, .. }) => Ok(S::Ready {
            owned: owned.clone(),
            way: Some(way.clone()),
            idle_until: later(idle_until.as_ref(), claim.stays_until.as_ref()),
        }),
        (S::Ready { owned, way, idle_until: old }, E::Extended { deadline, idle_until }) => {
            let (owned, way) = (owned.clone(), way.clone());
            let longer = later(old.as_ref(), idle_until.as_ref());
            // What its provider gives beyond what may be isn't used.
            let most = idle_until.clone().filter(|ours| ours.until(deadline).is_positive());
            let idle_until = longer.into_iter().chain(most).reduce(Moment::earlier);
            Ok(S::Ready { owned, way, idle_until })
        }
        (S::Busy { .. }, E::Extended { .. }) => Ok(claim.stage.clone()),

        // In doubt.
        (S::Busy { owned, .. }, E::Unproven { .. }) => {
            Ok(S::Ready { owned: owned.clone(), way: None, idle_until: None })
        }
        (S::Ready { owned, idle_until, .. }, E::Unproven { .. }) => {
            Ok(S::Ready { owned: owned.clone(), way: None, idle_until: idle_until.clone() })
        }
        (
            S::Leasing { made: Some(_) }
            | S::Failed { made: Some(_) }
            | S::Parked { .. }
            | S::Releasing { .. },
            E::Unproven { .. },
        ) => Ok(claim.stage.clone()),

        (S::Ready { way: Some(_), .. }, E::Unreached { .. }) => Ok(claim.stage.clone()),

        // Let go of: nothing whose id isn't proven.
        (
            S::Leasing { made: Some(_) } | S::Failed { made: Some(_) },
            E::Release { found: Some(found), failed, .. },
        ) => {
            let failed = *failed || matches!(claim.stage, S::Failed { .. });
            let is_it = claim.is_about(&found.resource(), &found.scope);
            this(is_it, S::Releasing { owned: found.clone(), failed })
        }
        (
            S::Ready { owned: old, .. } | S::Busy { owned: old, .. } | S::Parked { owned: old, .. },
            E::Release { found, .. },
        ) => Ok(S::Releasing { owned: owned(old, found)?, failed: false }),
        // What was to be deleted isn't kept after all.
        (S::Releasing { .. }, E::Release { action: ReleaseAction::Park, .. })
            if claim.ending == Ending::Delete =>
        {
            Err(false)
        }
        (S::Releasing { owned: old, failed }, E::Release { found, .. }) => {
            Ok(S::Releasing { owned: owned(old, found)?, failed: *failed })
        }
        (S::Releasing { owned, failed: false }, E::Parked) => {
            Ok(S::Parked { owned: owned.clone(), since: now.clone() })
        }
        (S::Releasing { owned, failed: true }, E::Parked) => {
            Ok(S::Failed { made: Some(owned.clone().into()) })
        }
        (S::Releasing { .. }, E::Deleted) => Ok(S::Released { made: claim.made() }),
        (S::Ready { .. } | S::Busy { .. } | S::Parked { .. }, E::LetGo)
            if claim.ending == Ending::None =>
        {
            Ok(S::Released { made: claim.made() })
        }
        (
            S::Leasing { made: Some(_) }
            | S::Failed { made: Some(_) }
            | S::Ready { .. }
            | S::Busy { .. }
            | S::Parked { .. }
            | S::Releasing { .. },
            E::Gone,
        ) => Ok(S::Lost { made: claim.made() }),

        _ => Err(false),
    }
}

/// The later of two deadlines, of which one may not be there.
fn later(one: Option<&Moment>, other: Option<&Moment>) -> Option<Moment> {
    one.into_iter().chain(other).cloned().reduce(Moment::later)
}

impl Claim {
    /// The claim after `event`, one revision on.
    pub fn after(&self, event: &Event, now: impl Into<Moment>) -> Result<Self, Refused> {
        let now = now.into();
        let refused = |another| Refused { state: self.state(), event: event.name(), another };
        let stage = next(self, event, &now).map_err(refused)?;
        let mut claim =
            Self { stage, revision: self.revision + 1, updated: now.wall, ..self.clone() };
        if let Event::Leased { .. } | Event::Take { .. } | Event::Free { .. } = event {
            claim.used = now.wall;
        }
        match event {
            // Nothing can have run on what is there only now.
            Event::Leased { run, deadline, ttl, .. } => {
                claim.run.clone_from(run);
                claim.ttl = ttl.or(claim.ttl);
                claim.deadline.clone_from(deadline);
            }
            Event::Start { deadline } => claim.deadline.clone_from(deadline),
            Event::NotStarted { .. } => claim.deadline = None,
            Event::Take { found, run, deadline, ttl } => {
                claim.ttl = ttl.or(claim.ttl);
                claim.run = run.clone().or(claim.run);
                claim.trouble = None;
                if found.is_some() {
                    claim.deadline = later(claim.deadline.as_ref(), deadline.as_ref());
                } else {
                    claim.deadline = claim.deadline.or_else(|| deadline.clone());
                }
            }
            Event::LeaseFailed { why, .. } => {
                claim.trouble = Some(why.clone());
                claim.keep = false;
            }
            Event::Unproven { why } | Event::Unreached { why } => {
                claim.trouble = Some(why.clone());
            }
            Event::Free { keep, run_is_over, deadline, idle, .. } => {
                claim.keep |= *keep;
                claim.idle = idle.or(claim.idle);
                claim.deadline = deadline.clone().or(claim.deadline);
                claim.trouble = None;
                claim.end_run(*run_is_over);
            }
            Event::Extended { deadline, idle_until } => {
                claim.stays_until = later(claim.stays_until.as_ref(), idle_until.as_ref());
                claim.deadline = later(claim.deadline.as_ref(), Some(deadline));
            }
            Event::Release { action, run_is_over, .. } => {
                claim.ending = (*action).into();
                claim.end_run(*run_is_over);
            }
            Event::Parked => {
                claim.end_run(true);
                if !claim.has_failed() {
                    claim.trouble = None;
                }
                claim.keep = false;
                claim.deadline = None;
                claim.stays_until = None;
            }
            Event::Deleted | Event::Gone => {
                claim.end_run(true);
                claim.keep = false;
            }
            Event::LetGo | Event::Nothing => claim.keep = false,
            Event::Checkpoint(_) | Event::Note { .. } => {}
        }
        Ok(claim)
    }

    /// Nothing runs on a box that is stopped or gone.
    fn end_run(&mut self, is_over: bool) {
        if let Some(run) = &mut self.run {
            run.over |= is_over;
        }
    }

    /// May a provider be asked to make its resource?
    #[must_use]
    pub fn may_be_made(&self) -> bool {
        matches!(self.stage, Stage::Leasing { .. })
    }

    /// What a provider may be asked to park or delete, and which of both.
    #[must_use]
    pub fn to_release(&self) -> Option<(&Owned, ReleaseAction)> {
        match &self.stage {
            Stage::Releasing { owned, .. } => Some((owned, self.ending.action()?)),
            _ => None,
        }
    }

    /// The resource whose deadline a provider may be asked to push.
    #[must_use]
    pub fn to_extend(&self) -> Option<&Owned> {
        match &self.stage {
            Stage::Ready { owned, way: Some(_), .. } | Stage::Busy { owned, .. } => Some(owned),
            _ => None,
        }
    }

    /// May a provider be asked to start its resource?
    #[must_use]
    pub fn may_be_started(&self) -> bool {
        match &self.stage {
            Stage::Leasing { made: Some(_) } | Stage::Ready { .. } | Stage::Busy { .. } => true,
            Stage::Releasing { failed, .. } => !failed && self.ending != Ending::Delete,
            _ => false,
        }
    }

    /// Is this the claim's resource?
    #[must_use]
    pub fn is_about(&self, resource: &Resource, scope: &Scope) -> bool {
        self.made().is_some_and(|made| made.is(resource, scope, &self.id))
    }
}

#[cfg(test)]
pub(super) mod tests;
