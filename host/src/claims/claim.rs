//! What a claim holds.

use super::id::LeaseId;
use super::moment::Moment;
use super::stage::{Stage, State};
use crabbox_provider_api::payload::{
    Attributes, Endpoint, Found, Identity, ReleaseAction, Resource, Scope,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The durable record of one lease. It changes through [`super::Event`]s alone, in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The lease.
    pub id: LeaseId,
    /// Its name for people, unique among the claims that aren't over.
    pub slug: String,
    /// Counts the events; guards against two writers.
    pub revision: i64,
    /// The provider's name.
    pub provider: String,
    /// The provider's version when the lease was made.
    pub provider_version: String,
    /// The name that a resource of it gets, where the provider leaves that to the host.
    pub name: String,
    /// What becomes of the resource at the end: settled when the lease is made, or by a
    /// `stop --delete`, before anything is deleted.
    pub ending: Ending,
    /// Stays ready after a run.
    pub keep: bool,
    /// The checkout that it serves.
    #[serde(with = "path")]
    pub repository: PathBuf,
    /// Digest of the provider settings that shaped the resource.
    pub profile: String,
    /// Whose the resource was when it was adopted, where its provider said that it is another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// When a command last took its box, or left it ready.
    pub used: Timestamp,
    /// When the box is let go of at the latest, unless a run is alive.
    pub deadline: Option<Moment>,
    /// Until when the user wants it to stay, used or not.
    #[serde(default)]
    pub stays_until: Option<Moment>,
    /// How long it may stay ready without use, if somebody asked for another time than the settings say.
    #[serde(default)]
    pub idle: Option<Duration>,
    /// How long its box may stay at a time, from being made or started, if somebody asked for another time than the
    /// settings say.
    #[serde(default)]
    pub ttl: Option<Duration>,
    /// The last run on it.
    pub run: Option<LastRun>,
    /// Why leasing failed, why nobody vouches for the box, or what is left to do by hand.
    pub trouble: Option<String>,
    /// Where it stands, with what is known there.
    pub(super) stage: Stage,
}

impl Claim {
    /// A new one, before its provider is asked for anything: the rest is for whoever makes it.
    #[must_use]
    pub fn new(id: LeaseId, slug: String) -> Self {
        let now = Timestamp::now();
        Self {
            id,
            slug,
            revision: 1,
            provider: String::new(),
            provider_version: String::new(),
            name: String::new(),
            ending: Ending::Park,
            keep: false,
            repository: PathBuf::new(),
            profile: String::new(),
            owner: None,
            created: now,
            updated: now,
            used: now,
            deadline: None,
            stays_until: None,
            idle: None,
            ttl: None,
            run: None,
            trouble: None,
            stage: Stage::Leasing { made: None },
        }
    }

    /// One of a resource that is there already. Nobody vouches for it before it is used.
    #[must_use]
    pub fn adopted(id: LeaseId, slug: String, owned: Owned, idle_until: Option<Moment>) -> Self {
        let stage = Stage::Ready { owned, way: None, idle_until };
        Self { stage, ending: Ending::None, ..Self::new(id, slug) }
    }

    /// The same of one that is to be let go of as it stands: whoever uses it has it started, and stops it again.
    #[must_use]
    pub fn adopted_parked(id: LeaseId, slug: String, owned: Owned) -> Self {
        let stage = Stage::Parked { owned, since: Moment::now() };
        Self { stage, ending: Ending::None, ..Self::new(id, slug) }
    }

    /// Where it stands, with what is known there.
    #[must_use]
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Where it stands, in one word.
    #[must_use]
    pub fn state(&self) -> State {
        self.stage.state()
    }

    /// What the provider has made or may have made. `None`: nothing was ever named.
    #[must_use]
    pub fn made(&self) -> Option<Made> {
        self.stage.made()
    }

    /// The way to the box, while somebody vouches for it.
    #[must_use]
    pub fn way(&self) -> Option<&Way> {
        self.stage.way()
    }

    /// Until when it may stay ready without use.
    #[must_use]
    pub fn idle_until(&self) -> Option<&Moment> {
        match &self.stage {
            Stage::Ready { idle_until, .. } => idle_until.as_ref(),
            _ => None,
        }
    }

    /// When the box is to be let go of: the earlier one of the two deadlines. A kept one isn't for being idle.
    #[must_use]
    pub fn ends(&self) -> Option<Moment> {
        let idle = self.idle_until().filter(|_| !self.keep);
        self.deadline.iter().chain(idle).cloned().reduce(Moment::earlier)
    }

    /// Is this the same but for how long the box may stay?
    pub(super) fn differs_in_time_alone(&self, other: &Self) -> bool {
        let mut same = self.clone();
        same.revision = other.revision;
        same.updated = other.updated;
        same.deadline.clone_from(&other.deadline);
        same.stays_until.clone_from(&other.stays_until);
        if let (Stage::Ready { idle_until, .. }, Stage::Ready { idle_until: others, .. }) =
            (&mut same.stage, &other.stage)
        {
            idle_until.clone_from(others);
        }
        same == *other
    }

    /// What is left of it, if anything, is released and never used.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.stage, Stage::Failed { .. } | Stage::Releasing { failed: true, .. })
    }
}

/// What becomes of a resource when its lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Nothing: it was somebody's before, and is left as it is.
    None,
    /// It is stopped, and kept for the next time.
    Park,
    /// It is deleted.
    Delete,
}

impl Ending {
    /// What a provider is asked for.
    #[must_use]
    pub fn action(self) -> Option<ReleaseAction> {
        match self {
            Self::None => None,
            Self::Park => Some(ReleaseAction::Park),
            Self::Delete => Some(ReleaseAction::Delete),
        }
    }
}

