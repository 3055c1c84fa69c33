//! Finds a box for a checkout: a ready one, else a parked one, else a new one.

use super::desk::{Clerk, Desk, profile};
use super::names::{random_bits, slug};
use crate::claims::{Claim, Event, Holder, LeaseId, State};
use crate::output::{CommandError, Exit};
use crate::provider::{Provider, ProviderError};
use crabbox_provider_api::Effect;
use crabbox_provider_api::payload::{
    Endpoint, Found, Intent, LeaseRequest, Leased, Proof, ReleaseAction, Resolution,
    ResolveRequest, Resource, Settings,
};
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Duration;

/// How long a provider may take to make a resource.
const LEASE_DEADLINE: Duration = Duration::from_mins(20);

/// How long a provider may take to start and find a resource.
const RESOLVE_DEADLINE: Duration = Duration::from_mins(10);

/// How many new names to try before giving up on a store that takes none.
const NAMES: usize = 10;

/// What kind of box is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The checkout that it serves.
    pub repository: PathBuf,
    /// The provider's name.
    pub provider: String,
    /// The provider's settings.
    pub settings: Settings,
    /// What becomes of a new resource at its end.
    pub release: ReleaseAction,
    /// A new lease stays ready after each run.
    pub keep: bool,
    /// Never reuse a lease.
    pub fresh: bool,
    /// Only this lease: its id or slug.
    pub id: Option<String>,
    /// The run that the box is for: in the claim before anything of it starts.
    pub run: String,
}

/// How a box was come by: decides who lets go of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It stood ready, and is left so.
    FoundReady,
    /// This command leased or un-parked it, and releases it.
    Acquired,
}

/// A box that this command holds.
#[derive(Debug)]
pub struct Held {
    /// Its claim, busy.
    pub claim: Claim,
    /// The way to it.
    pub endpoint: Endpoint,
    /// How it was come by.
    pub how: How,
    /// Nobody else uses the lease while this lives.
    pub(super) holder: Holder,
}

impl Desk {
    /// Finds or makes a box.
    pub fn acquire(&mut self, wanted: &Wanted) -> Result<Held, CommandError> {
        for candidate in self.candidates(wanted)? {
            let explicit = wanted.id.is_some();
            match self.try_take(&candidate, wanted, explicit)? {
                Some(held) => return Ok(held),
                None if explicit => break,
                None => {}
            }
        }
        match &wanted.id {
            None => self.lease_new(wanted),
            Some(id) => Err(CommandError::new(
                Exit::NotFound,
                format!("the lease `{id}` has no box any more"),
            )
            .hint("crabbox run --fresh -- COMMAND")),
        }
    }

    /// The claims that may serve, best first.
    fn candidates(&self, wanted: &Wanted) -> Result<Vec<Claim>, CommandError> {
        if let Some(id) = &wanted.id {
            let claim = self.find(id)?;
            return match claim.state {
                State::Failed => Err(CommandError::new(
                    Exit::Conflict,
                    format!("`{}` was never leased: it failed, and is not used again", claim.slug),
                )
                .hint("crabbox run --fresh -- COMMAND")),
                _ => Ok(vec![claim]),
            };
        }
        if wanted.fresh {
            return Ok(Vec::new());
        }
        let profile = profile(&wanted.settings);
        let mut claims = self.store.of_repository(&wanted.repository, &wanted.provider)?;
        claims.retain(|claim| claim.profile == profile && claim.state != State::Failed);
        claims.sort_by_key(|claim| match claim.state {
            State::Ready => 0,
            State::Parked => 1,
            // Left by a command that was killed, or in use: their lock tells.
            _ => 2,
        });
        Ok(claims)
    }

    /// The claim with this id or slug.
    pub fn find(&self, reference: &str) -> Result<Claim, CommandError> {
        self.store.find(reference)?.ok_or_else(|| {
            CommandError::new(Exit::NotFound, format!("there is no lease `{reference}`"))
                .hint("crabbox list")
        })
    }

