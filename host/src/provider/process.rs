//! The host's side: starts the child, calls, and ends it for good.

use super::error::{ProviderError, Said, Who};
use super::frame::{self, ToChild, ToHost};
use super::hooks::{Callbacks, Runtime};
use crate::registry::Library;
use crate::tail::Tail;
use crabbox_provider_api::abi::STATUS_OK;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use std::env;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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
    stderr: Option<Tail>,
}

impl Child {
    pub(super) fn start(library: &Library, options: &Options) -> Result<Self, ProviderError> {
        let name = library.manifest.name.clone();
        let wrap = |source| ProviderError::Start { provider: name.clone(), source };
        let (socket, theirs) = UnixStream::pair().map_err(wrap)?;
        let program = match &options.program {
            Some(program) => program.clone(),
            // The path may be another file by now; this is the running one.
            None => PathBuf::from("/proc/self/exe"),
        };
        let declared = library.manifest.environment.keys();
        let mut process = Command::new(program)
            .arg("__provider")
            .env_clear()
            .envs(declared.filter_map(|name| Some((name, env::var_os(name)?))))
            .stdin(library.file.try_clone().map_err(wrap)?)
            .stdout(OwnedFd::from(theirs))
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(wrap)?;
        let stderr = process.stderr.take().map(Tail::of);
        let who = Who { name: name.clone(), path: library.path.clone() };
        let mut child = Self { who, process, socket, stderr };
        match child.read("load", Instant::now() + LOAD_DEADLINE, LOAD_DEADLINE)? {
            ToHost::Ready => Ok(child),
            ToHost::Unloadable { reason } => Err(ProviderError::Load(child.who.clone(), reason)),
            other => Err(child.broken("load", format!("{other:?} came first"))),
        }
    }

    fn send(&mut self, hook: &'static str, message: &ToChild) -> Result<(), ProviderError> {
        frame::write(&mut self.socket, message).map_err(|_| self.died(hook))
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
                let _ = frame::write(&mut self.socket, &ToChild::Cancel);
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
        self.wait(GRACE);
        let status = self.end();
        match status {
            Some(status) => {
                ProviderError::Died { who: self.who.clone(), hook, status, stderr: self.said() }
            }
            None => ProviderError::Protocol {
                who: self.who.clone(),
                hook,
                reason: "it closed the connection".to_owned(),
                stderr: self.said(),
            },
        }
    }

    /// Waits until it has ended, at most this long.
    fn wait(&mut self, longest: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + longest;
        let mut pause = Duration::from_micros(200);
        loop {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Some(status);
            }
            if Instant::now() >= end {
                return None;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Ends the whole process group: asked first, then killed.
    fn end(&mut self) -> Option<ExitStatus> {
        let group = Pid::from_child(&self.process);
        let mut status = self.wait(Duration::ZERO);
        if status.is_none() {
            let _ = kill_process_group(group, Signal::TERM);
            status = self.wait(GRACE);
        }
        // Also when it has ended: what it started may live on in its group.
        let _ = kill_process_group(group, Signal::KILL);
        let status = status.or_else(|| self.process.wait().ok());
        if let Some(stderr) = &self.stderr {
            stderr.finish();
        }
        status
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
        let end = Instant::now() + allowed;
        self.send(hook, &ToChild::Call { hook: hook.to_owned(), request })?;
        loop {
            match self.read(hook, end, allowed)? {
                ToHost::Answer { status: STATUS_OK, body } => return Ok(body),
                ToHost::Answer { body, .. } => {
                    let error = serde_json::from_value(body).map_err(|error| {
                        self.broken(hook, format!("its error makes no sense: {error}"))
                    })?;
                    return Err(ProviderError::Answer { provider: self.who.name.clone(), error });
                }
                ToHost::Checkpoint { resource } => {
                    let error = host.checkpoint(&resource).err();
                    self.send(hook, &ToChild::Recorded { error })?;
                }
                ToHost::Log { level, target, message } => {
                    let level = match level {
                        1 => "error",
                        2 => "warn",
                        3 => "info",
                        4 => "debug",
                        _ => "trace",
                    };
                    host.log(level, &target, &message);
                }
                ToHost::Progress { text } => host.progress(&text),
                other => return Err(self.broken(hook, format!("{other:?} in the middle"))),
            }
        }
    }

    fn broken(&mut self, hook: &'static str, reason: String) -> ProviderError {
        self.end();
        ProviderError::Protocol { who: self.who.clone(), hook, reason, stderr: self.said() }
    }
}

impl Drop for Child {
    /// The closed connection tells it to leave.
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        self.wait(GRACE);
        self.end();
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
