//! A session that asks a box for something about a place.

use crate::claims::describe_holder;
use crate::output::{CommandError, Exit};
use crate::provider::Stop;
use crate::transport::{Answers, Route, TransportError, answered};
use crate::visit::{self, VisitError};
use crabbox_provider_api::payload::Endpoint;
use crabbox_wire::message::{Identity, Marker, Request};
use crabbox_wire::place::{PlaceAnswer, PlaceOrder};
use crabbox_wire::text::Text;
use std::path::Path;
use std::time::Duration;

/// Who asks, about the place of which lease.
pub struct Asker<'a> {
    /// The lease.
    pub lease: &'a str,
    /// Whose connection it is that the question goes over: the lease's own, or one of nobody's that ends with it.
    pub connection: &'a str,
    /// The names of the variables that its provider declares.
    pub declared: &'a dyn Fn() -> Vec<String>,
    /// The folder of what must outlive a boot of this machine.
    pub state: &'a Path,
    /// What breaks it off, if anything does.
    pub stop: Option<Stop>,
    /// How long it may take, with the connection.
    pub within: Duration,
}

impl Asker<'_> {
    /// What the box at the end of this way says. Its work root is the place's folder.
    pub fn ask(&self, endpoint: &Endpoint, order: PlaceOrder) -> Result<PlaceAnswer, VisitError> {
        self.ask_by(&self.route(endpoint), endpoint, order)
    }

    /// The same, with somebody perhaps who answers what the way asks.
    pub(super) fn ask_answered(
        &self,
        endpoint: &Endpoint,
        order: &dyn Fn() -> PlaceOrder,
        answers: Answers,
    ) -> Result<PlaceAnswer, VisitError> {
        answered(
            &self.route(endpoint),
            answers,
            |route| self.ask_by(route, endpoint, order()),
            VisitError::unreached,
            VisitError::from,
        )
    }

    fn ask_by(
        &self,
        route: &Route<'_>,
        endpoint: &Endpoint,
        order: PlaceOrder,
    ) -> Result<PlaceAnswer, VisitError> {
        let work_root = match &order {
            PlaceOrder::Take { place, .. }
            | PlaceOrder::Look { place }
            | PlaceOrder::Remove { place } => place.folder.clone(),
            PlaceOrder::Survey { .. } => Text(endpoint.work_root.clone().into_bytes()),
        };
        let request = Request {
            protocol: crabbox_wire::PROTOCOL,
            lease: self.lease.to_owned(),
            identity: Identity::Record,
            marker: Marker::Write,
            work_root,
            workspace: Text::default(),
            sync: None,
            run: None,
            look: None,
            probe: false,
            copy: None,
            collect: None,
            tunnel: None,
            place: Some(order),
            holder: describe_holder(),
        };
        visit::of_place(route, &request, self.within, self.stop.as_ref())
    }

    /// Is there a connection by this way already?
    pub(in super::super) fn is_connected(&self, endpoint: &Endpoint) -> bool {
        self.route(endpoint).is_open()
    }

    fn route<'a>(&'a self, endpoint: &'a Endpoint) -> Route<'a> {
        let Self { connection, declared, state, .. } = self;
        Route { lease: connection, transport: &endpoint.transport, state, declared, may_ask: false }
    }
}

/// Why a box can't be asked, and what helps.
#[must_use]
pub(super) fn explain(error: &VisitError) -> CommandError {
    match error {
        VisitError::Transport(TransportError::Ssh(error)) => error.into(),
        VisitError::Transport(_) | VisitError::Ended { .. } => {
            with_cause(Exit::TryAgain, error).code(TRANSPORT)
        }
        _ => with_cause(Exit::Failed, error),
    }
}

/// The same in a command that lets `ssh` ask nobody.
#[must_use]
pub fn explain_unasked(error: &VisitError) -> CommandError {
    match error {
        VisitError::Transport(TransportError::Ssh(error)) => error.of_who_asks_nobody(),
        error => explain(error),
    }
}

/// What machines read of it.
const TRANSPORT: &str = "transport";

/// Nothing came from a box that isn't reached, or that hung up: it is as it was, and may say so another time.
pub(super) fn unreached(error: &VisitError) -> Option<CommandError> {
    let (VisitError::Transport(_) | VisitError::Ended { .. }) = error else { return None };
    let explained = explain_unasked(error);
    let mut result = with_cause(Exit::TryAgain, error).code(TRANSPORT);
    for note in explained.notes() {
        result = result.note(note);
    }
    for hint in explained.hints() {
        result = result.hint(hint);
    }
    Some(result)
}

/// Is it that?
#[must_use]
pub fn is_unreached(error: &CommandError) -> bool {
    error.kind() == Exit::TryAgain && error.word() == TRANSPORT
}

fn with_cause(kind: Exit, error: &VisitError) -> CommandError {
    let result = CommandError::new(kind, error.to_string());
    match std::error::Error::source(error) {
        Some(source) => result.because(source.to_string()),
        None => result,
    }
}
