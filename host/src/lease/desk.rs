//! What every operation on leases needs: the claims, the providers, a voice.

use super::audit::Audit;
use super::reference::Here;
use super::working::Working;
use crate::claims::{Claim, ClaimError, Event, LeaseId, Made, Moment, Store};
use crate::config::Enforcement;
use crate::output::{CommandError, Printer};
use crate::provider::{self, Callbacks, Isolation, Options, Provider, ProviderError, Stop};
use crate::redact;
use crate::registry::{Library, Registry};
use crabbox_provider_api::manifest::Deadline;
use crabbox_provider_api::payload::Checkpoint;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// The claims, the providers, a voice.
#[derive(Debug)]
pub struct Desk {
    /// The claims.
    pub store: Store,
    /// The providers.
    pub registry: Registry,
    /// A voice.
    pub printer: Printer,
    /// Providers that run in this process.
    in_process: BTreeSet<String>,
    /// The machine's own file says for how long a box may stay at most.
    pub(super) longest: Option<Enforcement>,
    /// Leases whose provider was asked by this command: once is enough.
    pub(super) asked: Vec<LeaseId>,
    /// Leases whose box has refused a session of this command: it may be another one, or without their place.
    pub(super) refused: Vec<LeaseId>,
    pub(super) working: Working,
    /// How long this command has waited for others to be done with a lease.
    pub(super) waited: Cell<Duration>,
    /// What is done to resources is noted here.
    pub(super) audit: Audit,
    pub(super) here: Here,
    /// Somebody sits there, whom `ssh` may ask.
    pub(super) may_ask: bool,
    /// Plays the provider of every name.
    #[cfg(test)]
    pub(super) model: Option<super::model::Shared>,
}

impl Desk {
    /// For one command.
    #[must_use]
    pub fn new(store: Store, registry: Registry, printer: Printer) -> Self {
        let audit = Audit::new(store.folder(), printer);
        Self {
            audit,
            store,
            registry,
            printer,
            in_process: BTreeSet::new(),
            longest: None,
            asked: Vec::new(),
            refused: Vec::new(),
            working: Working::default(),
            waited: Cell::default(),
            here: Here::default(),
            may_ask: false,
            #[cfg(test)]
            model: None,
        }
    }

    /// The same in this checkout.
    #[must_use]
    pub fn with_here(self, here: Here) -> Self {
        Self { here, ..self }
    }

    /// The same with these providers, by their names or aliases, in this process.
    #[must_use]
    pub fn with_in_process(self, in_process: BTreeSet<String>) -> Self {
        Self { in_process, ..self }
    }

    /// The same where a box may stay for so long at most.
    #[must_use]
    pub fn with_longest(self, longest: Option<Enforcement>) -> Self {
        Self { longest, ..self }
    }

    /// The same where somebody sits, whom `ssh` may ask for what it needs to reach a new box.
    #[must_use]
    pub fn with_asking(self, may_ask: bool) -> Self {
        Self { may_ask, ..self }
    }

    /// What another one is made of, for a thread beside this.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            state: self.store.folder().to_owned(),
            registry: self.registry.clone(),
            printer: self.printer,
            in_process: self.in_process.clone(),
            longest: self.longest.clone(),
        }
    }

    /// The same with this for whoever listens for signals.
    #[must_use]
    pub fn with_working(self, working: Working) -> Self {
        Self { working, ..self }
    }

    /// The lease that is worked with, now and later.
    #[must_use]
    pub fn working(&self) -> Working {
        self.working.clone()
    }

    /// How long this command has waited for others to be done with a lease.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited.get()
    }

    /// The names of the variables that the provider of this name declares, as far as that can be told.
    #[must_use]
    pub fn declared(registry: &Registry, name: &str) -> Vec<String> {
        let library = registry.find(name);
        library.map(|found| found.manifest.environment.into_keys().collect()).unwrap_or_default()
    }

    /// The deadline that the provider of this name puts on its resources itself, if it does.
    pub(super) fn own_deadline(&self, name: &str) -> Result<Option<Deadline>, CommandError> {
        #[cfg(test)]
        if let Some(model) = &self.model {
            return Ok(model.own_deadline());
        }
        Ok(self.registry.find(name)?.manifest.deadline.clone())
    }

    /// Starts the provider of this name, in a process of its own if the user doesn't want it otherwise.
    pub(super) fn provider(&self, name: &str) -> Result<Provider, CommandError> {
        #[cfg(test)]
        if let Some(model) = &self.model {
            return Ok(Provider::of(name, model.own_deadline(), Box::new(model.clone())));
        }
        let usable = self.registry.find(name)?;
        Ok(open(&usable, &self.in_process, self.printer)?)
    }
}

/// What a desk is made of.
#[derive(Clone)]
pub(super) struct Origin {
    state: PathBuf,
    registry: Registry,
    pub(super) printer: Printer,
    in_process: BTreeSet<String>,
    longest: Option<Enforcement>,
}

impl Origin {
    /// With a connection of its own to the claims.
    pub(super) fn desk(self) -> Result<Desk, CommandError> {
        let store = Store::open_undamaged(&self.state)?;
        let store = store.ok_or_else(|| CommandError::failed("the claims database is damaged"))?;
        let desk = Desk::new(store, self.registry, self.printer);
        Ok(desk.with_in_process(self.in_process).with_longest(self.longest))
    }
}

/// Starts a provider, in a process of its own unless its name or an alias of it is among these: then
/// it runs in this one, and that is told.
pub fn open(
    library: &Library,
    in_process: &BTreeSet<String>,
    printer: Printer,
) -> Result<Provider, ProviderError> {
    let name = &library.manifest.name;
    let mut words = std::iter::once(name).chain(&library.manifest.aliases);
    let isolation = if words.any(|word| in_process.contains(word)) {
        printer.warning_once(&format!("the provider `{name}` runs inside of crabbox"));
        Isolation::None
    } else {
        Isolation::Process
    };
    provider::open(library, &Options { isolation, ..Options::default() })
}

/// What a provider may ask of the host while it works on a claim.
pub(super) struct Clerk<'a> {
    pub(super) store: &'a mut Store,
    pub(super) claim: &'a mut Claim,
    pub(super) printer: Printer,
    /// What stops the hook, if anything does.
    pub(super) stop: Option<Stop>,
    /// It named what another lease has.
    pub(super) refused: Option<ClaimError>,
}

impl Callbacks for Clerk<'_> {
    /// Durable before it returns: after a crash the claim names what may exist.
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), String> {
        if serde_json::to_string(checkpoint).is_ok_and(|text| redact::holds_secret(&text)) {
            return Err("it holds a secret".to_owned());
        }
        let Checkpoint { resource, scope } = checkpoint.clone();
        let before = self.claim.made();
        let made = Made {
            name: resource.name,
            id: resource.id,
            scope: scope.or_else(|| before.as_ref().and_then(|made| made.scope.clone())),
            owner: before.as_ref().and_then(|made| made.owner.clone()),
            attributes: before.map(|made| made.attributes).unwrap_or_default(),
            asked: Some(Moment::now()),
            planned: None,
        };
        let stored = self.store.transition(self.claim, &Event::Checkpoint(made));
        stored.map_err(|error| {
            let why = error.to_string();
            if let ClaimError::Claimed(_) = error {
                self.refused = Some(error);
            }
            why
        })
    }

    fn progress(&mut self, text: &str) {
        self.printer.phase(text);
    }

    fn stop(&self) -> Option<Stop> {
        self.stop.clone()
    }
}