    /// Takes a candidate. `None`: it is in use, or has no box any more.
    fn try_take(
        &mut self,
        candidate: &Claim,
        wanted: &Wanted,
        explicit: bool,
    ) -> Result<Option<Held>, CommandError> {
        let holder = match self.store.hold(&candidate.id)? {
            Ok(holder) => holder,
            Err(by) if explicit => {
                return Err(CommandError::new(
                    Exit::Conflict,
                    format!("`{}` is in use by {by}", candidate.slug),
                )
                .hint("wait for it, or leave `--id` out to get another box"));
            }
            Err(_) => return Ok(None),
        };
        // It may have changed between being listed and being locked.
        let Some(mut claim) = self.store.find(candidate.id.as_str())? else {
            return Ok(None);
        };
        match (claim.state, claim.endpoint.clone()) {
            (State::Ready, Some(endpoint)) => {
                let run = Some(wanted.run.clone());
                self.store.transition(&mut claim, Event::Take, |claim| claim.run = run)?;
                Ok(Some(Held { claim, endpoint, how: How::FoundReady, holder }))
            }
            (State::Ready | State::Parked | State::Busy | State::Releasing, _) => {
                self.reconnect(claim, holder, wanted)
            }
            (State::Leasing, _) => {
                let mut provider = self.provider(&claim.provider)?;
                self.make(claim, holder, &mut provider, wanted).map(Some)
            }
            (State::Released | State::Lost | State::Failed, _) => Ok(None),
        }
    }

    /// Asks for the way to a held box once more, since the one in the claim leads nowhere, or
    /// elsewhere; finds or makes another box where that one is gone.
    pub fn take_again(&mut self, held: Held, wanted: &Wanted) -> Result<Held, CommandError> {
        let Held { claim, how, holder, .. } = held;
        match self.reconnect(claim, holder, wanted)? {
            Some(again) => Ok(Held { how, ..again }),
            None => self.acquire(wanted),
        }
    }

    /// Asks the provider for the way to a box that nobody vouches for now.
    fn reconnect(
        &mut self,
        mut claim: Claim,
        holder: Holder,
        wanted: &Wanted,
    ) -> Result<Option<Held>, CommandError> {
        let mut provider = self.provider(&claim.provider)?;
        let answer = self.resolve(&mut provider, &mut claim, Intent::Connect, &wanted.settings)?;
        let slug = claim.slug.clone();
        match answer {
            Resolution::Found(found) if is_the_same(&claim.resource, &found.resource) => {
                let endpoint =
                    found.endpoint.clone().ok_or_else(|| no_endpoint(&claim.provider))?;
                self.store.transition(&mut claim, Event::Take, |claim| {
                    note(claim, found);
                    claim.run = Some(wanted.run.clone());
                })?;
                Ok(Some(Held { claim, endpoint, how: How::Acquired, holder }))
            }
            Resolution::Missing { proof: Proof::Deleted } => {
                self.store.transition(&mut claim, Event::Gone, |_| ())?;
                self.printer
                    .phase(&format!("the box of `{slug}` was deleted: its claim is closed"));
                Ok(None)
            }
            other => {
                self.printer.phase(&format!("`{slug}` is left alone: {}", why_not(&other)));
                Ok(None)
            }
        }
    }

    /// Calls `resolve` for a claim.
    pub(super) fn resolve(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        intent: Intent,
        settings: &Settings,
    ) -> Result<Resolution, ProviderError> {
        let request = ResolveRequest {
            lease: claim.id.to_string(),
            resource: claim.resource.clone(),
            scope: claim.scope.clone(),
            attributes: claim.attributes.clone(),
            intent,
            settings: settings.clone(),
        };
        let printer = self.printer;
        let mut clerk = Clerk { store: &mut self.store, claim, printer };
        provider.resolve(&request, RESOLVE_DEADLINE, &mut clerk)
    }

