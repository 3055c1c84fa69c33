//! The world that the resources of the model's provider are in, with all that a host must never ask of it.

use super::mood::Mood;
use super::orders::Order;
use crabbox_provider_api::payload::{ReleaseAction, Scope};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) name: String,
    pub(super) id: String,
    /// Whose it is. `None`: somebody else's.
    pub(super) lease: Option<String>,
    /// It costs something.
    pub(super) is_on: bool,
    /// The account that it is under, and seen by alone: the other one of two.
    pub(super) other: bool,
}

/// One of two accounts of one user.
const OTHER: &str = "me at work";

#[derive(Debug, Default)]
pub(super) struct World {
    /// The provider ends its boxes by itself.
    pub(super) ends_boxes: bool,
    /// In the order of their making. Names aren't unique here.
    pub(super) things: Vec<Thing>,
    /// When it appears, its name, under which account, and for which lease.
    pub(super) late: Vec<(SignedDuration, String, bool, Option<String>)>,
    /// Names that were given by a request that came through: another one for the same is refused.
    pub(super) names: BTreeSet<String>,
    /// How much time has passed.
    pub(super) passed: SignedDuration,
    ids: u32,
    /// Which lease was ever given an id.
    pub(super) given: BTreeMap<String, String>,
    /// Under which account each id was given.
    accounts: BTreeMap<String, bool>,
    /// Who is logged in now: the other one of two.
    pub(super) other: bool,
    /// How often somebody has logged in.
    pub(super) logins: u32,
    /// Which lease had what before it was let go of.
    pub(super) had: BTreeSet<(String, String)>,
    /// Leases whose claims have held an id.
    pub(super) recorded: BTreeSet<String>,
    /// How the next calls go, one after the other, and well after that.
    pub(super) moods: VecDeque<Mood>,
    /// What every hook has met.
    pub(super) met: BTreeSet<(&'static str, Mood)>,
    /// What somebody else does while the next call goes on.
    pub(super) meanwhile: Option<Order>,
    /// Leases that somebody works with now.
    pub(super) in_use: BTreeSet<String>,
    /// What was settled for the end of a lease, and what `--delete` was asked for.
    pub(super) endings: BTreeMap<String, ReleaseAction>,
    pub(super) to_delete: BTreeSet<String>,
    /// Leases whose claims were to be dropped.
    pub(super) forgotten: BTreeSet<String>,
    /// What should never have been asked.
    pub(super) wrongs: Vec<String>,
}

impl World {
    pub(super) fn make(&mut self, name: &str, other: bool, lease: Option<&str>) -> String {
        self.ids += 1;
        let id = format!("id-{}", self.ids);
        self.accounts.insert(id.clone(), other);
        if let Some(lease) = lease {
            self.given.insert(id.clone(), lease.to_owned());
        }
        let lease = lease.map(str::to_owned);
        let name = name.to_owned();
        self.things.push(Thing { name, id: id.clone(), lease, is_on: true, other });
        id
    }

    /// What was under way appears, if its name is still free.
    pub(super) fn pass(&mut self, time: SignedDuration) {
        self.passed += time;
        let now = self.passed;
        let (due, late): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.late).into_iter().partition(|(at, ..)| *at <= now);
        self.late = late;
        for (_, name, other, lease) in due {
            if self.names.insert(name.clone()) {
                self.make(&name, other, lease.as_deref());
            }
        }
    }

    /// Somebody else puts another resource in the place of one, or (`false`) just deletes it.
    pub(super) fn behind_our_back(&mut self, which: usize, replace: bool) {
        if self.things.is_empty() {
            return;
        }
        let gone = self.things.remove(which % self.things.len());
        if gone.lease.is_none() || replace {
            self.make(&gone.name, gone.other, None);
        }
    }

    /// What a lease has that isn't this one, and knows that it has.
    pub(super) fn of_another(&self, lease: &str) -> Option<String> {
        let known = |thing: &&Thing| {
            thing.other == self.other
                && thing.lease.as_ref().is_some_and(|of| of != lease && self.recorded.contains(of))
        };
        self.things.iter().find(known).map(|thing| thing.id.clone())
    }

    /// What these had is nobody's now.
    pub(super) fn let_go_of(&mut self, leases: &BTreeSet<String>) {
        let is_theirs =
            |lease: &Option<String>| lease.as_ref().is_some_and(|it| leases.contains(it));
        for thing in self.things.iter_mut().filter(|thing| is_theirs(&thing.lease)) {
            let had = self.given.remove(&thing.id);
            self.had.extend(had.map(|lease| (thing.id.clone(), lease)));
            thing.lease = None;
        }
        for (.., lease) in self.late.iter_mut().filter(|(.., lease)| is_theirs(lease)) {
            *lease = None;
        }
    }

    /// What was nobody's, or another lease's before, is this one's now.
    pub(super) fn adopt(&mut self, id: &str, lease: &str, ending: Option<ReleaseAction>) {
        let Some(thing) = self.find(id).filter(|thing| thing.lease.is_none()) else { return };
        thing.lease = Some(lease.to_owned());
        self.given.insert(id.to_owned(), lease.to_owned());
        if let Some(ending) = ending {
            self.endings.insert(lease.to_owned(), ending);
        }
    }

    /// Somebody logs in, to one of two accounts.
    pub(super) fn log_in(&mut self, other: bool) {
        self.other = other;
        self.logins += 1;
    }

    /// Somebody logs in to where this is, if that is known.
    pub(super) fn log_in_to(&mut self, scope: Option<&Scope>) {
        if let Some(scope) = scope {
            self.log_in(scope.account == OTHER);
        }
    }

    /// Is it there, and out of sight with the login of now?
    pub(super) fn is_unseen(&self, id: &str) -> bool {
        self.things.iter().any(|thing| thing.id == id && thing.other != self.other)
    }

    pub(super) fn is_of(&self, id: &str, scope: &Scope) -> bool {
        self.accounts.get(id).is_none_or(|other| *scope == self::scope(Mood::Well, *other))
    }

    pub(super) fn find(&mut self, id: &str) -> Option<&mut Thing> {
        self.things.iter_mut().find(|thing| thing.id == id)
    }
}

/// Where this account's resources belong, or those of somebody else.
pub(super) fn scope(mood: Mood, other: bool) -> Scope {
    let account = match (mood, other) {
        (Mood::IsElsewhere, _) => "you",
        (_, true) => OTHER,
        (_, false) => "me",
    };
    Scope { deployment: "model".to_owned(), account: account.to_owned() }
}
