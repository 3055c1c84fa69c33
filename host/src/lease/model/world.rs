//! A provider that misbehaves on demand, with the world that its resources are in, and with all that a host
//! must never ask of it.

use super::Order;
use crate::claims::{Store, skew};
use crate::provider::{Callbacks, ProviderError, Runtime};
use crabbox_provider_api::payload::{
    Attributes, Checkpoint, Endpoint, Found, Intent, LeaseRequest, Leased, Proof, ReleaseAction,
    ReleaseRequest, Released, Resolution, ResolveRequest, Resource, ResourceState, Scope,
    Transport,
};
use crabbox_provider_api::{Effect, Error, ErrorCode};
use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How the next call goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
}

#[derive(Clone, Debug)]
pub(super) struct Thing {
    number: u32,
    pub(super) id: String,
    /// Whose it is. `None`: somebody else's.
    pub(super) lease: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) things: BTreeMap<String, Thing>,
    /// When it appears, its name, and for which lease.
    late: Vec<(SignedDuration, String, String)>,
    /// How much time has passed.
    passed: SignedDuration,
    ids: u32,
    /// Which lease was ever given an id.
    given: BTreeMap<String, String>,
    pub(super) mood: Mood,
    /// What somebody else does while the next call goes on.
    pub(super) meanwhile: Option<Order>,
    /// Leases that somebody works with now.
    pub(super) in_use: BTreeSet<String>,
    /// What was settled for the end of a lease, and what `--delete` was asked for.
    pub(super) endings: BTreeMap<String, ReleaseAction>,
    pub(super) to_delete: BTreeSet<String>,
    /// What should never have been asked.
    pub(super) wrongs: Vec<String>,
}

/// The world, and how a command is run in it.
#[derive(Clone)]
pub(in crate::lease) struct Shared {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) run: fn(&Shared, Order),
    pub(super) state: Arc<std::path::PathBuf>,
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
        let mood = std::mem::take(&mut self.lock().mood);
        match mood {
            Mood::Refuses => return Err(failed(Effect::None)),
            Mood::Breaks => return Err(failed(Effect::Maybe)),
            _ => {}
        }
        let answer = match hook {
            "lease" => self.lease(read(request), mood, host).map(answer),
            "resolve" => Ok(answer(self.resolve(&read(request), mood))),
            "release" => Ok(answer(self.release(&read(request), mood))),
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

fn scope() -> Scope {
    Scope { deployment: "model".to_owned(), account: "me".to_owned() }
}

fn endpoint() -> Endpoint {
    Endpoint {
        transport: Transport::Exec { prefix: Vec::new() },
        work_root: "~".to_owned(),
        same_machine: true,
    }
}

impl World {
    fn make(&mut self, name: &str, lease: Option<&str>) -> String {
        self.ids += 1;
        // A name is given once: a request for it that is under way is refused.
        self.late.retain(|(_, late, _)| late != name);
        let id = format!("id-{}", self.ids);
        if let Some(lease) = lease {
            self.given.insert(id.clone(), lease.to_owned());
        }
        let thing = Thing { number: self.ids, id: id.clone(), lease: lease.map(str::to_owned) };
        self.things.insert(name.to_owned(), thing);
        id
    }

    /// What was under way appears.
    fn pass(&mut self, time: SignedDuration) {
        self.passed += time;
        let now = self.passed;
        let (due, late) =
            std::mem::take(&mut self.late).into_iter().partition(|(at, ..)| *at <= now);
        self.late = late;
        let due: Vec<(SignedDuration, String, String)> = due;
        for (_, name, lease) in due {
            self.make(&name, Some(&lease));
        }
    }

    /// Somebody else puts another resource in the place of one, or (`false`) just deletes it.
    pub(super) fn behind_our_back(&mut self, which: usize, replace: bool) {
        let mut names: Vec<String> = self.things.keys().cloned().collect();
        // In the order of their making, whatever they are called: a sequence can be repeated.
        names.sort_by_key(|name| self.things[name].number);
        let Some(name) = names.get(which % names.len().max(1)) else { return };
        if self.things.remove(name).is_some_and(|thing| thing.lease.is_none()) || replace {
            self.make(name, None);
        }
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
        let record = |host: &mut dyn Callbacks, id: Option<&str>| {
            let resource = Resource { name: name.clone(), id: id.map(str::to_owned) };
            let stored = host.checkpoint(&Checkpoint { resource, scope: Some(scope()) });
            stored.map_err(|_| failed(if id.is_some() { Effect::Done } else { Effect::None }))
        };
        self.note_ending(&request.lease);
        record(host, None)?;
        if mood == Mood::IsLate {
            let mut world = self.lock();
            let at = world.passed + SignedDuration::from_mins(5);
            if !world.things.contains_key(&name) {
                world.late.push((at, name, request.lease));
            }
            return Err(failed(Effect::Maybe));
        }
        let id = {
            let mut world = self.lock();
            match world.things.get(&name) {
                Some(thing) if thing.lease.as_ref() == Some(&request.lease) => thing.id.clone(),
                Some(_) => return Err(failed(Effect::None)),
                None => world.make(&name, Some(&request.lease)),
            }
        };
        if mood == Mood::BreaksAfterMaking {
            return Err(failed(Effect::Maybe));
        }
        record(host, Some(&id))?;
        Ok(Leased {
            resource: Resource { name, id: Some(id) },
            scope: scope(),
            endpoint: (mood != Mood::KnowsNoWay).then(endpoint),
            ..Leased::default()
        })
    }

    /// What was settled for its end when it was asked for first.
    fn note_ending(&self, lease: &str) {
        let store = Store::open(&self.state).expect("opens");
        let claim = store.find(lease).expect("reads").expect("the claim comes first");
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
        let thing = world.things.get(name).cloned();
        let thing = match (thing, id) {
            (Some(thing), Some(id)) if thing.id == *id => thing,
            (Some(thing), None) if thing.lease.as_ref() == Some(&request.lease) => thing,
            (Some(_), None) => return Resolution::Foreign { owner: "you".to_owned() },
            _ => return Resolution::Missing { proof: Proof::Deleted },
        };
        if request.intent == Intent::Connect && thing.lease.as_ref() != Some(&request.lease) {
            world.wrongs.push(format!("starts {name} for {}", request.lease));
        }
        // Where no id is known, the name is: that holds the lease's own random number.
        let another = mood == Mood::FindsAnother && id.is_some();
        let id = if another { "id-0".to_owned() } else { thing.id };
        Resolution::Found(Found {
            resource: Resource { name: name.clone(), id: Some(id) },
            scope: scope(),
            state: ResourceState::Ready,
            endpoint: (mood != Mood::KnowsNoWay).then(endpoint),
            identity: None,
            attributes: Attributes::new(),
        })
    }

    fn release(&self, request: &ReleaseRequest, mood: Mood) -> Released {
        let mut world = self.lock();
        let Resource { name, id } = &request.resource;
        let lease = &request.lease;
        let id = id.clone().unwrap_or_default();
        if world.given.get(&id) != Some(lease) {
            world.wrongs.push(format!("{lease} releases {name} ({id}), which it was never given"));
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
        if matches!(mood, Mood::SeesNothing) {
            return Released::Missing { proof: Proof::NotVisible };
        }
        match world.things.get(name) {
            Some(thing) if thing.id == id => {}
            _ => return Released::Missing { proof: Proof::Deleted },
        }
        match request.action {
            ReleaseAction::Park => Released::Parked,
            ReleaseAction::Delete => {
                world.things.remove(name);
                Released::Deleted
            }
        }
    }
}
