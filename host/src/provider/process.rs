//! The host's side: starts the child, calls, and ends it for good.

use super::error::{ProviderError, Said, Who};
use super::exec::Execs;
use super::frame::{self, ToChild, ToHost};
use super::hooks::{Callbacks, Runtime};
use crate::fault;
use crate::log;
use crate::registry::Library;
use crate::tail::Tail;
use crabbox_provider_api::ErrorCode;
use crabbox_provider_api::abi::STATUS_OK;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_json::Value;
use std::env;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tracing::debug;

/// How long a library may take to load.
const LOAD_DEADLINE: Duration = Duration::from_secs(20);

/// How long a child that was told to stop has, at each step: asked, terminated, killed.
const GRACE: Duration = Duration::from_millis(500);

/// How to run a child.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The program to run as the child, if not this one: for tests.
    pub program: Option<PathBuf>,
}

/// A child with a provider in it.
#[derive(Debug)]
pub(super) struct Child {
    who: Who,
    process: process::Child,
    socket: UnixStream,
    /// The same, for writing: commands answer from threads of their own.
    out: Arc<Mutex<UnixStream>>,
    execs: Execs,
    stderr: Option<Tail>,
    /// How it ended, once it is reaped: from then on its number may be somebody else's.
    ended: Option<ExitStatus>,
}

impl Child {
    pub(super) fn start(library: &Library, options: &Options) -> Result<Self, ProviderError> {
        let name = library.manifest.name.clone();
        let who = Who { name, path: library.path.clone() };
        let wrap = |source| ProviderError::Start { who: who.clone(), source };
        let (socket, theirs) = UnixStream::pair().map_err(wrap)?;
        // One that doesn't read must not hold its host.
        socket.set_write_timeout(Some(LOAD_DEADLINE)).map_err(wrap)?;
        let program = match &options.program {
            Some(program) => program.clone(),
            // The path may be another file by now; this is the running one.
            None => PathBuf::from("/proc/self/exe"),
        };
        let out = Arc::new(Mutex::new(socket.try_clone().map_err(wrap)?));
        let declared = library.manifest.environment.keys();
        debug!(provider = who.name, library = %who.path.display(), "starting a process for it");
        let execs = Execs::new(declared.clone(), program.clone()).map_err(wrap)?;
        let mut process = Command::new(program)
            .arg("__provider")
            .env_clear()
            .envs(declared.filter_map(|name| Some((name, env::var_os(name)?))))
            .envs(fault::environment())
            .stdin(library.file.try_clone().map_err(wrap)?)
            .stdout(OwnedFd::from(theirs))
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(wrap)?;
        let stderr = process.stderr.take().map(Tail::of);
        let mut child = Self { who, process, socket, out, execs, stderr, ended: None };
        match child.read("load", Instant::now() + LOAD_DEADLINE, LOAD_DEADLINE)? {
            ToHost::Ready => Ok(child),
            ToHost::Unloadable { reason } => {
                child.leave();
                let (who, stderr) = (child.who.clone(), child.said());
                Err(ProviderError::Load { who, reason, stderr })
            }
            other => Err(child.broken("load", format!("{other:?} came first"))),
        }
    }

    fn send(&mut self, hook: &'static str, message: ToChild) -> Result<(), ProviderError> {
        self.write(message).map_err(|_| self.died(hook))
    }

    fn write(&self, message: ToChild) -> io::Result<()> {
        frame::write(&mut *self.out.lock().unwrap_or_else(PoisonError::into_inner), message)
    }

