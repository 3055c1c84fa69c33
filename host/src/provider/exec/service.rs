//! All that one provider runs: serves what its child relays, and ends everything with the hook.

use super::lock::{self, Held};
use super::message::shown;
use super::tool::{Said, Tool};
use super::{cassette, find};
use crate::provider::frame::ToChild;
use crate::provider::out::Out;
use crabbox_provider_api::abi::{STATUS_ERROR, STATUS_OK};
use crabbox_provider_api::exec::protocol::{Reply, Request, decode_request, encode};
use crabbox_provider_api::exec::{LARGEST_CAP, LONGEST_STDIN};
use crabbox_provider_api::{Command, ExecError, ExecErrorKind};
use rustix::event::{EventfdFlags, eventfd};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use tracing::{Span, debug, debug_span};

/// How many commands may run at a time.
const MOST: usize = 64;

/// How much may be asked for at a time. What asks for a command more than there may be is told so, and takes no
/// other's place meanwhile.
const MOST_ASKED: usize = 2 * MOST;

/// What a provider runs while its hooks do.
#[derive(Clone, Debug)]
pub(in crate::provider) struct Execs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The provider's name.
    provider: String,
    /// Variables that the manifest declares.
    declared: BTreeSet<String>,
    /// This one, which is the keeper of each, too.
    program: PathBuf,
    checkout: Option<PathBuf>,
    state: Mutex<State>,
    /// No request is being served.
    idle: Condvar,
    /// Readable once the hook is over: whoever waits for a command wakes.
    over: OwnedFd,
}

#[derive(Debug, Default)]
struct State {
    /// A hook runs.
    open: bool,
    serving: usize,
    /// Those of which it isn't known yet whether they run.
    starting: usize,
    started: u64,
    running: BTreeMap<u64, Arc<Mutex<Running>>>,
    /// Where each program was found: once, for all commands of this provider.
    found: BTreeMap<String, PathBuf>,
    /// What differs from lease to lease, for a recording.
    names: Vec<(&'static str, String)>,
    /// The hook's, for the log.
    span: Option<Span>,
}

#[derive(Debug)]
struct Running {
    tool: Tool,
    /// Let go of once the process has ended.
    #[expect(dead_code, reason = "dropping it lets go of the lock")]
    held: Option<Held>,
    recording: Option<cassette::Recording>,
    /// Closed once the process has ended.
    span: Span,
}

impl Execs {
    /// For one provider. `program`: this one.
    pub(in crate::provider) fn new<'a>(
        provider: &str,
        declared: impl Iterator<Item = &'a String>,
        program: PathBuf,
    ) -> io::Result<Self> {
        Ok(Self(Arc::new(Inner {
            provider: provider.to_owned(),
            declared: declared.cloned().collect(),
            program,
            checkout: find::checkout(),
            state: Mutex::default(),
            idle: Condvar::new(),
            over: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })))
    }

    /// A hook begins, and may run commands.
    pub(in crate::provider) fn begin(&self, request: &Value) {
        let name = |key| Some((key, request.get(key)?.as_str()?.to_owned()));
        let names: Vec<_> = ["lease", "slug"].into_iter().filter_map(name).collect();
        cassette::bind(&names);
        let mut state = self.lock();
        state.open = true;
        state.names = names;
        state.span = Some(Span::current());
        // Nobody waits now: the next one isn't to wake for what is over.
        let _ = rustix::io::read(&self.0.over, &mut [0; 8]);
    }

    /// Serves a request beside the hook, and answers over the socket.
    pub(in crate::provider) fn relay(&self, id: u64, body: Vec<u8>, out: Arc<Out>) {
        let served = {
            let mut state = self.lock();
            state.serving += 1;
            state.serving <= MOST_ASKED
        };
        let execs = self.clone();
        let answer = move || {
            let (status, body) = if served { execs.serve(&body) } else { error(&too_many()) };
            let answer = ToChild::Executed { id, status, body };
            // A child that is gone needs no answer, and one that doesn't read it is done with.
            let _ = out.send(answer);
            let mut state = execs.lock();
            state.serving -= 1;
            if state.serving == 0 {
                execs.0.idle.notify_all();
            }
        };
        // One too many isn't worth a thread.
        if served { drop(thread::spawn(answer)) } else { answer() }
    }

