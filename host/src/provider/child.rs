//! The child's side: loads the one library that its standard input is, and serves its hooks.
//!
//! Descriptor 0 is the library's open file, descriptor 1 the socket to the host. Both
//! are moved before any code of the provider runs: what a provider prints goes to
//! standard error, and what it reads is empty.

use super::frame::{self, ToChild, ToHost};
use super::load::load;
use crate::fault;
use crabbox_provider_api::abi::{self, Bytes, HostTable, Reply, STATUS_ERROR, STATUS_OK, Text};
use crabbox_provider_api::exec::protocol::encode;
use crabbox_provider_api::payload::Checkpoint;
use crabbox_provider_api::{Error, ErrorCode, ExecError, ExecErrorKind};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

/// The way to the host, for the callbacks.
static CONNECTION: OnceLock<Connection> = OnceLock::new();

struct Connection {
    out: Mutex<UnixStream>,
    /// Answers to checkpoints.
    recorded: Mutex<Receiver<Option<String>>>,
    cancelled: AtomicBool,
    /// Requests about commands, and who waits for the answer of each.
    requests: AtomicU64,
    executed: Mutex<BTreeMap<u64, Sender<Executed>>>,
}

/// What came of a request about a command: a status and a body.
type Executed = (u32, Vec<u8>);

/// Serves until the host closes the connection.
#[must_use]
pub fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        // The host sees the connection end, and says so.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    let (library, socket) = take_descriptors()?;
    let (answers, recorded) = channel();
    let (calls, pending) = channel();
    let mut input = socket.try_clone()?;
    let connection = CONNECTION.get_or_init(|| Connection {
        out: Mutex::new(socket),
        recorded: Mutex::new(recorded),
        cancelled: AtomicBool::new(false),
        requests: AtomicU64::new(0),
        executed: Mutex::default(),
    });

    let path = PathBuf::from(format!("/proc/self/fd/{}", library.as_raw_fd()));
    let loaded = match load(&path) {
        Ok(loaded) => loaded,
        Err(reason) => return connection.send(ToHost::Unloadable { reason }),
    };
    loaded.connect(&TABLE);
    connection.send(ToHost::Ready)?;

    thread::spawn(move || {
        loop {
            match frame::read(&mut input) {
                Ok(ToChild::Call { hook, request }) => drop(calls.send((hook, request))),
                Ok(ToChild::Recorded { error }) => drop(answers.send(error)),
                Ok(ToChild::Executed { id, status, body }) => {
                    connection.executed(id, status, body);
                }
                Ok(ToChild::Cancel) => connection.cancelled.store(true, Ordering::Relaxed),
                Err(_) => leave(),
            }
        }
    });
    for (hook, request) in pending {
        let body = serde_json::to_vec(&request)?;
        fault::point(format_args!("child.before.{hook}"));
        let reply = loaded.call(&hook, &body).unwrap_or_else(|| {
            refuse(&Error::new(ErrorCode::Unsupported, format!("there is no hook `{hook}`")))
        });
        fault::point(format_args!("child.after.{hook}"));
        let body: Value = serde_json::from_slice(&reply.body)?;
        connection.send(ToHost::Answer { status: reply.status, body })?;
    }
    Ok(())
}

/// The host is gone or has what it wanted; a hook may still be running.
#[expect(clippy::exit, reason = "the main thread may be inside a hook that never ends")]
fn leave() -> ! {
    std::process::exit(0)
}

/// Moves the library and the socket to descriptors of their own.
fn take_descriptors() -> io::Result<(OwnedFd, UnixStream)> {
    let library = io::stdin().as_fd().try_clone_to_owned()?;
    let socket = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((library, UnixStream::from(socket)))
}

impl Connection {
    fn send(&self, message: ToHost) -> io::Result<()> {
        frame::write(&mut *self.out.lock().unwrap_or_else(PoisonError::into_inner), message)
    }

    fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), String> {
        // One at a time, so that each gets its own answer.
        let recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        fault::point("child.before.checkpoint");
        self.send(ToHost::Checkpoint { checkpoint }).map_err(|error| error.to_string())?;
        match recorded.recv() {
            Ok(None) => {
                fault::point("child.after.checkpoint");
                Ok(())
            }
            Ok(Some(error)) => Err(error),
            Err(_) => Err("the host is gone".to_owned()),
        }
    }
}

impl Connection {
    /// Relays a request about a command; several threads may do so at once.
    fn exec(&self, request: &[u8]) -> Result<Executed, String> {
        let id = self.requests.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = channel();
        let waiting = || self.executed.lock().unwrap_or_else(PoisonError::into_inner);
        waiting().insert(id, answer);
        if let Err(error) = self.send(ToHost::Exec { id, body: request.to_vec() }) {
            waiting().remove(&id);
            return Err(error.to_string());
        }
        answered.recv().map_err(|_| "the host is gone".to_owned())
    }

    fn executed(&self, id: u64, status: u32, body: Vec<u8>) {
        let waiting = self.executed.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        // One that nobody has asked for is nobody's.
        if let Some(waiting) = waiting {
            let _ = waiting.send((status, body));
        }
    }
}

/// What the provider sees of the host.
static TABLE: HostTable = HostTable { context: 0, log, progress, checkpoint, cancelled, exec };

extern "C" fn log(_: usize, level: u32, target: Text<'_>, message: Text<'_>) {
    if let Some(connection) = CONNECTION.get() {
        let (target, message) = (target.to_string(), message.to_string());
        // A host that is gone needs no log.
        let _ = connection.send(ToHost::Log { level, target, message });
    }
}

extern "C" fn progress(_: usize, text: Text<'_>) {
    if let Some(connection) = CONNECTION.get() {
        let _ = connection.send(ToHost::Progress { text: text.to_string() });
    }
}

extern "C" fn checkpoint(_: usize, body: Bytes<'_>) -> Reply {
    let result = serde_json::from_slice(body.as_slice())
        .map_err(|error| error.to_string())
        .and_then(|checkpoint| match CONNECTION.get() {
            Some(connection) => connection.checkpoint(checkpoint),
            None => Err("there is no host".to_owned()),
        });
    match result {
        Ok(()) => abi::reply(STATUS_OK, Vec::new()),
        Err(message) => abi::reply(STATUS_ERROR, message.into_bytes()),
    }
}

extern "C" fn cancelled(_: usize) -> u32 {
    let is = |connection: &Connection| connection.cancelled.load(Ordering::Relaxed);
    CONNECTION.get().is_some_and(is).into()
}

extern "C" fn exec(_: usize, request: Bytes<'_>) -> Reply {
    let result = match CONNECTION.get() {
        Some(connection) => connection.exec(request.as_slice()),
        None => Err("there is no host".to_owned()),
    };
    match result {
        Ok((status, body)) => abi::reply(status, body),
        Err(message) => {
            let error = ExecError::new(ExecErrorKind::Failed, message);
            abi::reply(STATUS_ERROR, encode(&error, &[]))
        }
    }
}

fn refuse(error: &Error) -> Reply {
    abi::reply(STATUS_ERROR, serde_json::to_vec(error).unwrap_or_default())
}
