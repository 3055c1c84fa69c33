//! The hooks of a running provider, one typed method each, and what it may ask meanwhile.

use super::again::Again;
use super::error::ProviderError;
use super::flood::cut;
use super::inside::Inside;
use super::named;
use super::process::{Child, Isolation, Options};
use super::stop::Stop;
use crate::fault;
use crate::redact;
use crate::registry::Library;
use crabbox_provider_api::manifest::{Capability, Deadline, Deadlines, Manifest, Names, Settles};
use crabbox_provider_api::payload::{
    Checkpoint, Diagnosis, DoctorRequest, ExtendRequest, Extended, Inventory, LeaseRequest, Leased,
    ListRequest, ReleaseRequest, Released, Resolution, ResolveRequest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};
use tracing::{debug, info_span};

/// How many pages a list may have.
const PAGES: usize = 1000;

/// How many resources it may name.
const RESOURCES: usize = 100_000;

/// How many bytes all of its pages may have together, as JSON.
const LIST: usize = 32 * 1024 * 1024;

/// How many bytes a cursor may have.
const CURSOR: usize = 4 * 1024;

/// What a provider may ask of the host while a hook runs.
pub trait Callbacks {
    /// Stores durably what exists or may exist from now on, before it returns.
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), String>;

    /// A line for the user.
    fn progress(&mut self, text: &str);

    /// What tells the hook to stop before its time is up, if anything does.
    fn stop(&self) -> Option<Stop> {
        None
    }
}

/// Where a provider's code runs; it ends when this is dropped.
pub(crate) trait Runtime: fmt::Debug + Send {
    /// Calls a hook and serves what it asks for until it answers, for this long at most, and a moment for
    /// stopping.
    fn call(
        &mut self,
        hook: &'static str,
        request: Value,
        longest: Duration,
        host: &mut dyn Callbacks,
    ) -> Result<Value, ProviderError>;