    /// The hook is to stop, or has: whoever waits for a command learns that it was ended.
    pub(in crate::provider) fn cancel(&self) {
        let running: Vec<_> = {
            let mut state = self.lock();
            state.open = false;
            state.running.values().cloned().collect()
        };
        let _ = rustix::io::write(&self.0.over, &1_u64.to_ne_bytes());
        for one in running {
            // One that is waited for is ended by whoever waits.
            if let Ok(running) = one.try_lock() {
                running.tool.ask_to_end();
            }
        }
    }

    /// Ends all that runs. Nothing does when this returns.
    pub(in crate::provider) fn end(&self) {
        {
            let mut state = self.lock();
            state.open = false;
            state.span = None;
            if state.serving == 0 && state.running.is_empty() {
                return;
            }
        }
        self.cancel();
        let mut state = self.lock();
        while state.serving > 0 {
            state = self.0.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let running = std::mem::take(&mut state.running);
        drop(state);
        // All were asked to end by now, and each has a keeper that sees to it: they have one grace together.
        drop(running);
    }

    fn serve(&self, body: &[u8]) -> (u32, Vec<u8>) {
        if let Some(answer) = cassette::answer(body) {
            return answer;
        }
        match self.answer(body) {
            Ok((reply, tail)) => (STATUS_OK, encode(&reply, &tail)),
            Err(reason) => error(&reason),
        }
    }

    fn answer(&self, body: &[u8]) -> Result<(Reply, Vec<u8>), ExecError> {
        match decode_request(body)? {
            Request::Start(command) => Ok((self.start(&command)?, Vec::new())),
            Request::Next { run } => self.next(run),
            Request::Forget { run } => {
                let forgotten = self.lock().running.remove(&run);
                // Ending it takes a while: nobody else is to wait for that.
                drop(forgotten);
                Ok((Reply::Forgotten, Vec::new()))
            }
        }
    }

    fn start(&self, command: &Command) -> Result<Reply, ExecError> {
        check(command)?;
        let recording = cassette::Recording::of(command, &self.lock().names);
        let hook = self.lock().span.clone();
        let span = debug_span!(parent: hook.as_ref().and_then(Span::id), "tool", program = command.program);
        let started = self.reserve(command).and_then(|()| {
            let started = self.spawn(command.clone());
            started.inspect_err(|_| self.lock().starting -= 1)
        });
        let tool = match (started, recording) {
            (Ok((tool, held)), recording) => Running { tool, held, recording, span },
            (Err(error), recording) => {
                debug!(parent: &span, "{error}");
                if let Some(recording) = recording {
                    recording.failed(&error);
                }
                return Err(error);
            }
        };
        debug!(parent: &tool.span, "{} runs", shown(command));
        let mut state = self.lock();
        state.starting -= 1;
        if !state.open {
            // The hook has ended meanwhile: so does this, with its drop.
            drop(state);
            let message = format!("{} came after the end of the hook", shown(command));
            return Err(ExecError::new(ExecErrorKind::Cancelled, message));
        }
        state.started += 1;
        let run = state.started;
        state.running.insert(run, Arc::new(Mutex::new(tool)));
        Ok(Reply::Started { run })
    }

    /// Counts a command in before it is started, if there is room for it: others look meanwhile.
    fn reserve(&self, command: &Command) -> Result<(), ExecError> {
        let mut state = self.lock();
        if !state.open {
            let message = format!("{} came after the end of the hook", shown(command));
            return Err(ExecError::new(ExecErrorKind::Cancelled, message));
        }
        if state.running.len() + state.starting >= MOST {
            return Err(too_many());
        }
        state.starting += 1;
        Ok(())
    }

    fn spawn(&self, mut command: Command) -> Result<(Tool, Option<Held>), ExecError> {
        let program = self.find(&command.program)?;
        let held = lock::wait(&self.0.provider, &mut command, self.0.over.as_fd())?;
        let declared = self.0.declared.iter();
        let declared = declared.filter_map(|name| Some((name.into(), env::var_os(name)?)));
        let added = command.environment.clone();
        let added = added.into_iter().map(|(name, value)| (name.into(), OsString::from(value)));
        let tool = Tool::start(command, &self.0.program, program, declared.chain(added))?;
        Ok((tool, held))
    }

    fn find(&self, program: &str) -> Result<PathBuf, ExecError> {
        if let Some(found) = self.lock().found.get(program) {
            return Ok(found.clone());
        }
        let found =
            find::find(program, env::var_os("PATH").as_deref(), self.0.checkout.as_deref())?;
        self.lock().found.insert(program.to_owned(), found.clone());
        Ok(found)
    }

    fn next(&self, run: u64) -> Result<(Reply, Vec<u8>), ExecError> {
        let one = self.lock().running.get(&run).cloned().ok_or_else(|| {
            let message = format!("there is no command number {run}");
            ExecError::new(ExecErrorKind::Refused, message)
        })?;
        let mut running = one.lock().unwrap_or_else(PoisonError::into_inner);
        let said = running.tool.next(self.0.over.as_fd());
        let Running { recording, span, .. } = &mut *running;
        match &said {
            Ok(Said::Piece(stream, bytes)) => {
                if let Some(recording) = recording {
                    recording.said(*stream, bytes);
                }
            }
            Ok(Said::End(status)) => {
                debug!(parent: &*span, "{status}");
                if let Some(recording) = recording.take() {
                    recording.ended(*status);
                }
            }
            Err(error) => {
                debug!(parent: &*span, "{error}");
                if let Some(recording) = recording.take() {
                    recording.failed(error);
                }
            }
        }
        if !matches!(said, Ok(Said::Piece(..))) {
            self.lock().running.remove(&run);
        }
        Ok(match said? {
            Said::Piece(stream, bytes) => (Reply::Output { stream }, bytes),
            Said::End(status) => (Reply::Ended(status), Vec::new()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn error(error: &ExecError) -> (u32, Vec<u8>) {
    (STATUS_ERROR, encode(error, &[]))
}

fn too_many() -> ExecError {
    let message = format!("more than {MOST} commands at once aren't run for a provider");
    ExecError::new(ExecErrorKind::Refused, message)
}

/// What the provider's own side checks, too; but who knows what that is.
fn check(command: &Command) -> Result<(), ExecError> {
    let refuse = |message: String| Err(ExecError::new(ExecErrorKind::Refused, message));
    if command.cap > LARGEST_CAP || command.stdin.len() > LONGEST_STDIN {
        return refuse(format!("{} wants to say or read more than it may", shown(command)));
    }
    if let Some(why) = lock::objection(command) {
        return refuse(why);
    }
    let bad = |name: &str| name.is_empty() || name.contains(['=', '\0']);
    if let Some(name) = command.environment.keys().find(|name| bad(name)) {
        return refuse(format!("`{}` can't be a variable's name", name.escape_debug()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_being_started_counts_as_running() {
        let execs = Execs::new("tools", [].iter(), "/proc/self/exe".into()).expect("a service");
        execs.begin(&json!({}));
        let command = Command::new("true");
        for _ in 0..MOST {
            execs.reserve(&command).expect("there is room");
        }
        let refused = execs.start(&command).expect_err("one too many");
        assert_eq!(refused.kind, ExecErrorKind::Refused);
        execs.lock().starting = 0;
        let absent = execs.start(&Command::new("no-such-tool")).expect_err("it isn't there");
        assert_eq!(absent.kind, ExecErrorKind::NotFound);
        assert_eq!(execs.lock().starting, 0, "its place is free again");
    }
}