    fn lease_new(&mut self, wanted: &Wanted) -> Result<Held, CommandError> {
        // Before the claim: a provider that can't start has made nothing.
        let mut provider = self.provider(&wanted.provider)?;
        for tried in 0..NAMES {
            let id = LeaseId::from_bits(random_bits());
            let slug = slug(random_bits(), tried);
            let claim = new_claim(id, slug, wanted, provider.version());
            // The lock comes first, so that nobody takes the claim for an abandoned one.
            let Ok(holder) = self.store.hold(&claim.id)? else {
                continue;
            };
            if self.store.insert(&claim)? {
                return self.make(claim, holder, &mut provider, wanted);
            }
        }
        Err(CommandError::failed("no free name for a new lease was found"))
    }

    /// Has the provider make the resource of a claim; adopts what an earlier call made.
    fn make(
        &mut self,
        mut claim: Claim,
        holder: Holder,
        provider: &mut Provider,
        wanted: &Wanted,
    ) -> Result<Held, CommandError> {
        let settings = &wanted.settings;
        let request = LeaseRequest {
            lease: claim.id.to_string(),
            slug: claim.slug.clone(),
            deadline: None,
            exclude: Vec::new(),
            settings: settings.clone(),
        };
        let printer = self.printer;
        let mut clerk = Clerk { store: &mut self.store, claim: &mut claim, printer };
        let leased = match provider.lease(&request, LEASE_DEADLINE, &mut clerk) {
            Ok(leased) => leased,
            Err(error) => {
                let effect = error.effect();
                return Err(self.roll_back(claim, error.into(), effect, settings));
            }
        };
        let found = match self.reach_new(provider, &mut claim, leased, settings) {
            Ok(found) => found,
            Err(error) => return Err(self.roll_back(claim, error, Effect::Done, settings)),
        };
        let Some(endpoint) = found.endpoint.clone() else {
            let error = no_endpoint(&claim.provider);
            return Err(self.roll_back(claim, error, Effect::Done, settings));
        };
        self.store.transition(&mut claim, Event::Leased, |claim| {
            note(claim, found);
            claim.run = Some(wanted.run.clone());
        })?;
        self.printer
            .phase(&format!("leased {} ({}) from {}", claim.slug, claim.id, claim.provider));
        Ok(Held { claim, endpoint, how: How::Acquired, holder })
    }

    /// What `lease` has made, with the way to it: a provider that doesn't know that yet is asked.
    fn reach_new(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        leased: Leased,
        settings: &Settings,
    ) -> Result<Found, CommandError> {
        if leased.endpoint.is_some() {
            return Ok(leased.into());
        }
        self.store.transition(claim, Event::Checkpoint, |claim| {
            claim.resource = leased.resource;
            claim.scope = Some(leased.scope);
            claim.attributes = leased.attributes;
        })?;
        match self.resolve(provider, claim, Intent::Connect, settings)? {
            Resolution::Found(found) if is_the_same(&claim.resource, &found.resource) => Ok(found),
            other => Err(CommandError::failed(format!(
                "the new box of `{}` can't be reached: {}",
                claim.slug,
                why_not(&other)
            ))),
        }
    }

    /// Undoes a lease that failed, as far as it is proven ours. What the user sees is the
    /// original error, with what became of the rest beneath it.
    fn roll_back(
        &mut self,
        mut claim: Claim,
        result: CommandError,
        effect: Effect,
        settings: &Settings,
    ) -> CommandError {
        let left = if effect == Effect::None { Ok(None) } else { self.undo(&mut claim, settings) };
        let slug = claim.slug.clone();
        let trouble = match &left {
            Ok(None) => result.to_string(),
            Ok(Some(left)) => format!("{result}; {left}"),
            Err(second) => format!("{result}; undoing it failed, too: {second}"),
        };
        let closed = self.store.transition(&mut claim, Event::LeaseFailed, |claim| {
            claim.trouble = Some(trouble);
        });
        match (left, closed) {
            (Ok(None), Ok(())) => result,
            (Ok(Some(left)), Ok(())) => result.hint(left),
            (Err(second), _) => result
                .hint(format!("undoing it failed, too: {second}"))
                .hint(format!("crabbox stop {slug} --delete finishes the job")),
            (_, Err(second)) => result.hint(format!("the claim couldn't be closed: {second}")),
        }
    }

