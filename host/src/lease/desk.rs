//! What every operation on leases needs: the claims, the providers, a voice.

use crate::claims::{Claim, ClaimError, Event, Store};
use crate::output::{CommandError, Exit, Printer};
use crate::provider::{self, Callbacks, Provider, ProviderError};
use crate::registry::{FindError, Registry};
use crabbox_provider_api::payload::{Resource, Settings};
use crabbox_provider_api::{Effect, ErrorCode};

/// The claims, the providers, a voice.
#[derive(Debug)]
pub struct Desk {
    /// The claims.
    pub store: Store,
    /// The providers.
    pub registry: Registry,
    /// A voice.
    pub printer: Printer,
}

impl Desk {
    /// Starts the provider of this name in a process of its own.
    pub(super) fn provider(&self, name: &str) -> Result<Provider, CommandError> {
        let usable = self.registry.find(name)?;
        Ok(provider::open(&usable, &provider::Options::default())?)
    }
}

/// What a provider may ask of the host while it works on a claim.
pub(super) struct Clerk<'a> {
    pub(super) store: &'a mut Store,
    pub(super) claim: &'a mut Claim,
    pub(super) printer: Printer,
}

impl Callbacks for Clerk<'_> {
    /// Durable before it returns: after a crash the claim names what may exist.
    fn checkpoint(&mut self, resource: &Resource) -> Result<(), String> {
        let resource = resource.clone();
        self.store
            .transition(self.claim, Event::Checkpoint, |claim| {
                claim.resource = resource;
            })
            .map_err(|error| error.to_string())
    }

    fn log(&mut self, level: &str, target: &str, message: &str) {
        self.printer.detail(&format!("{} {level} {target}: {message}", self.claim.provider));
    }

    fn progress(&mut self, text: &str) {
        self.printer.phase(text);
    }
}

/// The digest of the settings that shaped a resource.
pub(super) fn profile(settings: &Settings) -> String {
    let text = serde_json::Value::Object(settings.clone()).to_string();
    crabbox_wire::tree::Hash::of(text.as_bytes()).to_string()[..16].to_owned()
}

impl From<ClaimError> for CommandError {
    fn from(error: ClaimError) -> Self {
        let kind = match &error {
            ClaimError::Raced(_) => Exit::TryAgain,
            ClaimError::Transition { .. } => Exit::Conflict,
            _ => Exit::Failed,
        };
        let hint = match &error {
            ClaimError::Folder { .. } => Some("`--state-dir DIR` puts the claims elsewhere"),
            ClaimError::Newer { .. } => Some("use the newer crabbox that wrote it"),
            _ => None,
        };
        let message = error.to_string();
        let mut result = Self::new(kind, message).code("claims");
        if let Some(source) = std::error::Error::source(&error) {
            result = result.because(source.to_string());
        }
        match hint {
            Some(hint) => result.hint(hint),
            None => result,
        }
    }
}

/// The command's exit follows from the provider's typed error, never from its text.
pub(super) fn exit_for(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::Auth => Exit::Auth,
        ErrorCode::NotFound => Exit::NotFound,
        ErrorCode::Conflict => Exit::Conflict,
        ErrorCode::Quota => Exit::Quota,
        ErrorCode::Unavailable | ErrorCode::Timeout => Exit::TryAgain,
        ErrorCode::InvalidConfig => Exit::Usage,
        _ => Exit::Failed,
    }
}

/// Could the resource exist, after this failure?
pub(super) fn effect_of(error: &ProviderError) -> Effect {
    match error.answer() {
        Some(answer) => answer.effect,
        // It died, hung or babbled: nobody knows.
        None => Effect::Maybe,
    }
}

impl From<ProviderError> for CommandError {
    fn from(error: ProviderError) -> Self {
        let kind = match error.answer() {
            Some(answer) => exit_for(answer.code),
            None => Exit::Failed,
        };
        let mut result = Self::new(kind, error.to_string()).code("provider");
        if let Some(hint) = error.answer().and_then(|answer| answer.hint.clone()) {
            result = result.hint(hint);
        }
        if let Some(source) = std::error::Error::source(&error) {
            result = result.because(source.to_string());
        }
        result
    }
}

impl From<FindError> for CommandError {
    fn from(error: FindError) -> Self {
        let message = error.to_string();
        match error {
            FindError::Missing { known, .. } => {
                Self::new(Exit::NotFound, message).code("provider").hint(format!(
                    "there are: {}; `crabbox provider list` shows where",
                    known.join(", ")
                ))
            }
            FindError::Broken { reason, .. } => {
                let hint = reason.hint().unwrap_or_else(|| "crabbox provider list".to_owned());
                Self::failed(message).code("provider").because(reason.to_string()).hint(hint)
            }
        }
    }
}
