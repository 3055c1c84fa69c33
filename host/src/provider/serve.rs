//! The provider's end of a connection: calls its hooks, one at a time, and passes on what they ask of
//! the host. In the child there is one connection; in a host that runs providers itself,
//! one for each library.

use super::frame::{self, ToChild, ToHost};
use crate::fault;
use crabbox_provider_api::abi::{
    self, Bytes, HostTable, Loaded, Reply, STATUS_ERROR, STATUS_OK, Text,
};
use crabbox_provider_api::exec::protocol::encode;
use crabbox_provider_api::payload::Checkpoint;
use crabbox_provider_api::{Effect, Error, ErrorCode, ExecError, ExecErrorKind};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;

/// Every connection that there ever was; a host table's context is its place here.
static CONNECTIONS: RwLock<Vec<&'static Connection>> = RwLock::new(Vec::new());

/// The way to the host, for the callbacks. It is never freed: a library keeps its table for ever.
pub(super) struct Connection {
    /// `None`: nobody is there now.
    wires: Mutex<Option<UnixStream>>,
    /// Answers to checkpoints.
    recorded: Mutex<Option<Receiver<Option<String>>>>,
    cancelled: AtomicBool,
    /// The highest level of events that the host wants.
    logs: AtomicU32,
    /// Requests about commands, and who waits for the answer of each.
    requests: AtomicU64,
    executed: Mutex<BTreeMap<u64, Sender<Executed>>>,
    /// The hook has answered: what is still said isn't worth holding the answer up.
    answering: AtomicBool,
}

/// What came of a request about a command: a status and a body.
type Executed = (u32, Vec<u8>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that leads nowhere yet, and the table through which a library uses it.
pub(super) fn connection() -> (&'static Connection, &'static HostTable) {
    let connection: &'static Connection = Box::leak(Box::new(Connection {
        wires: Mutex::new(None),
        recorded: Mutex::new(None),
        cancelled: AtomicBool::new(false),
        logs: AtomicU32::new(0),
        requests: AtomicU64::new(0),
        executed: Mutex::default(),
        answering: AtomicBool::new(false),
    }));
    let mut all = CONNECTIONS.write().unwrap_or_else(PoisonError::into_inner);
    let context = all.len();
    all.push(connection);
    let table = HostTable { context, log, progress, checkpoint, cancelled, exec, extension };
    (connection, Box::leak(Box::new(table)))
}

fn at(context: usize) -> Option<&'static Connection> {
    CONNECTIONS.read().unwrap_or_else(PoisonError::into_inner).get(context).copied()
}

impl Connection {
    /// Leads to this host from now on.
    pub(super) fn lead_to(&self, socket: UnixStream) {
        *lock(&self.wires) = Some(socket);
    }

    /// Serves a library's hooks until the connection ends; calls `gone` then, while a hook may
    /// still be running.
    pub(super) fn serve(
        &'static self,
        loaded: Loaded,
        mut input: UnixStream,
        gone: fn(),
    ) -> io::Result<()> {
        let (answers, recorded) = channel();
        *lock(&self.recorded) = Some(recorded);
        let (calls, pending) = channel();
        self.send(ToHost::Ready)?;
        thread::spawn(move || {
            loop {
                match frame::read(&mut input) {
                    Ok(ToChild::Call { id, hook, log, request }) => {
                        self.logs.store(log, Ordering::Relaxed);
                        self.cancelled.store(false, Ordering::Relaxed);
                        self.answering.store(false, Ordering::Relaxed);
                        let _ = calls.send((id, hook, request));
                    }
                    Ok(ToChild::Recorded { error }) => drop(answers.send(error)),
                    Ok(ToChild::Executed { id, status, body }) => self.executed(id, status, body),
                    Ok(ToChild::Cancel) => self.cancelled.store(true, Ordering::Relaxed),
                    Err(_) => {
                        self.cancelled.store(true, Ordering::Relaxed);
                        // Nobody answers any more.
                        lock(&self.executed).clear();
                        return gone();
                    }
                }
            }
        });
        for (id, hook, request) in pending {
            let body = serde_json::to_vec(&request)?;
            fault::point(format_args!("child.before.{hook}"));
            let reply = loaded.call(&hook, &body);
            fault::point(format_args!("child.after.{hook}"));
            self.answering.store(true, Ordering::Relaxed);
            self.answer(id, &reply)?;
        }
        Ok(())
    }