    /// Releases what `lease` may have made. Says what is left, if anything is.
    fn undo(
        &mut self,
        claim: &mut Claim,
        settings: &Settings,
    ) -> Result<Option<String>, CommandError> {
        if claim.resource.name.is_empty() {
            return Ok(None);
        }
        // The one that failed may be dead, or not itself any more.
        let mut provider = self.provider(&claim.provider)?;
        let slug = claim.slug.clone();
        match self.resolve(&mut provider, claim, Intent::Status, settings)? {
            Resolution::Found(found) if is_the_same(&claim.resource, &found.resource) => {
                self.store.transition(claim, Event::Release, |claim| note(claim, found))?;
                let action = claim.release;
                self.call_release(&mut provider, claim, action, settings)?;
                let done = match action {
                    ReleaseAction::Park => "what it made is parked",
                    ReleaseAction::Delete => "what it made is deleted",
                };
                Ok(Some(format!("{done}; `crabbox status {slug}` shows it")))
            }
            Resolution::Missing { proof: Proof::Deleted } => Ok(None),
            other => Ok(Some(format!(
                "`{}` may be left at the provider ({}): `crabbox status {slug}` shows it",
                claim.resource.name,
                why_not(&other)
            ))),
        }
    }
}

fn new_claim(id: LeaseId, slug: String, wanted: &Wanted, version: &str) -> Claim {
    let now = Timestamp::now();
    Claim {
        id,
        slug,
        state: State::Leasing,
        revision: 1,
        provider: wanted.provider.clone(),
        provider_version: version.to_owned(),
        scope: None,
        resource: Resource::default(),
        attributes: serde_json::Map::new(),
        endpoint: None,
        identity: None,
        machine: None,
        marker: None,
        release: wanted.release,
        keep: wanted.keep,
        repository: wanted.repository.clone(),
        profile: profile(&wanted.settings),
        created: now,
        updated: now,
        idle_deadline: None,
        run: Some(wanted.run.clone()),
        trouble: None,
    }
}

/// A name proves nothing: where the id is known, it must be this one.
pub(super) fn is_the_same(claimed: &Resource, found: &Resource) -> bool {
    match &claimed.id {
        Some(id) => found.id.as_ref() == Some(id),
        None => found.name == claimed.name && found.id.is_some(),
    }
}

/// A provider that says of a box that it is there must say how to reach it.
fn no_endpoint(provider: &str) -> CommandError {
    CommandError::failed(format!("the provider `{provider}` names no way to the box"))
        .code("provider")
}

/// Takes over what `resolve` found. The provider has just vouched for the box, so what
/// it showed before no longer counts.
fn note(claim: &mut Claim, found: Found) {
    claim.resource = found.resource;
    claim.scope = Some(found.scope);
    claim.attributes = found.attributes;
    claim.endpoint = found.endpoint;
    claim.identity = found.identity;
    claim.marker = None;
    claim.machine = None;
}

/// Why a resolution is no box, for people.
pub(super) fn why_not(resolution: &Resolution) -> String {
    match resolution {
        Resolution::Missing { proof: Proof::Deleted } => "its resource was deleted".to_owned(),
        Resolution::Missing { proof: Proof::NotVisible } => {
            "its resource can't be seen with this login".to_owned()
        }
        Resolution::Ambiguous { candidates } => {
            format!("more than one resource answers to it: {}", candidates.join(", "))
        }
        Resolution::Foreign { owner } => format!("its resource belongs to {owner}"),
        Resolution::Found(_) => "another resource has taken its place".to_owned(),
        _ => "the provider gives an answer that this crabbox doesn't know".to_owned(),
    }
}
