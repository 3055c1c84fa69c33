//! What is to become of a claim that nobody looks after: the table, and nothing else. Nothing is asked
//! or changed here; [`super::clean`] does what stands here.

use crate::claims::{Claim, LastRun, Moment, Stage};
use crabbox_provider_api::payload::ReleaseAction;
use jiff::SignedDuration;
use std::time::Duration;

/// What a cleanup is to look for.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Only those whose time is over.
    pub expired: bool,
    /// Delete what was parked for too long.
    pub delete_parked: bool,
    /// For how long a box may be parked.
    pub parked_ttl: Duration,
}

/// What is known of the run on a box whose end nobody has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunSeen {
    /// The box wasn't asked.
    Unasked,
    /// The box says that it goes on.
    GoesOn,
    /// The box says that it is over, or can't run anything.
    Over,
    /// The box can't be asked.
    Unknown,
}

/// What is known beside the claim.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The time.
    pub now: Moment,
    /// Somebody works with the lease.
    pub held: bool,
    /// Its run.
    pub run: RunSeen,
}

/// Why something is done to a claim, or told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its deadline has passed.
    Expired,
    /// Nobody used it for as long as it may stay so.
    Idle,
    /// The same, and it is kept.
    KeptIdle,
    /// The command that had it was killed.
    Abandoned,
    /// The same, and its run goes on.
    RunGoesOn,
    /// The same, and nobody knows whether its run goes on.
    RunUnknown,
    /// It was being released.
    Unfinished,
    /// Leasing it failed.
    Failed,
    /// Nobody vouches for its box.
    InDoubt,
    /// It is parked for longer than that is wanted.
    LongParked,
    /// Its box was somebody's before.
    Adopted,
}

/// What is to become of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well with it, or somebody looks after it.
    Leave,
    /// It stays as it is, and is told of.
    Report(Why),
    /// Nothing was ever made for it: it is closed.
    Close(Why),
    /// Its provider is asked; it is closed if the box is proven gone.
    Check(Why),
    /// Its box is asked whether the run goes on.
    Ask(Why),
    /// Its box is parked or deleted, once it is proven ours.
    Release(Why, ReleaseAction),
}

/// The table.
#[must_use]
#[expect(clippy::match_same_arms, reason = "a table: each row says what it is about")]
pub fn verdict(claim: &Claim, facts: &Facts, order: &Order) -> Verdict {
    let expired = is_over(claim.deadline.as_ref(), facts);
    let idle = is_over(claim.idle_until(), facts);
    let verdict = match claim.stage() {
        // Whoever holds it knows best, however late it is.
        _ if facts.held => Verdict::Leave,
        Stage::Released { .. } | Stage::Lost { .. } => Verdict::Leave,

        Stage::Leasing { made: None } => Verdict::Close(Why::Abandoned),
        Stage::Leasing { made: Some(_) } => release(claim, Why::Abandoned),
        Stage::Failed { made: None } => Verdict::Close(Why::Failed),
        Stage::Failed { made: Some(_) } => release(claim, Why::Failed),
        Stage::Releasing { .. } => release(claim, Why::Unfinished),

        Stage::Busy { .. } if expired => release(claim, Why::Expired),
        Stage::Busy { .. } if !may_run(claim) => release(claim, Why::Abandoned),
        Stage::Busy { .. } => ask(claim, facts, Why::Abandoned),

        Stage::Ready { .. } if expired => release(claim, Why::Expired),
        Stage::Ready { .. } if idle && claim.keep => Verdict::Report(Why::KeptIdle),
        Stage::Ready { .. } if idle && may_run(claim) => ask(claim, facts, Why::Idle),
        Stage::Ready { .. } if idle => release(claim, Why::Idle),
        // It was being started, and may be on: whoever wanted it was killed, or got no answer.
        Stage::Ready { way: None, idle_until: None, .. } if is_unused(claim) => {
            let is_answered = claim.trouble.is_some();
            release(claim, if is_answered { Why::InDoubt } else { Why::Abandoned })
        }
        Stage::Ready { way: None, .. } => Verdict::Check(Why::InDoubt),
        Stage::Ready { way: Some(_), .. } => Verdict::Leave,

        Stage::Parked { since, .. } => {
            let long = is_long(since, order.parked_ttl, &facts.now);
            let deletes =
                order.delete_parked || claim.ending.action() == Some(ReleaseAction::Delete);
            match (long, claim.trouble.is_some()) {
                (true, _) if deletes => Verdict::Release(Why::LongParked, ReleaseAction::Delete),
                (_, true) => Verdict::Check(Why::InDoubt),
                (true, false) => Verdict::Report(Why::LongParked),
                (false, false) => Verdict::Leave,
            }
        }
    };
    let is_of_time = match verdict.why() {
        Some(Why::RunGoesOn | Why::RunUnknown) => idle,
        why => matches!(why, Some(Why::Expired | Why::Idle | Why::KeptIdle)),
    };
    if order.expired && !is_of_time { Verdict::Leave } else { verdict }
}

