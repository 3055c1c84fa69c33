//! The life of a lease: every event, what it needs, where it leads, and what a provider may be asked to
//! do meanwhile. Nothing else changes a claim.

use super::claim::{Claim, Ending, LastRun, Machine, Made, Owned, Way};
use super::moment::Moment;
use super::stage::{Stage, State};
use crabbox_provider_api::payload::{ReleaseAction, Resource};
use jiff::Timestamp;

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
    /// A command takes the box.
    Take {
        /// What the provider has just vouched for. `None`: the claim knows the way.
        found: Option<(Owned, Way)>,
        /// What for, if it is for a run.
        run: Option<LastRun>,
        /// Until when the box may stay, where the claim doesn't say, or where it was started just now.
        deadline: Option<Moment>,
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
    },
    /// Nobody vouches for the box: the provider can't be asked, can't see it, or says that it isn't
    /// ours. Nobody uses it, and nothing was proven.
    Unproven {
        /// Which of these.
        why: String,
    },
    /// The box is to stay for longer.
    Extended {
        /// Until then, unless a run is alive.
        deadline: Moment,
        /// Also without use, until then.
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
    pub const NAMES: [&str; 15] = [
        "checkpoint",
        "leased",
        "lease_failed",
        "nothing",
        "start",
        "take",
        "note",
        "free",
        "unproven",
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
            Self::Take { .. } => "take",
            Self::Note { .. } => "note",
            Self::Free { .. } => "free",
            Self::Unproven { .. } => "unproven",
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
fn next(claim: &Claim, event: &Event, now: Timestamp) -> Result<Stage, bool> {
    use {Event as E, Stage as S};
    let this = |is_it: bool, stage: Stage| if is_it { Ok(stage) } else { Err(true) };
    let owned = |old: &Owned, found: &Option<Owned>| match found {
        Some(found) if found.id != old.id => Err(true),
        Some(found) => Ok(found.clone()),
        None => Ok(old.clone()),
    };
    match (&claim.stage, event) {
        // Asked for.
        // One name a lease: what was made by another would be in no claim. The id may be another one when
        // the provider is asked once more: what had it may be gone, and the next of the name on its way.
        (S::Leasing { made: old }, E::Checkpoint(made)) => this(
            old.as_ref().is_none_or(|old| old.name == made.name),
            S::Leasing { made: Some(made.clone()) },
        ),
        (S::Leasing { made: Some(_) }, E::Leased { owned, way, .. }) => this(
            claim.is_about(&owned.resource()),
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
        (S::Ready { owned, way: Some(way), .. }, E::Take { found: None, .. }) => {
            Ok(S::Busy { owned: owned.clone(), way: way.clone() })
        }
        (
            S::Ready { owned: old, .. } | S::Busy { owned: old, .. },
            E::Take { found: Some((owned, way)), .. },
        ) => this(old.id == owned.id, S::Busy { owned: owned.clone(), way: way.clone() }),
        // Left by a command that was killed; what was to be deleted stays so.
        (S::Releasing { owned: old, failed: false }, E::Take { found: Some((owned, way)), .. })
            if claim.ending != Ending::Delete =>
        {
            this(old.id == owned.id, S::Busy { owned: owned.clone(), way: way.clone() })
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
        (S::Ready { owned, way, idle_until: old }, E::Extended { idle_until, .. }) => {
            let (owned, way) = (owned.clone(), way.clone());
            Ok(S::Ready { owned, way, idle_until: later(old.as_ref(), idle_until.as_ref()) })
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

        // Let go of: nothing whose id isn't proven.
        (
            S::Leasing { made: Some(_) } | S::Failed { made: Some(_) },
            E::Release { found: Some(found), failed, .. },
        ) => {
            let failed = *failed || matches!(claim.stage, S::Failed { .. });
            this(claim.is_about(&found.resource()), S::Releasing { owned: found.clone(), failed })
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
            Ok(S::Parked { owned: owned.clone(), since: now })
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
    pub fn after(&self, event: &Event, now: Timestamp) -> Result<Self, Refused> {
        let refused = |another| Refused { state: self.state(), event: event.name(), another };
        let stage = next(self, event, now).map_err(refused)?;
        let mut claim = Self { stage, revision: self.revision + 1, updated: now, ..self.clone() };
        if let Event::Leased { .. } | Event::Take { .. } | Event::Free { .. } = event {
            claim.used = now;
        }
        match event {
            // Nothing can have run on what is there only now.
            Event::Leased { run, deadline, .. } => {
                claim.run.clone_from(run);
                claim.deadline.clone_from(deadline);
            }
            Event::Start { deadline } => claim.deadline.clone_from(deadline),
            Event::Take { found, run, deadline } => {
                claim.run = run.clone().or(claim.run);
                if found.is_some() {
                    claim.trouble = None;
                    claim.deadline = later(claim.deadline.as_ref(), deadline.as_ref());
                } else {
                    claim.deadline = claim.deadline.or_else(|| deadline.clone());
                }
            }
            Event::LeaseFailed { why, .. } => {
                claim.trouble = Some(why.clone());
                claim.keep = false;
            }
            Event::Unproven { why } => claim.trouble = Some(why.clone()),
            Event::Free { keep, run_is_over, deadline, .. } => {
                claim.keep |= *keep;
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
    pub fn is_about(&self, resource: &Resource) -> bool {
        self.made().is_some_and(|made| made.is(resource, &self.id))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::id::LeaseId;
    use super::*;
    use crabbox_provider_api::payload::{Endpoint, Scope, Transport};
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    pub(in super::super) fn owned(id: &str) -> Owned {
        let attributes = serde_json::Map::new();
        Owned {
            name: "box-000000000001".to_owned(),
            id: id.to_owned(),
            scope: Scope::default(),
            attributes,
        }
    }

    pub(in super::super) fn way() -> Way {
        let transport = Transport::Exec { prefix: Vec::new() };
        let endpoint =
            Endpoint { transport, work_root: "~/crabbox".to_owned(), same_machine: false };
        Way { endpoint, identity: None, machine: None, marker: None }
    }

    pub(in super::super) fn claim(stage: Stage) -> Claim {
        Claim {
            id: LeaseId::from_bits(1),
            slug: "amber-crab".to_owned(),
            revision: 1,
            provider: "local".to_owned(),
            provider_version: "0.1.0".to_owned(),
            name: String::new(),
            ending: Ending::Park,
            keep: false,
            repository: "/checkout".into(),
            profile: String::new(),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
            used: Timestamp::UNIX_EPOCH,
            deadline: None,
            stays_until: None,
            run: None,
            trouble: None,
            stage,
        }
    }

    fn run() -> LastRun {
        LastRun::new("run_0123456789ab".to_owned())
    }

    /// One of each kind and, where it matters, with and without what it may hold.
    fn stages() -> Vec<Stage> {
        let since = Timestamp::UNIX_EPOCH;
        let made = || Some(owned("1").into());
        let named = || Some(Made { id: None, ..owned("1").into() });
        vec![
            Stage::Leasing { made: None },
            Stage::Leasing { made: made() },
            Stage::Leasing { made: named() },
            Stage::Ready { owned: owned("1"), way: None, idle_until: None },
            Stage::Ready { owned: owned("1"), way: Some(way()), idle_until: None },
            Stage::Busy { owned: owned("1"), way: way() },
            Stage::Releasing { owned: owned("1"), failed: false },
            Stage::Releasing { owned: owned("1"), failed: true },
            Stage::Parked { owned: owned("1"), since },
            Stage::Released { made: None },
            Stage::Lost { made: None },
            Stage::Failed { made: None },
            Stage::Failed { made: made() },
            Stage::Failed { made: named() },
        ]
    }

    fn events(id: &str) -> Vec<Event> {
        let why = String::new;
        let action = ReleaseAction::Park;
        let found = || Some((owned(id), way()));
        let machine = Machine { machine_id: String::new(), boot_id: String::new() };
        vec![
            Event::Checkpoint(owned(id).into()),
            Event::Leased { owned: owned(id), way: way(), run: Some(run()), deadline: None },
            Event::LeaseFailed { left: None, why: why() },
            Event::LeaseFailed { left: Some(owned(id).into()), why: why() },
            Event::Nothing,
            Event::Start { deadline: None },
            Event::Take { found: None, run: Some(run()), deadline: None },
            Event::Take { found: found(), run: Some(run()), deadline: None },
            Event::Note { machine, marker: String::new() },
            Event::Free { keep: false, idle_until: None, run_is_over: true, deadline: None },
            Event::Unproven { why: why() },
            Event::Extended { deadline: Moment::now(), idle_until: None },
            Event::Release { found: None, action, failed: false, run_is_over: true },
            Event::Release { found: Some(owned(id)), action, failed: false, run_is_over: true },
            Event::Parked,
            Event::Deleted,
            Event::LetGo,
            Event::Gone,
        ]
    }

    /// Everything that can happen to any claim.
    fn all() -> impl Iterator<Item = (Claim, Event, Result<Claim, Refused>)> {
        let endings = [Ending::None, Ending::Park, Ending::Delete];
        let claims = stages()
            .into_iter()
            .flat_map(move |stage| endings.map(|ending| Claim { ending, ..claim(stage.clone()) }));
        claims.flat_map(|claim| {
            events("1").into_iter().map(move |event| {
                let next = claim.after(&event, Timestamp::UNIX_EPOCH);
                (claim.clone(), event, next)
            })
        })
    }

    #[test]
    fn the_names_are_those_of_the_events() {
        let names: BTreeSet<_> = events("1").iter().map(Event::name).collect();
        assert_eq!(names, BTreeSet::from(Event::NAMES));
    }

    #[test]
    fn the_picture_shows_every_transition_and_no_other() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/explanation/leases.md");
        let document = fs::read_to_string(path).expect("reads");
        let drawn: BTreeSet<String> = document
            .lines()
            .map(str::trim)
            .filter(|line| line.contains(" --> ") && line.contains(": "))
            .map(str::to_owned)
            .collect();
        let real: BTreeSet<String> = all()
            .filter_map(|(from, event, to)| {
                let name = event.name().replace('_', " ");
                Some(format!("{} --> {}: {name}", from.state(), to.ok()?.state()))
            })
            .collect();
        assert_eq!(drawn, real);
    }

    #[test]
    fn nothing_happens_after_the_end() {
        for (from, event, to) in all() {
            assert!(!from.state().is_final() || to.is_err(), "{from:?} {event:?}");
        }
    }

    #[test]
    fn a_resource_is_never_exchanged_for_another() {
        for stage in stages() {
            for event in events("2") {
                let before = claim(stage.clone());
                // Only the provider that makes it can say that it has made another by the same name, and
                // what is left of a lease that failed is what the caller knows.
                if matches!(event, Event::Checkpoint(_) | Event::LeaseFailed { .. }) {
                    continue;
                }
                let Ok(after) = before.after(&event, Timestamp::UNIX_EPOCH) else { continue };
                let (Some(before), Some(after)) = (before.made(), after.made()) else { continue };
                assert!(before.id.is_none() || before.id == after.id, "{event:?}");
            }
        }
    }

    #[test]
    fn a_name_proves_nothing_unless_it_holds_the_number_of_the_lease() {
        for (name, is_ours) in [("box-000000000001", true), ("machine-1", false)] {
            let made = Made { name: name.to_owned(), id: None, ..owned("1").into() };
            let claim = claim(Stage::Leasing { made: Some(made) });
            let found = Owned { name: name.to_owned(), ..owned("1") };
            assert_eq!(claim.is_about(&found.resource()), is_ours, "{name}");
            let release = Event::Release {
                found: Some(found),
                action: ReleaseAction::Delete,
                failed: true,
                run_is_over: true,
            };
            assert_eq!(claim.after(&release, Timestamp::UNIX_EPOCH).is_ok(), is_ours, "{name}");
        }
    }

    #[test]
    fn a_checkpoint_never_loses_sight_of_what_was_made() {
        let made = |name: &str, id: Option<&str>| Made {
            name: name.to_owned(),
            id: id.map(str::to_owned),
            ..owned("1").into()
        };
        let after =
            |claim: &Claim, made| claim.after(&Event::Checkpoint(made), Timestamp::UNIX_EPOCH);
        let id_of = |claim: Claim| claim.made().and_then(|made| made.id);
        for first in [Some("1"), None] {
            let leasing = claim(Stage::Leasing { made: Some(made("box", first)) });
            assert_eq!(
                after(&leasing, made("box", Some("2"))).map(id_of),
                Ok(Some("2".to_owned()))
            );
            assert!(after(&leasing, made("another", Some("1"))).is_err());
            let again = after(&leasing, made("box", None)).expect("it begins anew");
            assert!(after(&again, made("another", None)).is_err());
        }
    }

    #[test]
    fn what_is_to_be_deleted_is_not_kept_after_all() {
        let deleting = Claim {
            ending: Ending::Delete,
            ..claim(Stage::Releasing { owned: owned("1"), failed: false })
        };
        let action = ReleaseAction::Park;
        let park = Event::Release { found: None, action, failed: false, run_is_over: true };
        assert!(deleting.after(&park, Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn what_was_extended_stays_after_the_next_run_too() {
        let late = Moment::at("2030-01-01T00:00:00Z".parse().expect("a time"));
        let busy = claim(Stage::Busy { owned: owned("1"), way: way() });
        let idle_until = Some(late.clone());
        let extended = Event::Extended { deadline: late.clone(), idle_until };
        let extended = busy.after(&extended, Timestamp::UNIX_EPOCH).expect("extends");
        let soon = Some(Moment::now());
        let free = Event::Free { keep: false, idle_until: soon, run_is_over: true, deadline: None };
        let ready = extended.after(&free, Timestamp::UNIX_EPOCH).expect("frees");
        assert_eq!(ready.ends(), Some(late));
    }

    #[test]
    fn a_failed_lease_is_never_used_again() {
        for (from, event, to) in all().filter(|(from, ..)| from.has_failed()) {
            let used =
                to.is_ok_and(|to| matches!(to.state(), State::Busy | State::Ready | State::Parked));
            assert!(!used, "{from:?} {event:?}");
        }
    }

    #[test]
    fn nothing_is_parked_or_deleted_without_a_durable_intent() {
        for (from, event, to) in all().filter(|(_, _, to)| to.is_ok()) {
            let ends = matches!(event, Event::Parked | Event::Deleted);
            assert!(!ends || from.state() == State::Releasing, "{to:?}");
        }
    }

    #[test]
    fn what_was_somebody_elses_before_is_never_released_by_itself() {
        for (from, event, to) in all().filter(|(from, ..)| from.ending == Ending::None) {
            assert!(from.to_release().is_none());
            let is_order = matches!(event, Event::Release { .. });
            assert!(is_order || to.is_err() || to.is_ok_and(|to| to.ending == Ending::None));
        }
    }

    #[test]
    fn a_deadline_is_never_moved_back_by_an_extension() {
        let late: Timestamp = "2030-01-01T00:00:00Z".parse().expect("a time");
        let late = Moment::at(late);
        let idle_until = Some(late.clone());
        let ready = Stage::Ready { owned: owned("1"), way: None, idle_until };
        let ready = Claim { deadline: Some(late.clone()), ..claim(ready) };
        let deadline = Moment::now();
        let event = Event::Extended { deadline: deadline.clone(), idle_until: Some(deadline) };
        let after = ready.after(&event, Timestamp::UNIX_EPOCH).expect("extends");
        assert_eq!(after.ends(), Some(late));
    }

    #[test]
    fn whoever_runs_nothing_leaves_the_last_run_in_the_claim() {
        let now = Timestamp::UNIX_EPOCH;
        let ready = Stage::Ready { owned: owned("1"), way: Some(way()), idle_until: None };
        let ready = Claim { run: Some(run()), ..claim(ready) };
        let take = Event::Take { found: None, run: None, deadline: None };
        let taken = ready.after(&take, now).expect("takes");
        assert_eq!(taken.run, Some(run()), "its end may not have been seen");
        let made = Some(owned("1").into());
        let leasing = Claim { run: Some(run()), ..claim(Stage::Leasing { made }) };
        let leased = Event::Leased { owned: owned("1"), way: way(), run: None, deadline: None };
        assert_eq!(leasing.after(&leased, now).expect("leases").run, None, "it never began");
    }

    #[test]
    fn an_ordinary_claim_becomes_kept_only_by_asking_and_ordinary_again_by_letting_go() {
        let busy = claim(Stage::Busy { owned: owned("1"), way: way() });
        let free = |keep| Event::Free { keep, idle_until: None, run_is_over: true, deadline: None };
        let now = Timestamp::UNIX_EPOCH;
        assert!(!busy.after(&free(false), now).expect("frees").keep);
        let kept = busy.after(&free(true), now).expect("frees");
        let take = Event::Take { found: None, run: Some(run()), deadline: None };
        let again = kept.after(&take, now).expect("takes");
        assert!(again.after(&free(false), now).expect("frees").keep);
        let action = ReleaseAction::Park;
        let release = Event::Release { found: None, action, failed: false, run_is_over: true };
        let releasing = again.after(&release, now);
        let parked = releasing.expect("releases").after(&Event::Parked, now).expect("parks");
        assert!(!parked.keep);
    }

    #[test]
    fn a_box_that_is_stopped_or_gone_runs_nothing() {
        let now = Timestamp::now();
        let run = Some(run());
        let releasing = Stage::Releasing { owned: owned("1"), failed: false };
        let claim = Claim { run, ..claim(releasing) };
        for event in [Event::Parked, Event::Deleted, Event::Gone] {
            let after = claim.after(&event, now).expect("happens");
            assert!(after.run.expect("it was there").over, "{event:?}");
            assert_eq!(after.used, claim.used, "{event:?}");
        }
    }
}
