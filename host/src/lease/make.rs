//! Leases a new box: its claim comes first, then the provider's work.

use super::answer::{reachable, unusable, why_not};
use super::audit::Action;
use super::desk::{Clerk, Desk};
use super::extend::to_wire;
use super::names::{random_bits, resource_name, slug};
use super::take::{Held, How};
use super::wanted::Wanted;
use crate::claims::{Claim, Ending, Event, Holder, LastRun, LeaseId, Made, Moment};
use crate::output::{CommandError, Exit};
use crate::provider::{Provider, ProviderError};
use crabbox_provider_api::Effect;
use crabbox_provider_api::manifest::Capability;
use crabbox_provider_api::payload::{Found, Intent, LeaseRequest, Leased, Resolution, Settings};
use std::time::Duration;

/// How long a provider may take to make a resource.
pub(super) const LEASE_DEADLINE: Duration = Duration::from_mins(20);

/// How many new names to try before giving up on a store that takes none.
const NAMES: usize = 10;

/// Nothing was leased.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(super) struct NotLeased {
    pub(super) error: Box<CommandError>,
    /// Could something have been made?
    pub(super) effect: Effect,
    /// What was named is another claim's.
    taken: bool,
}

impl NotLeased {
    /// Certainly nothing was made.
    pub(super) fn before(error: CommandError) -> Self {
        Self { error: Box::new(error), effect: Effect::None, taken: false }
    }

    /// The same where certainly nothing was made.
    pub(super) fn without_effect(self) -> Self {
        Self { effect: Effect::None, ..self }
    }

    /// Something may have been.
    pub(super) fn maybe(error: CommandError) -> Self {
        Self { error: Box::new(error), effect: Effect::Maybe, taken: false }
    }
}

impl From<ProviderError> for NotLeased {
    fn from(error: ProviderError) -> Self {
        Self { effect: error.effect(), error: Box::new(error.into()), taken: false }
    }
}

impl Desk {
    pub(super) fn lease_new(&mut self, wanted: &Wanted) -> Result<Held, CommandError> {
        // Before the claim: a provider that can't start has made nothing.
        let provider = self.provider(&wanted.provider)?;
        self.time_to_create(&wanted.provider, provider.own_deadline(), wanted.ttl)?;
        for tried in 0..NAMES {
            let id = LeaseId::from_bits(random_bits());
            let random = || slug(random_bits(), tried);
            let slug = wanted.slug.as_ref().map_or_else(random, ToString::to_string);
            let claim = new_claim(id, slug, wanted, &provider);
            // The lock comes first, so that nobody takes the claim for an abandoned one.
            let _section = self.working.begin();
            let Ok(holder) = self.store.hold(&claim.id)? else {
                continue;
            };
            if self.store.insert(&claim)? {
                self.working.set(Some(&claim.slug));
                return self.make(claim, holder, provider, wanted);
            }
            if wanted.slug.is_some() {
                // Somebody was faster: it may be this checkout's by now.
                drop((holder, provider));
                return self.acquire(wanted);
            }
        }
        Err(CommandError::failed("no free name for a new lease was found"))
    }

