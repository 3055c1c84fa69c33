//! A provider that misbehaves on demand, with the world that its resources are in, and with all that a host
//! must never ask of it.

use super::orders::Order;
use crate::claims::{Store, skew};
use crate::provider::{Callbacks, ProviderError, Runtime};
use crabbox_provider_api::manifest::{Deadline, Limit};
use crabbox_provider_api::payload::{
    Attributes, Checkpoint, Endpoint, ExtendRequest, Extended, Found, Intent, Inventory,
    LeaseRequest, Leased, Listed, Proof, ReleaseAction, ReleaseRequest, Released, Resolution,
    ResolveRequest, Resource, ResourceState, Scope, Transport,
};
use crabbox_provider_api::{Effect, Error, ErrorCode};
use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How the next call goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mood {
    /// As it should.
    #[default]
    Well,
    /// It fails before anything happens, and says so.
    Refuses,
    /// It fails before anything happens, and doesn't know.
    Breaks,
    /// Everything happens, and the answer is lost.
    LosesAnswer,
    /// `lease` breaks off when the resource is named, and it appears later.
    IsLate,
    /// `lease` breaks off when the resource is made and its id isn't recorded.
    BreaksAfterMaking,
    /// It sees nothing with this login.
    SeesNothing,
    /// It says that the resource is another's.
    CallsItForeign,
    /// It finds several.
    IsUnsure,
    /// It finds another resource under the name.
    FindsAnother,
    /// It names no way to the box.
    KnowsNoWay,
    /// `lease` names what another lease has.
    NamesAnothers,
    /// It is logged in elsewhere, where the same id is another's.
    IsElsewhere,
}

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

/// The longest that the provider lets a box stay, where it ends them by itself.
pub(super) const LONGEST: Duration = Duration::from_hours(24);

/// One of two accounts of one user.
const OTHER: &str = "me at work";

/// The year 9999, in milliseconds since 1970.
const AGES: u64 = 253_370_764_800_000;

#[derive(Debug, Default)]
pub(super) struct World {
    /// The provider ends its boxes by itself.
    pub(super) ends_boxes: bool,
    /// In the order of their making. Names aren't unique here.
    pub(super) things: Vec<Thing>,
    /// When it appears, its name, under which account, and for which lease.
    late: Vec<(SignedDuration, String, bool, Option<String>)>,
    /// Names that were given by a request that came through: another one for the same is refused.
    names: BTreeSet<String>,
    /// How much time has passed.
    passed: SignedDuration,
    ids: u32,
    /// Which lease was ever given an id.
    given: BTreeMap<String, String>,
    /// Under which account each id was given.
    accounts: BTreeMap<String, bool>,
    /// Who is logged in now: the other one of two.
    other: bool,
    /// How often somebody has logged in.
    pub(super) logins: u32,
    /// Which lease had what before it was let go of.
    had: BTreeSet<(String, String)>,
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

/// The world, and how a command is run in it.
#[derive(Clone)]
pub(in crate::lease) struct Shared {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) run: fn(&Shared, Order),
    pub(super) state: Arc<std::path::PathBuf>,
    pub(super) store: Arc<Mutex<Option<Store>>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the provider's manifest says of it.
    pub(in crate::lease) fn own_deadline(&self) -> Option<Deadline> {
        let max = Some(Limit(LONGEST));
        self.lock().ends_boxes.then(|| Deadline { max, ..Deadline::default() })
    }

    /// The claims, which are looked at more often than they could be opened.
    pub(super) fn store(&self) -> MutexGuard<'_, Option<Store>> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.get_or_insert_with(|| Store::open(&self.state).expect("opens"));
        store
    }

    /// Time passes, for the host, too.
    pub(super) fn pass(&self, time: SignedDuration) {
        skew::pass(time);
        self.lock().pass(time);
    }
}

impl Runtime for Shared {
    fn call(
        &mut self,
        hook: &'static str,
        request: Value,
        _: Duration,
        host: &mut dyn Callbacks,
    ) -> Result<Value, ProviderError> {
        let meanwhile = self.lock().meanwhile.take();
        if let Some(order) = meanwhile {
            (self.run)(self, order);
        }
        let mood = {
            let mut world = self.lock();
            let mood = world.moods.pop_front().unwrap_or_default();
            world.met.insert((hook, mood));
            mood
        };
        // Each takes its time.
        self.pass(SignedDuration::from_secs(20));
        match mood {
            Mood::Refuses => return Err(failed(Effect::None)),
            Mood::Breaks => return Err(failed(Effect::Maybe)),
            _ => {}
        }
        let answer = match hook {
            "lease" => self.lease(read(request), mood, host).map(answer),
            "resolve" => Ok(answer(self.resolve(&read(request), mood))),
            "release" => Ok(answer(self.release(&read(request), mood))),
            "extend" => self.extend(&read(request), mood).map(answer),
            "list" => Ok(answer(self.list())),
            other => panic!("nobody calls {other} here"),
        };
        if mood == Mood::LosesAnswer { Err(failed(Effect::Maybe)) } else { answer }
    }