    fn answer(&self, id: u64, reply: &Reply) -> io::Result<()> {
        let whole = |body| ToHost::Answer { id, status: reply.status, body };
        let sent = serde_json::from_slice(&reply.body)
            .map_err(io::Error::from)
            .and_then(|body| self.send(whole(body)));
        match sent {
            Err(error) if is_of_the_answer(&error) => {
                let error =
                    Error::new(ErrorCode::Internal, format!("its answer is no use: {error}"));
                let body = serde_json::to_value(error.effect(Effect::Maybe))?;
                self.send(ToHost::Answer { id, status: STATUS_ERROR, body })
            }
            other => other,
        }
    }

    fn send(&self, message: ToHost) -> io::Result<()> {
        match &mut *lock(&self.wires) {
            Some(socket) => frame::write(socket, message),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Says something that nobody waits for.
    fn say(&self, message: ToHost) {
        if !self.answering.load(Ordering::Relaxed) {
            // A host that is gone needs no log.
            let _ = self.send(message);
        }
    }

    fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), String> {
        // One at a time, so that each gets its own answer.
        let recorded = lock(&self.recorded);
        fault::point("child.before.checkpoint");
        self.send(ToHost::Checkpoint { checkpoint }).map_err(|error| error.to_string())?;
        match recorded.as_ref().map(Receiver::recv) {
            Some(Ok(None)) => {
                fault::point("child.after.checkpoint");
                Ok(())
            }
            Some(Ok(Some(error))) => Err(error),
            Some(Err(_)) | None => Err("the host is gone".to_owned()),
        }
    }
}

impl Connection {
    /// Relays a request about a command; several threads may do so at once.
    fn exec(&self, request: &[u8]) -> Result<Executed, String> {
        let id = self.requests.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = channel();
        lock(&self.executed).insert(id, answer);
        if let Err(error) = self.send(ToHost::Exec { id, body: request.to_vec() }) {
            lock(&self.executed).remove(&id);
            return Err(error.to_string());
        }
        answered.recv().map_err(|_| "the host is gone".to_owned())
    }

    fn executed(&self, id: u64, status: u32, body: Vec<u8>) {
        let waiting = lock(&self.executed).remove(&id);
        // One that nobody has asked for is nobody's.
        if let Some(waiting) = waiting {
            let _ = waiting.send((status, body));
        }
    }
}

/// Not JSON, or too long: the connection is as good as before.
fn is_of_the_answer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
    )
}

extern "C" fn log(context: usize, level: u32, target: Text<'_>, message: Text<'_>) {
    let wanted = |connection: &&Connection| level <= connection.logs.load(Ordering::Relaxed);
    if let Some(connection) = at(context).filter(wanted) {
        let (target, message) = (target.to_string(), message.to_string());
        connection.say(ToHost::Log { level, target, message });
    }
}

extern "C" fn progress(context: usize, text: Text<'_>) {
    if let Some(connection) = at(context) {
        connection.say(ToHost::Progress { text: text.to_string() });
    }
}

extern "C" fn checkpoint(context: usize, body: Bytes<'_>) -> Reply {
    let result = serde_json::from_slice(body.as_slice())
        .map_err(|error| error.to_string())
        .and_then(|checkpoint| match at(context) {
            Some(connection) => connection.checkpoint(checkpoint),
            None => Err("there is no host".to_owned()),
        });
    match result {
        Ok(()) => abi::reply(STATUS_OK, Vec::new()),
        Err(message) => abi::reply(STATUS_ERROR, message.into_bytes()),
    }
}

extern "C" fn cancelled(context: usize) -> u32 {
    at(context).is_some_and(|connection| connection.cancelled.load(Ordering::Relaxed)).into()
}

extern "C" fn exec(context: usize, request: Bytes<'_>) -> Reply {
    let result = match at(context) {
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

/// A provider that is newer than this host asks for what this one hasn't got.
extern "C" fn extension(_: usize, name: Text<'_>, _: Bytes<'_>) -> Reply {
    let message = format!("this crabbox has no extension `{name}`");
    let error = Error::new(ErrorCode::Unsupported, message).effect(Effect::None);
    abi::reply(STATUS_ERROR, serde_json::to_vec(&error).unwrap_or_default())
}