/// When a box that stands ready is let go of, if nobody uses it: a kept one at its last deadline only.
#[must_use]
pub fn due(claim: &Claim) -> Option<Moment> {
    match claim.stage() {
        Stage::Ready { .. } if claim.ending.action().is_none() => None,
        Stage::Ready { .. } => claim.ends(),
        _ => None,
    }
}

/// Is it parked for longer than that is wanted?
#[must_use]
pub fn is_long_parked(claim: &Claim, parked_ttl: Duration, now: &Moment) -> bool {
    matches!(claim.stage(), Stage::Parked { since, .. } if is_long(since, parked_ttl, now))
}

fn release(claim: &Claim, why: Why) -> Verdict {
    match claim.ending.action() {
        Some(action) => Verdict::Release(why, action),
        None => Verdict::Report(Why::Adopted),
    }
}

/// What becomes of it follows from whether its run goes on.
fn ask(claim: &Claim, facts: &Facts, why: Why) -> Verdict {
    match facts.run {
        RunSeen::Unasked => Verdict::Ask(why),
        RunSeen::Over => release(claim, why),
        RunSeen::GoesOn => Verdict::Report(Why::RunGoesOn),
        RunSeen::Unknown => Verdict::Report(Why::RunUnknown),
    }
}

/// May a run go on that nobody here has seen the end of? Before one starts, the claim knows the
/// marker of its box.
fn may_run(claim: &Claim) -> bool {
    let is_marked = claim.way().is_some_and(|way| way.marker.is_some());
    is_marked && claim.run.as_ref().is_some_and(|run: &LastRun| !run.over)
}

/// Nothing can run on it, and nobody wants it to stay.
fn is_unused(claim: &Claim) -> bool {
    !claim.keep && claim.run.as_ref().is_none_or(|run| run.over)
}

fn is_over(end: Option<&Moment>, facts: &Facts) -> bool {
    end.is_some_and(|end| !facts.now.until(end).is_positive())
}

fn is_long(since: &Moment, parked_ttl: Duration, now: &Moment) -> bool {
    SignedDuration::try_from(parked_ttl).is_ok_and(|ttl| since.until(now) >= ttl)
}

impl Verdict {
    /// The reason, if there is something to say.
    #[must_use]
    pub fn why(self) -> Option<Why> {
        match self {
            Self::Leave => None,
            Self::Report(why)
            | Self::Close(why)
            | Self::Check(why)
            | Self::Ask(why)
            | Self::Release(why, _) => Some(why),
        }
    }
}

impl Why {
    /// In one word, for machines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Idle => "idle",
            Self::KeptIdle => "kept_idle",
            Self::Abandoned => "abandoned",
            Self::RunGoesOn => "run_goes_on",
            Self::RunUnknown => "run_unknown",
            Self::Unfinished => "unfinished",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::LongParked => "long_parked",
            Self::Adopted => "adopted",
        }
    }

    /// For people.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Expired => "its deadline has passed",
            Self::Idle => "nobody used it for as long as it may stay so",
            Self::KeptIdle => "it is kept, and nobody used it for as long as it may stay so",
            Self::Abandoned => "the command that had it is gone",
            Self::RunGoesOn => "the command that had it is gone, and its run goes on",
            Self::RunUnknown => "nobody knows whether its run goes on",
            Self::Unfinished => "its release wasn't finished",
            Self::Failed => "leasing it failed",
            Self::InDoubt => "nobody vouches for its box",
            Self::LongParked => "it is parked for long",
            Self::Adopted => "its box was somebody's before",
        }
    }
}

#[cfg(test)]
mod tests;
