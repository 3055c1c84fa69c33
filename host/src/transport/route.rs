//! The way to the box of a lease, and what it takes to go it.

use super::bootstrap::{self, Link};
use super::error::TransportError;
use super::process::LocalEnd;
use super::{exec, ssh};
use crabbox_provider_api::payload::Transport;
use crabbox_wire::message::Request;
use std::path::Path;

/// The way to the box of a lease.
#[derive(Clone, Copy)]
pub struct Route<'a> {
    /// The lease, `cbx_` and 12 hex digits.
    pub lease: &'a str,
    /// How its box is reached.
    pub transport: &'a Transport,
    /// The folder of what must outlive a boot of this machine.
    pub state: &'a Path,
    /// The names of the variables that the provider declares: a command of its own on the way gets these. Asked
    /// for only where a connection is made.
    pub declared: &'a dyn Fn() -> Vec<String>,
    /// Somebody is asked what the way asks as soon as that is seen: nothing is waited for that makes it needless.
    pub may_ask: bool,
}

impl Route<'_> {
    /// Is there a connection that a session can ride, or none needed?
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.transport {
            Transport::Ssh(_) => ssh::is_open(self),
            _ => true,
        }
    }
}

/// Opens a session for `request`. `started` is told of each process at our end as it starts.
pub fn open(
    route: &Route<'_>,
    request: &Request,
    started: &mut dyn FnMut(LocalEnd),
) -> Result<Link, TransportError> {
    match route.transport {
        Transport::Exec { prefix } => {
            bootstrap::open(&mut |script| exec::start(prefix, script), request, started)
        }
        Transport::Ssh(to) => ssh::open(route, to, request, started),
        _ => Err(TransportError::UnknownKind),
    }
}
