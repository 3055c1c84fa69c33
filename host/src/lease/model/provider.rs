//! A provider that misbehaves on demand: its hooks, over the world.

use super::mood::Mood;
use super::orders::Order;
use super::world::{Thing, World, scope};
use crate::claims::{Store, skew};
use crate::provider::{Callbacks, ProviderError, Runtime};
use crabbox_provider_api::manifest::{Deadline, Limit};
use crabbox_provider_api::payload::{
    Attributes, Checkpoint, Endpoint, ExtendRequest, Extended, Found, Intent, Inventory,
    LeaseRequest, Leased, Listed, Proof, ReleaseAction, ReleaseRequest, Released, Resolution,
    ResolveRequest, Resource, ResourceState, Transport,
};
use crabbox_provider_api::{Effect, Error, ErrorCode};
use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest that the provider lets a box stay, where it ends them by itself.
pub(super) const LONGEST: Duration = Duration::from_hours(24);

/// The year 9999, in milliseconds since 1970.
const AGES: u64 = 253_370_764_800_000;

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
            state: if thing.is_on { ResourceState::Ready } else { ResourceState::Parked },
            lease: thing.lease.clone(),
            owner: None,
            mine: Some(true),
            evidence: BTreeMap::new(),
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

fn sighted(name: &str, id: &str, mood: Mood, other: bool) -> Resolution {
    Resolution::Found(Found {
        resource: Resource { name: name.to_owned(), id: Some(id.to_owned()) },
        scope: scope(mood, other),
        state: ResourceState::Ready,
        endpoint: (mood != Mood::KnowsNoWay).then(endpoint),
        identity: None,
        attributes: Attributes::new(),
        owner: None,
    })
}

fn endpoint() -> Endpoint {
    let here = Transport::Exec { prefix: Vec::new() };
    Endpoint { same_machine: true, ..Endpoint::new(here, "~/crabbox") }
}