impl From<ReleaseAction> for Ending {
    fn from(action: ReleaseAction) -> Self {
        match action {
            ReleaseAction::Park => Self::Park,
            ReleaseAction::Delete => Self::Delete,
        }
    }
}

/// A resource that exists or may exist: not yet proven to be ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// What the provider calls it.
    pub name: String,
    /// Its immutable id, once it is known.
    pub id: Option<String>,
    /// Where it belongs, once that is known.
    pub scope: Option<Scope>,
    /// The provider's own notes.
    #[serde(default)]
    pub attributes: Attributes,
    /// Whose it is, as the provider says for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When the provider was asked to make it, if that may still be under way: its absence proves
    /// nothing for a while then.
    #[serde(default)]
    pub asked: Option<Moment>,
    /// The id that it is to have, where the host makes it itself: what to look for while `id` isn't known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<String>,
}

/// How the immutable id of a place begins, which is a part of a machine that several leases share.
pub const PLACE: &str = "place:";

impl Made {
    /// The machine that it is a place on, as its provider calls it. `None`: it is no place, or nobody knows yet.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let is_place = self.id.as_ref().is_some_and(|id| id.starts_with(PLACE));
        self.scope.as_ref().filter(|_| is_place).map(|scope| scope.deployment.as_str())
    }

    /// As the provider is asked for it.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource { name: self.name.clone(), id: self.id.clone() }
    }

    /// Does its provider call it by this `OWNER/NAME`?
    #[must_use]
    pub fn is_called(&self, owner: &str, name: &str) -> bool {
        self.name == name && self.owner.as_deref() == Some(owner)
    }

    /// Can both be true of one resource?
    pub(super) fn agrees(&self, other: &Self) -> bool {
        fn one<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_none_or(|(one, other)| one == other)
        }
        one(self.id.as_ref(), other.id.as_ref()) && one(self.scope.as_ref(), other.scope.as_ref())
    }

    /// Does nobody else give this name?
    #[must_use]
    pub fn is_named_after(&self, lease: &LeaseId) -> bool {
        self.name.contains(lease.digits())
    }

    /// Is this it? A name proves nothing: where the id is known, it must be this one. While it isn't, the
    /// name must be one that nobody else gives: it holds the random number of this lease. An id means
    /// nothing in another place, or under another account.
    pub(super) fn is(&self, resource: &Resource, scope: &Scope, lease: &LeaseId) -> bool {
        if self.scope.as_ref().is_some_and(|known| known != scope) {
            return false;
        }
        if self.id.is_some() {
            return self.id == resource.id;
        }
        self.is_named_after(lease) && resource.name == self.name && resource.id.is_some()
    }
}

/// A resource that is proven to be ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owned {
    /// What the provider calls it. It may change.
    pub name: String,
    /// Its immutable id.
    pub id: String,
    /// Where it belongs.
    pub scope: Scope,
    /// The provider's own notes.
    #[serde(default)]
    pub attributes: Attributes,
    /// Whose it is, as the provider says for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl From<Owned> for Made {
    fn from(owned: Owned) -> Self {
        let Owned { name, id, scope, attributes, owner } = owned;
        let (id, scope) = (Some(id), Some(scope));
        Self { name, id, scope, attributes, owner, asked: None, planned: None }
    }
}

impl Owned {
    /// Is it the same?
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.id, &self.scope) == (&other.id, &other.scope)
    }

    /// As the provider is asked for it.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource { name: self.name.clone(), id: Some(self.id.clone()) }
    }

    /// What was found. `None`: the provider names no id.
    #[must_use]
    pub fn of(found: &Found) -> Option<Self> {
        Some(Self {
            name: found.resource.name.clone(),
            id: found.resource.id.clone()?,
            scope: found.scope.clone(),
            attributes: found.attributes.clone(),
            owner: found.owner.clone(),
        })
    }
}

/// The way to a box, and what it must show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Way {
    /// How to reach it.
    pub endpoint: Endpoint,
    /// What it must show, if the provider named something.
    pub identity: Option<Identity>,
    /// What it showed, since the provider last vouched for it.
    pub machine: Option<Machine>,
    /// Hash of the marker on it, once the helper wrote one since then.
    pub marker: Option<String>,
    /// Digest of the login with which the provider vouched for it, where the provider says what that comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

impl Way {
    /// What was found, with which login. `None`: the provider names no way to it. What it showed before counts no longer.
    #[must_use]
    pub fn of(found: &Found, login: Option<&str>) -> Option<Self> {
        Some(Self {
            endpoint: found.endpoint.clone()?,
            identity: found.identity.clone(),
            machine: None,
            marker: None,
            login: login.map(str::to_owned),
        })
    }
}

/// The machine and boot that a box showed when its provider vouched for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The content of `/etc/machine-id`.
    pub machine_id: String,
    /// The kernel's boot id.
    pub boot_id: String,
}

/// A run on the box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// `run_` and 12 hex digits.
    pub id: String,
    /// Its end was seen, it never began, or its box was stopped since.
    pub over: bool,
}

impl LastRun {
    /// One that may begin from now on.
    #[must_use]
    pub fn new(id: String) -> Self {
        Self { id, over: false }
    }
}

/// A path as text, or as its bytes where it isn't text: a checkout may lie anywhere.
pub(super) mod path {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(in super::super) fn serialize<S: Serializer>(
        path: &Path,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => Stored::Text(text.to_owned()),
            None => Stored::Bytes(path.as_os_str().as_bytes().to_vec()),
        }
        .serialize(out)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<PathBuf, D::Error> {
        Ok(match Stored::deserialize(from)? {
            Stored::Text(text) => text.into(),
            Stored::Bytes(bytes) => OsString::from_vec(bytes).into(),
        })
    }
}
