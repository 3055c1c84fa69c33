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
        /// What for.
        run: LastRun,
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
    /// A command takes the box.
    Take {
        /// What the provider has just vouched for. `None`: the claim knows the way.
        found: Option<(Owned, Way)>,
        /// What for.
        run: LastRun,
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
    pub const NAMES: [&str; 14] = [
        "checkpoint",
        "leased",
        "lease_failed",
        "nothing",
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
#[expect(clippy::match_same_arms, reason = "a table: each row says what it is about")]
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
        (S::Leasing { made: old }, E::Checkpoint(made)) => match old {
            // Before an id is known, a pool's provider may go on to the next one of its boxes.
            Some(old) if old.id.is_some() && old.name != made.name => Err(true),
            // Asked once more after a crash, it begins with the name again: what had the id may be gone,
            // and the next one of the name is on its way.
            _ => Ok(S::Leasing { made: Some(made.clone()) }),
        },
        (S::Leasing { made: Some(made) }, E::Leased { owned, way, .. }) => {
            this(made.is(&owned.resource()), S::Busy { owned: owned.clone(), way: way.clone() })
        }
        (S::Leasing { .. } | S::Releasing { failed: true, .. }, E::LeaseFailed { left, .. }) => {
            Ok(S::Failed { made: left.clone() })
        }
        (S::Leasing { made: None } | S::Failed { made: None }, E::Nothing) => {
            Ok(S::Released { made: None })
        }

        // Used.
        (S::Ready { owned, way: Some(way), .. }, E::Take { found: None, .. }) => {
            Ok(S::Busy { owned: owned.clone(), way: way.clone() })
        }
        (
            S::Ready { owned: old, .. } | S::Parked { owned: old, .. } | S::Busy { owned: old, .. },
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
            idle_until: idle_until.clone(),
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
            S::Leasing { made: Some(made) } | S::Failed { made: Some(made) },
            E::Release { found: Some(found), failed, .. },
        ) => {
            let failed = *failed || matches!(claim.stage, S::Failed { .. });
            this(made.is(&found.resource()), S::Releasing { owned: found.clone(), failed })
        }
        (
            S::Ready { owned: old, .. } | S::Busy { owned: old, .. } | S::Parked { owned: old, .. },
            E::Release { found, .. },
        ) => Ok(S::Releasing { owned: owned(old, found)?, failed: false }),
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
        match event {
            Event::Leased { run, .. } => claim.run = Some(run.clone()),
            Event::Take { found, run, deadline } => {
                claim.run = Some(run.clone());
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
            Event::Free { keep, run_is_over, .. } => {
                claim.keep |= *keep;
                claim.trouble = None;
                claim.run = claim.run.map(|run| LastRun { over: run.over || *run_is_over, ..run });
            }
            Event::Extended { deadline, .. } => {
                claim.deadline = later(claim.deadline.as_ref(), Some(deadline));
            }
            Event::Release { action, .. } => claim.ending = (*action).into(),
            Event::Parked => {
                if !claim.has_failed() {
                    claim.trouble = None;
                }
                claim.keep = false;
                claim.deadline = None;
            }
            Event::Deleted | Event::LetGo | Event::Gone | Event::Nothing => claim.keep = false,
            Event::Checkpoint(_) | Event::Note { .. } => {}
        }
        Ok(claim)
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
            Stage::Ready { owned, .. } | Stage::Busy { owned, .. } => Some(owned),
            _ => None,
        }
    }

    /// May a provider be asked to start its resource?
    #[must_use]
    pub fn may_be_started(&self) -> bool {
        match &self.stage {
            Stage::Leasing { made: Some(_) }
            | Stage::Ready { .. }
            | Stage::Busy { .. }
            | Stage::Parked { .. } => true,
            Stage::Releasing { failed, .. } => !failed && self.ending != Ending::Delete,
            _ => false,
        }
    }

    /// Is this the claim's resource?
    #[must_use]
    pub fn is_about(&self, resource: &Resource) -> bool {
        self.made().is_some_and(|made| made.is(resource))
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
        Owned { name: "box".to_owned(), id: id.to_owned(), scope: Scope::default(), attributes }
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
            deadline: None,
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
        vec![
            Stage::Leasing { made: None },
            Stage::Leasing { made: made() },
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
        ]
    }

    fn events(id: &str) -> Vec<Event> {
        let why = String::new;
        let action = ReleaseAction::Park;
        let found = || Some((owned(id), way()));
        let machine = Machine { machine_id: String::new(), boot_id: String::new() };
        vec![
            Event::Checkpoint(owned(id).into()),
            Event::Leased { owned: owned(id), way: way(), run: run() },
            Event::LeaseFailed { left: None, why: why() },
            Event::Nothing,
            Event::Take { found: None, run: run(), deadline: None },
            Event::Take { found: found(), run: run(), deadline: None },
            Event::Note { machine, marker: String::new() },
            Event::Free { keep: false, idle_until: None, run_is_over: true },
            Event::Unproven { why: why() },
            Event::Extended { deadline: Moment::now(), idle_until: None },
            Event::Release { found: None, action, failed: false },
            Event::Release { found: Some(owned(id)), action, failed: false },
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
                // Only the provider that makes it can say that it has made another by the same name.
                if matches!(event, Event::Checkpoint(_)) {
                    continue;
                }
                let Ok(after) = before.after(&event, Timestamp::UNIX_EPOCH) else {
                    continue;
                };
                let (Some(before), Some(after)) = (before.made(), after.made()) else { continue };
                assert_eq!(before.id, after.id, "{event:?}");
            }
        }
    }

    #[test]
    fn a_checkpoint_never_loses_sight_of_what_was_made() {
        let leasing = claim(Stage::Leasing { made: Some(owned("1").into()) });
        let made = |name: &str, id: Option<&str>| Made {
            name: name.to_owned(),
            id: id.map(str::to_owned),
            ..owned("1").into()
        };
        let after = |made| leasing.after(&Event::Checkpoint(made), Timestamp::UNIX_EPOCH);
        let id_of = |claim: Claim| claim.made().and_then(|made| made.id);
        assert_eq!(after(made("box", None)).map(id_of), Ok(None));
        assert_eq!(after(made("box", Some("2"))).map(id_of), Ok(Some("2".to_owned())));
        assert!(after(made("another", Some("1"))).is_err());
        assert!(after(made("another", None)).is_err());
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
            assert!(!ends || from.to_release().is_some() || from.ending == Ending::None, "{to:?}");
            assert!(from.to_release().is_none() || from.state() == State::Releasing);
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
    fn an_ordinary_claim_becomes_kept_only_by_asking_and_ordinary_again_by_letting_go() {
        let busy = claim(Stage::Busy { owned: owned("1"), way: way() });
        let free = |keep| Event::Free { keep, idle_until: None, run_is_over: true };
        let now = Timestamp::UNIX_EPOCH;
        assert!(!busy.after(&free(false), now).expect("frees").keep);
        let kept = busy.after(&free(true), now).expect("frees");
        let take = Event::Take { found: None, run: run(), deadline: None };
        let again = kept.after(&take, now).expect("takes");
        assert!(again.after(&free(false), now).expect("frees").keep);
        let action = ReleaseAction::Park;
        let release = Event::Release { found: None, action, failed: false };
        let releasing = again.after(&release, now);
        let parked = releasing.expect("releases").after(&Event::Parked, now).expect("parks");
        assert!(!parked.keep);
    }
}