    /// Has the provider make the resource of a claim; adopts what an earlier call made.
    pub(super) fn make(
        &mut self,
        mut claim: Claim,
        holder: Holder,
        mut provider: Provider,
        wanted: &Wanted,
    ) -> Result<Held, CommandError> {
        if !claim.may_be_made() {
            let message = format!("`{}` is {}: nothing is made for it", claim.slug, claim.state());
            return Err(CommandError::new(Exit::Conflict, message));
        }
        let settings = &wanted.settings;
        let own = provider.own_deadline();
        // A lease that broke off and is taken up again begins its time now.
        let ttl = self.own_ttl(&claim, wanted.asked_ttl, wanted.ttl);
        let ttl = self.time_to_create(&claim.provider, own, ttl)?;
        let deadline = Some(Moment::after(ttl));
        let request = LeaseRequest {
            lease: claim.id.to_string(),
            slug: claim.slug.clone(),
            name: Some(claim.name.clone()).filter(|name| !name.is_empty()),
            deadline: deadline.as_ref().filter(|_| own.is_some()).map(to_wire),
            exclude: self.store.taken(&claim.provider, &claim.id)?,
            settings: settings.clone(),
        };
        let begun = match self.audit.begin(Action::Lease, &claim) {
            Ok(begun) => begun,
            // What an earlier call may have made waits for the next one.
            Err(error) if claim.made().is_some() => return Err(error),
            Err(error) => return Err(self.roll_back(claim, error, Effect::None, settings)),
        };
        let was_asked = claim.made().is_some();
        let leased = if provider.can(&Capability::SharedBox) {
            self.lease_place(&mut provider, &mut claim, &request)
        } else {
            self.call_lease(&mut provider, &mut claim, &request)
        };
        self.audit.end(&begun, &claim, &leased);
        let leased = match leased {
            Ok(leased) => leased,
            Err(NotLeased { error, effect, taken }) => {
                // One that runs in this process can't be asked again beside itself.
                drop(provider);
                if taken {
                    return Err(self.roll_back_taken(claim, *error, settings));
                }
                // It speaks of this call, and knows nothing of an earlier one that broke off.
                let effect = if was_asked { Effect::Maybe } else { effect };
                return Err(self.roll_back(claim, *error, effect, settings));
            }
        };
        let found = match self.reach_new(&mut provider, &mut claim, leased, settings) {
            Ok(found) => found,
            Err(error) => {
                drop(provider);
                return Err(self.roll_back(claim, error, Effect::Done, settings));
            }
        };
        let (owned, way) = match reachable(&found, wanted.login.as_deref()) {
            Ok(reached) => reached,
            Err(why) => {
                let error = unusable(&claim.provider, &why);
                drop(provider);
                return Err(self.roll_back(claim, error, Effect::Done, settings));
            }
        };
        let endpoint = way.endpoint.clone();
        self.working.hold();
        let run = wanted.run.clone().map(LastRun::new);
        let ttl = wanted.asked_ttl;
        self.store.transition(&mut claim, &Event::Leased { owned, way, run, deadline, ttl })?;
        self.printer
            .phase(&format!("leased {} ({}) from {}", claim.slug, claim.id, claim.provider));
        Ok(Held { claim, endpoint, how: How::Acquired, holder })
    }

    /// Calls `lease`.
    pub(super) fn call_lease(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        request: &LeaseRequest,
    ) -> Result<Leased, NotLeased> {
        let (printer, stop, refused) = (self.printer, self.working.stop(), None);
        let mut clerk = Clerk { store: &mut self.store, claim, printer, stop, refused };
        let leased = provider.lease(request, LEASE_DEADLINE, &mut clerk);
        match clerk.refused.take() {
            Some(refused) => Err(NotLeased { taken: true, ..NotLeased::maybe(refused.into()) }),
            None => Ok(leased?),
        }
    }

    /// What `lease` has made, with the way to it: a provider that doesn't know that yet is asked.
    fn reach_new(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        leased: Leased,
        settings: &Settings,
    ) -> Result<Found, CommandError> {
        let recorded = claim.made();
        let as_recorded = leased.resource.id.is_some()
            && (recorded.is_none() || claim.is_about(&leased.resource, &leased.scope));
        if as_recorded && leased.endpoint.is_some() && recorded.is_some() {
            return Ok(leased.into());
        }
        if recorded.is_none() || as_recorded {
            // Should the rest fail, it must be known what to look for.
            let made = Made {
                name: leased.resource.name.clone(),
                id: leased.resource.id.clone(),
                scope: Some(leased.scope.clone()),
                attributes: leased.attributes.clone(),
                owner: leased.owner.clone(),
                asked: None,
                planned: None,
            };
            self.store.transition(claim, &Event::Checkpoint(made))?;
        }
        if !as_recorded {
            let (provider, made) = (&claim.provider, &leased.resource.name);
            let message = format!(
                "the provider `{provider}` answers with another resource than it recorded, or with one that has no id"
            );
            return Err(CommandError::failed(message)
                .code("provider")
                .note(format!("`{made}`, which it names, isn't touched")));
        }
        if leased.endpoint.is_some() {
            return Ok(leased.into());
        }
        match self.resolve(provider, claim, Intent::Connect, settings)? {
            Resolution::Found(found) if claim.is_about(&found.resource, &found.scope) => Ok(found),
            other => Err(CommandError::failed(format!(
                "the new box of `{}` can't be reached: {}",
                claim.slug,
                why_not(claim, &other)
            ))),
        }
    }
}

fn new_claim(id: LeaseId, slug: String, wanted: &Wanted, provider: &Provider) -> Claim {
    let mut claim = Claim::new(id, slug);
    if let Some(rules) = provider.names() {
        let prefix = wanted.prefix.clone().unwrap_or_else(|| rules.default_prefix());
        claim.name = resource_name(rules, &prefix, &claim.slug, &claim.id);
    }
    claim.provider.clone_from(&wanted.provider);
    provider.version().clone_into(&mut claim.provider_version);
    claim.ending = Ending::from(wanted.release);
    claim.keep = wanted.keep;
    claim.ttl = wanted.asked_ttl;
    claim.repository.clone_from(&wanted.repository);
    claim.profile = wanted.profile.clone().unwrap_or_default();
    claim.run = wanted.run.clone().map(LastRun::new);
    claim
}