    fn read(
        &mut self,
        hook: &'static str,
        end: Instant,
        allowed: Duration,
    ) -> Result<ToHost, ProviderError> {
        let mut input = Timed { socket: &self.socket, end };
        frame::read(&mut input).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                // It may be able to stop by itself.
                self.execs.cancel();
                let _ = self.write(ToChild::Cancel);
                self.wait(GRACE);
                self.end();
                let (who, stderr) = (self.who.clone(), self.said());
                ProviderError::Deadline { who, hook, deadline: allowed, stderr }
            }
            io::ErrorKind::InvalidData => self.broken(hook, error.to_string()),
            _ => self.died(hook),
        })
    }

    fn died(&mut self, hook: &'static str) -> ProviderError {
        // Its end of the socket is closed; the process may need a moment more.
        let by_itself = self.wait(GRACE);
        let status = self.end().filter(|_| by_itself);
        let (who, stderr) = (self.who.clone(), self.said());
        if let Some(status) = status {
            return ProviderError::Died { who, hook, status, stderr };
        }
        let reason = "it closed the connection".to_owned();
        ProviderError::Protocol { who, hook, reason, stderr }
    }

    /// Waits until it has ended, at most this long. It isn't reaped: its number stays its own, and
    /// its group's, until [`Self::end`].
    fn wait(&mut self, longest: Duration) -> bool {
        let leader = WaitId::Pid(Pid::from_child(&self.process));
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let end = Instant::now() + longest;
        let mut pause = Duration::from_micros(200);
        loop {
            // An error says that there is no such child: nothing to wait for.
            if self.ended.is_some() || !matches!(waitid(leader.clone(), look), Ok(None)) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Ends the whole process group: asked first, then killed, and reaped last.
    fn end(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            let group = Pid::from_child(&self.process);
            if !self.wait(Duration::ZERO) {
                let _ = kill_process_group(group, Signal::TERM);
                self.wait(GRACE);
            }
            // Also when it has ended: what it started may live on in its group.
            let _ = kill_process_group(group, Signal::KILL);
            self.ended = self.process.wait().ok();
            if let Some(stderr) = &self.stderr {
                stderr.finish();
            }
        }
        self.ended
    }

    /// Lets it leave by itself, which the closed connection tells it to, and ends what doesn't.
    fn leave(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        self.wait(GRACE);
        self.end();
    }

    /// What the provider itself calls a failure. One that is a bug gets its name, its file and
    /// its last words, as any other way to break does.
    fn failed(&mut self, hook: &'static str, error: crabbox_provider_api::Error) -> ProviderError {
        match error.code {
            ErrorCode::Internal | ErrorCode::Unknown => {
                // It may not be itself any more, and its last words are only complete at its end.
                self.leave();
                let (who, stderr) = (self.who.clone(), self.said());
                ProviderError::Bug { who, hook, error: Box::new(error), stderr }
            }
            _ => ProviderError::Answer { provider: self.who.name.clone(), error },
        }
    }

    fn said(&self) -> Said {
        Said(self.stderr.as_ref().map(Tail::text).unwrap_or_default())
    }
}

impl Runtime for Child {
    fn call(
        &mut self,
        hook: &'static str,
        request: Value,
        allowed: Duration,
        host: &mut dyn Callbacks,
    ) -> Result<Value, ProviderError> {
        self.execs.begin(&request);
        let result = self.converse(hook, request, allowed, host);
        self.execs.end();
        result
    }

    fn broken(&mut self, hook: &'static str, reason: String) -> ProviderError {
        self.end();
        ProviderError::Protocol { who: self.who.clone(), hook, reason, stderr: self.said() }
    }
}

impl Child {
    fn converse(
        &mut self,
        hook: &'static str,
        request: Value,
        allowed: Duration,
        host: &mut dyn Callbacks,
    ) -> Result<Value, ProviderError> {
        let end = Instant::now() + allowed;
        self.send(hook, ToChild::Call { hook: hook.to_owned(), request })?;
        loop {
            match self.read(hook, end, allowed)? {
                ToHost::Answer { status: STATUS_OK, body } => return Ok(body),
                ToHost::Answer { body, .. } => {
                    let error = serde_json::from_value(body).map_err(|error| {
                        self.broken(hook, format!("its error makes no sense: {error}"))
                    })?;
                    return Err(self.failed(hook, error));
                }
                ToHost::Checkpoint { checkpoint } => {
                    let error = host.checkpoint(&checkpoint).err();
                    fault::point("checkpoint.stored");
                    self.send(hook, ToChild::Recorded { error })?;
                }
                ToHost::Log { level, target, message } => {
                    log::of_provider(&self.who.name, level, &target, &message);
                }
                ToHost::Progress { text } => host.progress(&text),
                ToHost::Exec { id, body } => self.execs.relay(id, body, Arc::clone(&self.out)),
                other => return Err(self.broken(hook, format!("{other:?} in the middle"))),
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Reads from the socket until a moment, however the bytes dribble in.
struct Timed<'a> {
    socket: &'a UnixStream,
    end: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.socket.set_read_timeout(Some(left))?;
        let mut socket = self.socket;
        socket.read(buffer)
    }
}