    /// Gives up on a provider whose answer can't be understood.
    fn broken(&mut self, hook: &'static str, reason: String) -> ProviderError;
}

/// A provider that runs, until it is dropped.
#[derive(Debug)]
pub struct Provider {
    name: String,
    version: String,
    deadlines: Deadlines,
    own_deadline: Option<Deadline>,
    settles: Settles,
    names: Option<Names>,
    capabilities: Vec<Capability>,
    /// Its settings that are secrets.
    secrets: Vec<String>,
    runtime: Box<dyn Runtime>,
}

/// Starts the provider of a checked library.
pub fn open(library: &Library, options: &Options) -> Result<Provider, ProviderError> {
    let runtime: Box<dyn Runtime> = match options.isolation {
        Isolation::Process => Box::new(Child::start(library, options)?),
        Isolation::None => Box::new(Inside::start(library)?),
    };
    Ok(Provider {
        name: library.manifest.name.clone(),
        version: library.manifest.version.to_string(),
        deadlines: library.manifest.deadlines.clone(),
        own_deadline: library.manifest.deadline.clone(),
        settles: library.manifest.settles,
        names: library.manifest.names.clone(),
        capabilities: library.manifest.capabilities.clone(),
        secrets: secrets(&library.manifest),
        runtime,
    })
}

fn secrets(manifest: &Manifest) -> Vec<String> {
    let secret = manifest.settings.iter().filter(|(_, setting)| setting.secret);
    secret.map(|(name, _)| name.clone()).collect()
}

/// One typed method for each hook, which has `longest` to answer, or less if its manifest says so.
macro_rules! hooks {
    ($($(#[$doc:meta])* $hook:ident($request:ty) -> $answer:ty;)+) => {
        impl Provider {
            $($(#[$doc])*
            pub fn $hook(
                &mut self,
                request: &$request,
                longest: Duration,
                host: &mut dyn Callbacks,
            ) -> Result<$answer, ProviderError> {
                self.call(stringify!($hook), request, longest, host)
            })+
        }
    };
}

hooks! {
    /// Makes the resource of a lease, or adopts the one that an earlier call made.
    lease(LeaseRequest) -> Leased;
    /// Says what has become of a claim's resource.
    resolve(ResolveRequest) -> Resolution;
    /// Parks or deletes a claim's resource.
    release(ReleaseRequest) -> Released;
    /// Checks whether the provider can work here.
    doctor(DoctorRequest) -> Diagnosis;
    /// Pushes the provider's own deadline.
    extend(ExtendRequest) -> Extended;
}

impl Provider {
    /// One that a test plays.
    #[cfg(test)]
    pub(crate) fn of(name: &str, own: Option<Deadline>, runtime: Box<dyn Runtime>) -> Self {
        Self {
            name: name.to_owned(),
            version: "0.0.0".to_owned(),
            deadlines: Deadlines::default(),
            own_deadline: own,
            settles: Settles::default(),
            names: None,
            capabilities: Vec::new(),
            secrets: Vec::new(),
            runtime,
        }
    }

    /// The provider's own version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The deadline that it puts on resources itself, if it does.
    #[must_use]
    pub fn own_deadline(&self) -> Option<&Deadline> {
        self.own_deadline.as_ref()
    }

    /// How long a resource may still appear after its `lease` broke off.
    #[must_use]
    pub fn settles(&self) -> Duration {
        self.settles.0
    }

    /// How its resources may be called, if the host is to name them.
    #[must_use]
    pub fn names(&self) -> Option<&Names> {
        self.names.as_ref()
    }

    /// Does it have this ability?
    #[must_use]
    pub fn can(&self, capability: &Capability) -> bool {
        self.capabilities.contains(capability)
    }

    /// Lists what could be ours: asks for page after page until the end, all within `longest`. A list
    /// that has no end is an error.
    pub fn list(
        &mut self,
        request: &ListRequest,
        longest: Duration,
        host: &mut dyn Callbacks,
    ) -> Result<Inventory, ProviderError> {
        let mut left = self.deadlines.of("list", longest);
        let end = Instant::now() + left;
        let mut request = request.clone();
        let (mut resources, mut cursors) = (Vec::new(), BTreeSet::new());
        let mut bytes = 0;
        for _ in 0..PAGES {
            let page: Inventory = self.call("list", &request, left, host)?;
            left = end.saturating_duration_since(Instant::now());
            bytes += serde_json::to_string(&page).map_or(0, |page| page.len());
            if bytes > LIST {
                let reason = format!("its list has more than {LIST} bytes");
                return Err(self.runtime.broken("list", reason));
            }
            resources.extend(page.resources);
            if resources.len() > RESOURCES {
                let reason = format!("it lists more than {RESOURCES} resources");
                return Err(self.runtime.broken("list", reason));
            }
            let Some(next) = page.next else {
                return Ok(Inventory { resources, next: None });
            };
            if next.len() > CURSOR {
                let reason = format!("a cursor of its list has more than {CURSOR} bytes");
                return Err(self.runtime.broken("list", reason));
            }
            if !cursors.insert(next.clone()) {
                let reason = format!("its list goes round in circles at `{}`", cut(&next, 100));
                return Err(self.runtime.broken("list", reason));
            }
            request.cursor = Some(next);
        }
        Err(self.runtime.broken("list", format!("its list has more than {PAGES} pages")))
    }

    fn call<Request: Serialize, Answer: DeserializeOwned + named::Names>(
        &mut self,
        hook: &'static str,
        request: &Request,
        longest: Duration,
        host: &mut dyn Callbacks,
    ) -> Result<Answer, ProviderError> {
        let _span = info_span!("hook", provider = self.name, name = hook).entered();
        let request = serde_json::to_value(request)
            .map_err(|error| self.runtime.broken(hook, error.to_string()))?;
        // Whoever knows them may repeat them.
        let values = self.secrets.iter().filter_map(|name| request["settings"][name].as_str());
        values.for_each(redact::register);
        let mut again = Again::new(hook, fault::hook_patience(self.deadlines.of(hook, longest)));
        let answer = loop {
            fault::point(format_args!("call.before.{hook}"));
            match self.runtime.call(hook, request.clone(), again.left(), host) {
                Ok(answer) => break answer,
                Err(error) => {
                    debug!("{error}");
                    if !again.waits(&error, host) {
                        return Err(error);
                    }
                }
            }
        };
        fault::point(format_args!("call.after.{hook}"));
        // It would be recorded, and stand in the arguments of processes.
        if matches!(hook, "lease" | "resolve") && redact::holds_secret(&answer.to_string()) {
            return Err(self.runtime.broken(hook, "its answer holds a secret".to_owned()));
        }
        let answer: Answer = serde_json::from_value(answer).map_err(|error| {
            self.runtime.broken(hook, format!("its answer makes no sense: {error}"))
        })?;
        match answer.objection() {
            Some(why) => Err(self.runtime.broken(hook, why)),
            None => Ok(answer.without_nonsense()),
        }
    }
}