    fn broken(&mut self, hook: &'static str, reason: String) -> ProviderError {
        panic!("{hook}: {reason}")
    }
}

fn read<T: DeserializeOwned>(request: Value) -> T {
    serde_json::from_value(request).expect("a request")
}

fn answer(answer: impl Serialize) -> Value {
    serde_json::to_value(answer).expect("JSON")
}

fn failed(effect: Effect) -> ProviderError {
    let error = Error::new(ErrorCode::Unavailable, "as asked").effect(effect);
    ProviderError::Answer { provider: "model".to_owned(), error }
}

fn scope(mood: Mood, other: bool) -> Scope {
    let account = match (mood, other) {
        (Mood::IsElsewhere, _) => "you",
        (_, true) => OTHER,
        (_, false) => "me",
    };
    Scope { deployment: "model".to_owned(), account: account.to_owned() }
}

fn sighted(name: &str, id: &str, mood: Mood, other: bool) -> Resolution {
    Resolution::Found(Found {
        resource: Resource { name: name.to_owned(), id: Some(id.to_owned()) },
        scope: scope(mood, other),
        state: ResourceState::Ready,
        endpoint: (mood != Mood::KnowsNoWay).then(endpoint),
        identity: None,
        attributes: Attributes::new(),
    })
}

fn endpoint() -> Endpoint {
    let here = Transport::Exec { prefix: Vec::new() };
    Endpoint { same_machine: true, ..Endpoint::new(here, "~/crabbox") }
}

