//! What a provider may ask of the host while a hook runs.

use crate::abi::{HostTable, STATUS_OK};
use crate::payload::{Checkpoint, Resource, Scope};
use crate::{Effect, Error, ErrorCode};
use std::sync::OnceLock;

/// Set once by the host, before the first hook.
static TABLE: OnceLock<&'static HostTable> = OnceLock::new();

pub(crate) fn connect(table: &'static HostTable) {
    // A second connection in one process would be the same host.
    let _ = TABLE.set(table);
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Level {
    /// A failure.
    Error = 1,
    /// Something odd.
    Warn = 2,
    /// A step.
    Info = 3,
    /// For whoever looks into a problem.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

/// The host, for as long as a hook runs. May be used from any thread.
#[derive(Debug)]
pub struct Host {
    // Made by this crate alone.
    _private: (),
}

impl Host {
    pub(crate) fn new() -> Self {
        Self { _private: () }
    }

    /// Stores durably what exists or may exist from now on. An error means that nothing
    /// was stored: create nothing, and hand the error on.
    pub fn checkpoint(&self, resource: &Resource) -> Result<(), Error> {
        store(&Checkpoint { resource: resource.clone(), scope: None })
    }

    /// The same, with where the resource belongs: should the lease break off now, its absence
    /// elsewhere proves nothing. Better wherever the scope is known beforehand.
    pub fn checkpoint_in(&self, scope: &Scope, resource: &Resource) -> Result<(), Error> {
        store(&Checkpoint { resource: resource.clone(), scope: Some(scope.clone()) })
    }

    /// Tells the user what is going on, in one line.
    pub fn progress(&self, text: &str) {
        if let Some(table) = TABLE.get() {
            (table.progress)(table.context, text.into());
        }
    }

    /// The host wants the hook to stop: clean up nothing, answer [`ErrorCode::Cancelled`].
    #[must_use]
    pub fn cancelled(&self) -> bool {
        TABLE.get().is_some_and(|table| (table.cancelled)(table.context) != 0)
    }

    /// Writes to the host's log. `tracing` events arrive there by themselves.
    pub fn log(&self, level: Level, target: &str, message: &str) {
        log(level, target, message);
    }
}

fn store(checkpoint: &Checkpoint) -> Result<(), Error> {
    let refused = |message: String| Error::new(ErrorCode::Cancelled, message);
    let table = TABLE.get().ok_or_else(|| refused("there is no host".to_owned()))?;
    let body = serde_json::to_vec(checkpoint).map_err(|error| refused(error.to_string()))?;
    let reply = (table.checkpoint)(table.context, body.as_slice().into());
    if reply.status == STATUS_OK {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&reply.body).into_owned();
    Err(refused(format!("the host could not record the resource: {message}")).effect(
        // The first checkpoint comes before anything exists, a later one after.
        if checkpoint.resource.id.is_some() { Effect::Done } else { Effect::None },
    ))
}

pub(crate) fn log(level: Level, target: &str, message: &str) {
    if let Some(table) = TABLE.get() {
        (table.log)(table.context, level as u32, target.into(), message.into());
    }
}
