//! Commands that only visit a box: they need one that is ready or in use, and neither take nor change its lease.

use super::Shared;
use super::bounds;
use crate::claims::{Claim, State};
use crate::config::{Flags, Settings};
use crate::lease::{self, Desk};
use crate::output::{CommandError, Exit, Printer, Typed, to_type};
use crate::places::Places;
use crate::registry::Registry;
use crate::transport::{Answers, Route, TransportError, answered};
use crate::visit::VisitError;
use crabbox_provider_api::payload::Endpoint;
use crabbox_wire::message::Request;
use std::io::{self, IsTerminal};

/// A box that can be visited.
pub(super) struct Visit {
    /// As its lease stands.
    pub(super) claim: Claim,
    /// What asks for nothing yet.
    pub(super) request: Request,
    /// Where that is.
    pub(super) endpoint: Endpoint,
    registry: Registry,
    places: Places,
    printer: Printer,
}

impl Visit {
    /// The box of the lease that `reference` stands for.
    pub(super) fn to(reference: &str, shared: &Shared) -> Result<Self, CommandError> {
        let places = shared.places()?;
        let flags = Flags { of_lease: true, ..shared.flags() };
        let settings = Settings::load(flags, None, &places)?;
        shared.check_state(&places)?;
        let store = shared.store(&places)?;
        let claim = shared.find(&store, &places, reference)?;
        bounds::check_provider(&settings, &claim)?;
        let endpoint = claim.way().map(|way| way.endpoint.clone());
        let request = endpoint.as_ref().and_then(|endpoint| lease::visit(&claim, endpoint));
        let (Some(endpoint), Some(request)) = (endpoint, request) else {
            return Err(not_now(&claim));
        };
        let registry = shared.registry(&settings);
        let printer = shared.printer;
        Ok(Self { claim, request, endpoint, registry, places, printer })
    }

    /// Is the box this machine?
    pub(super) fn is_here(&self) -> bool {
        self.endpoint.same_machine
    }

    /// Does it with the way to the box.
    pub(super) fn with_route<T>(&self, work: impl FnOnce(&Route<'_>) -> T) -> T {
        let Self { claim, endpoint, registry, places, .. } = self;
        work(&Route {
            lease: claim.id.as_str(),
            transport: &endpoint.transport,
            state: &places.state,
            declared: &|| Desk::declared(registry, &claim.provider),
            may_ask: false,
        })
    }

    /// The same. Where the way asks for something, whoever sits at a terminal answers, and it is
    /// done once more. `unreached`: is this an error of the way?
    pub(super) fn by_route<T, E: From<VisitError>>(
        &self,
        work: impl FnMut(&Route<'_>) -> Result<T, E>,
        unreached: impl Fn(&E) -> Option<&TransportError>,
    ) -> Result<T, E> {
        let can_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
        let answers = Answers { can_ask, printer: self.printer };
        let lift = |error| VisitError::from(error).into();
        self.with_route(|route| answered(route, answers, work, unreached, lift))
    }

    /// Why it can't be visited, or can't be any more.
    pub(super) fn explain(&self, error: &VisitError) -> CommandError {
        let Claim { slug, .. } = &self.claim;
        let message = match error {
            VisitError::Transport(TransportError::Ssh(error)) => {
                let told = CommandError::from(error);
                // What leads to no one thing to do may be gone, stopped or moved: its provider knows.
                let leads_nowhere = told.hints().is_empty() && !error.failure.is_final();
                return if leads_nowhere { told.hint(ready(&self.claim)) } else { told };
            }
            VisitError::Box(_) => format!("{error} ({slug})"),
            error => error.to_string(),
        };
        let result = CommandError::failed(message).code("transport");
        let result = match std::error::Error::source(error) {
            Some(source) => result.because(source.to_string()),
            None => result,
        };
        match error {
            // It was there a moment ago.
            VisitError::Ended { .. } => result.hint(Typed::here().to_string()),
            _ => result.hint(ready(&self.claim)),
        }
    }
}

/// The line that makes the box ready, and finds it if it moved.
pub(super) fn ready(claim: &Claim) -> String {
    to_type(&["run", "--id", &claim.slug, "--keep", "--", "true"])
}

/// Why a box can't be visited, and what makes that possible.
fn not_now(claim: &Claim) -> CommandError {
    let (slug, state) = (&claim.slug, claim.state());
    let is = |what: &str| format!("`{slug}` {what}");
    match state {
        State::Leasing => CommandError::new(Exit::TryAgain, is("isn't ready yet")).hint(wait(slug)),
        State::Releasing => {
            CommandError::new(Exit::TryAgain, is("is being let go of")).hint(wait(slug))
        }
        State::Ready | State::Busy if lease::to_show(claim).is_none() => {
            let unknown = is("proves itself in a way that this crabbox doesn't know");
            CommandError::new(Exit::Conflict, unknown).hint(ready(claim))
        }
        State::Ready | State::Busy => {
            let never = || is("hasn't been reached yet");
            let message = claim
                .trouble
                .as_ref()
                .map_or_else(never, |why| is(&format!("wasn't reached the last time: {why}")));
            CommandError::new(Exit::Conflict, message).hint(ready(claim))
        }
        State::Parked => CommandError::new(Exit::Conflict, is("is parked")).hint(ready(claim)),
        State::Failed => {
            CommandError::new(Exit::Conflict, is("has failed")).hint(to_type(&["stop", slug]))
        }
        State::Released | State::Lost => {
            CommandError::new(Exit::NotFound, format!("the box of `{slug}` is gone ({state})"))
                .hint(to_type(&["warmup"]))
        }
    }
}

fn wait(slug: &str) -> String {
    to_type(&["status", slug, "--wait"])
}
