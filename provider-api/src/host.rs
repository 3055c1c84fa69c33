//! What a provider may ask of the host while a hook runs.

use crate::abi::{HostTable, STATUS_ERROR, STATUS_OK};
use crate::exec::{ExecError, ExecErrorKind, protocol};
use crate::payload::{Checkpoint, Resource, Scope};
use crate::{Effect, Error, ErrorCode};
use std::fmt;
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

/// The other side: the real host, or a test that plays it.
pub(crate) trait Side: Send + Sync {
    /// Writes to the log.
    fn log(&self, level: Level, target: &str, message: &str);

    /// Says one line to the user.
    fn progress(&self, text: &str);

    /// Stores what exists or may exist; or why it isn't stored.
    fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), String>;

    /// Is the hook to stop?
    fn cancelled(&self) -> bool;

    /// Serves one request about a command: a status and a body, as [`protocol`] describes them.
    fn exec(&self, request: &[u8]) -> (u32, Vec<u8>);
}

/// The host, for as long as a hook runs. May be used from any thread.
pub struct Host {
    side: Box<dyn Side>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Host {
    /// The real one.
    pub(crate) fn new() -> Self {
        Self { side: Box::new(Real) }
    }

    /// One that a test plays.
    #[cfg(feature = "testing")]
    pub(crate) fn of(side: impl Side + 'static) -> Self {
        Self { side: Box::new(side) }
    }

    pub(crate) fn side(&self) -> &dyn Side {
        &*self.side
    }

    /// Stores durably what exists or may exist from now on. An error means that nothing
    /// was stored: create nothing, and hand the error on.
    pub fn checkpoint(&self, resource: &Resource) -> Result<(), Error> {
        self.store(&Checkpoint { resource: resource.clone(), scope: None })
    }

    /// The same, with where the resource belongs: should the lease break off now, its absence
    /// elsewhere proves nothing. Better wherever the scope is known beforehand.
    pub fn checkpoint_in(&self, scope: &Scope, resource: &Resource) -> Result<(), Error> {
        self.store(&Checkpoint { resource: resource.clone(), scope: Some(scope.clone()) })
    }

    /// Tells the user what is going on, in one line.
    pub fn progress(&self, text: &str) {
        self.side.progress(text);
    }

    /// The host wants the hook to stop: clean up nothing, answer [`ErrorCode::Cancelled`], and say
    /// with [`Error::effect`] what may exist by now: an error that doesn't says that nothing does.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.side.cancelled()
    }

    /// Writes to the host's log. `tracing` events arrive there by themselves.
    pub fn log(&self, level: Level, target: &str, message: &str) {
        self.side.log(level, target, message);
    }

    fn store(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        self.side.checkpoint(checkpoint).map_err(|message| {
            let message = format!("the host could not record the resource: {message}");
            Error::new(ErrorCode::Cancelled, message).effect(
                // The first checkpoint comes before anything exists, a later one after.
                if checkpoint.resource.id.is_some() { Effect::Done } else { Effect::None },
            )
        })
    }
}

/// The host at the other end of the table.
struct Real;

impl Side for Real {
    fn log(&self, level: Level, target: &str, message: &str) {
        log(level, target, message);
    }

    fn progress(&self, text: &str) {
        if let Some(table) = TABLE.get() {
            (table.progress)(table.context, text.into());
        }
    }

    fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), String> {
        let table = TABLE.get().ok_or("there is no host")?;
        let body = serde_json::to_vec(checkpoint).map_err(|error| error.to_string())?;
        let reply = (table.checkpoint)(table.context, body.as_slice().into());
        if reply.status == STATUS_OK {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&reply.body).into_owned())
    }

    fn cancelled(&self) -> bool {
        TABLE.get().is_some_and(|table| (table.cancelled)(table.context) != 0)
    }

    fn exec(&self, request: &[u8]) -> (u32, Vec<u8>) {
        let Some(table) = TABLE.get() else {
            let error = ExecError::new(ExecErrorKind::Refused, "there is no host");
            return (STATUS_ERROR, protocol::encode(&error, &[]));
        };
        let reply = (table.exec)(table.context, request.into());
        (reply.status, reply.body.into())
    }
}

pub(crate) fn log(level: Level, target: &str, message: &str) {
    if let Some(table) = TABLE.get() {
        (table.log)(table.context, level as u32, target.into(), message.into());
    }
}