impl World {
    fn make(&mut self, name: &str, other: bool, lease: Option<&str>) -> String {
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
    fn pass(&mut self, time: SignedDuration) {
        self.passed += time;
        let now = self.passed;
        let (due, late): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.late).into_iter().partition(|(at, ..)| *at <= now);
        self.late = late;
        for (_, name, other, lease) in due {
            if !self.names.contains(&name) {
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
    fn of_another(&self, lease: &str) -> Option<String> {
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

    fn is_of(&self, id: &str, scope: &Scope) -> bool {
        self.accounts.get(id).is_none_or(|other| *scope == self::scope(Mood::Well, *other))
    }

    fn find(&mut self, id: &str) -> Option<&mut Thing> {
        self.things.iter_mut().find(|thing| thing.id == id)
    }
}

impl Shared {
    fn lease(
        &self,
        request: LeaseRequest,
        mood: Mood,
        host: &mut dyn Callbacks,
    ) -> Result<Leased, ProviderError> {
        let name = format!("box-{}", request.lease);
        let other = self.lock().other;
        let record = |host: &mut dyn Callbacks, id: Option<&str>| {
            let resource = Resource { name: name.clone(), id: id.map(str::to_owned) };
            // Where it is first, it is.
            let mood = if id.is_some() { mood } else { Mood::Well };
            let stored = host.checkpoint(&Checkpoint { resource, scope: Some(scope(mood, other)) });
            stored.map_err(|_| failed(if id.is_some() { Effect::Done } else { Effect::None }))
        };
        self.note_ending(&request.lease);
        record(host, None)?;
        let id = {
            let mut world = self.lock();
            let ours = |thing: &&Thing| {
                thing.other == other && thing.lease.as_ref() == Some(&request.lease)
            };
            match world.things.iter().find(ours) {
                Some(thing) => thing.id.clone(),
                None if mood == Mood::IsLate => {
                    let at = world.passed + SignedDuration::from_mins(5);
                    world.late.push((at, name, other, Some(request.lease)));
                    return Err(failed(Effect::Maybe));
                }
                None => {
                    world.names.insert(name.clone());
                    world.make(&name, other, Some(&request.lease))
                }
            }
        };
        if mood == Mood::NamesAnothers
            && let Some(id) = self.lock().of_another(&request.lease)
        {
            record(host, Some(&id))?;
            self.lock().wrongs.push(format!("{} may have {id}", request.lease));
        }
        if mood == Mood::BreaksAfterMaking {
            return Err(failed(Effect::Maybe));
        }
        record(host, Some(&id))?;
        Ok(Leased {
            resource: Resource { name, id: Some(id) },
            scope: scope(mood, other),
            endpoint: (mood != Mood::KnowsNoWay).then(endpoint),
            ..Leased::default()
        })
    }

    /// What was settled for its end when it was asked for first.
    fn note_ending(&self, lease: &str) {
        let store = Store::open(&self.state).expect("opens");
        let claim = store
            .get(&lease.parse().expect("an id"))
            .expect("reads")
            .expect("the claim comes first");
        let action = claim.ending.action().expect("a new box has an end");
        self.lock().endings.entry(lease.to_owned()).or_insert(action);
    }

    fn resolve(&self, request: &ResolveRequest, mood: Mood) -> Resolution {
        let mut world = self.lock();
        match mood {
            Mood::SeesNothing => return Resolution::Missing { proof: Proof::NotVisible },
            Mood::CallsItForeign => return Resolution::Foreign { owner: "you".to_owned() },
            Mood::IsUnsure => return Resolution::Ambiguous { candidates: Vec::new() },
            _ => {}
        }
        let Resource { name, id } = &request.resource;
        // A name that was never seen is the lease's own; later on, anybody may have taken it.
        let knew = id.is_some() || world.recorded.contains(&request.lease);
        let other = world.other;
        if mood == Mood::FindsAnother && knew {
            return sighted(name, "id-0", mood, other);
        }
        let named = world.things.iter();
        let named = named.filter(|thing| thing.name == *name && thing.other == other);
        let found: Vec<_> = match id {
            Some(id) => named.filter(|thing| thing.id == *id).cloned().collect(),
            None => named.cloned().collect(),
        };
        let thing = match found.as_slice() {
            // From here, nothing is known of another account.
            [] if request.scope.as_ref().is_some_and(|of| *of != scope(Mood::Well, other)) => {
                return Resolution::Missing { proof: Proof::NotVisible };
            }
            [] => return Resolution::Missing { proof: Proof::Deleted },
            [thing] if thing.lease.is_none() => {
                return Resolution::Foreign { owner: "you".to_owned() };
            }
            [thing] => thing.clone(),
            _ => return Resolution::Ambiguous { candidates: Vec::new() },
        };
        // Elsewhere, it would be another that is started.
        if request.intent == Intent::Connect && mood != Mood::IsElsewhere {
            if thing.lease.as_ref() != Some(&request.lease) {
                world.wrongs.push(format!("starts {name} for {}", request.lease));
            }
            if let Some(thing) = world.find(&thing.id) {
                thing.is_on = true;
            }
        }
        sighted(name, &thing.id, mood, other)
    }

    fn extend(&self, request: &ExtendRequest, mood: Mood) -> Result<Extended, ProviderError> {
        let mut world = self.lock();
        let id = request.resource.id.clone().unwrap_or_default();
        // Nobody holds a lease while it is extended: its claim may be dropped meanwhile.
        let is_its_own = world.given.get(&id) == Some(&request.lease)
            || world.had.contains(&(id.clone(), request.lease.clone()));
        if !is_its_own || !world.is_of(&id, &request.scope) {
            world.wrongs.push(format!("extends what isn't its own: {request:?}"));
        }
        if world.is_unseen(&id) {
            return Err(failed(Effect::None));
        }
        let is_odd = matches!(mood, Mood::KnowsNoWay | Mood::IsUnsure | Mood::IsLate);
        Ok(Extended { deadline: if is_odd { AGES } else { request.deadline } })
    }

    fn list(&self) -> Inventory {
        let world = self.lock();
        let listed = |thing: &Thing| Listed {
            resource: Resource { name: thing.name.clone(), id: Some(thing.id.clone()) },
            scope: scope(Mood::Well, thing.other),
            state: ResourceState::Ready,
            lease: thing.lease.clone(),
            owner: None,
            mine: Some(true),
        };
        let seen = world.things.iter().filter(|thing| thing.other == world.other);
        Inventory { resources: seen.map(listed).collect(), next: None }
    }

    fn release(&self, request: &ReleaseRequest, mood: Mood) -> Released {
        let mut world = self.lock();
        let Resource { name, id } = &request.resource;
        let lease = &request.lease;
        let id = id.clone().unwrap_or_default();
        if world.given.get(&id) != Some(lease) {
            world.wrongs.push(format!("{lease} releases {name} ({id}), which it was never given"));
        }
        if !world.is_of(&id, &request.scope) {
            world.wrongs.push(format!("{lease} is released elsewhere: {:?}", request.scope));
        }
        if world.in_use.contains(lease) {
            world.wrongs.push(format!("releases {lease}, which somebody uses"));
        }
        let settled = world.endings.get(lease).copied();
        let is_asked = world.to_delete.contains(lease);
        if settled != Some(request.action) && !(is_asked && request.action == ReleaseAction::Delete)
        {
            world.wrongs.push(format!("{lease}: {:?} and not {settled:?}", request.action));
        }
        if matches!(mood, Mood::SeesNothing) || world.is_unseen(&id) {
            return Released::Missing { proof: Proof::NotVisible };
        }
        if matches!(mood, Mood::CallsItForeign | Mood::IsUnsure) {
            return Released::Unknown;
        }
        let Some(at) = world.things.iter().position(|thing| thing.id == id) else {
            return Released::Missing { proof: Proof::Deleted };
        };
        match request.action {
            ReleaseAction::Park => {
                world.things[at].is_on = false;
                Released::Parked
            }
            ReleaseAction::Delete => {
                world.things.remove(at);
                Released::Deleted
            }
        }
    }
}
