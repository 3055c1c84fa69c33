//! The host's side of a provider in a process of its own: starts it, calls, and ends it for good.

use super::error::{Ended, ProviderError, Said, Who};
use super::frame::ToHost;
use super::hooks::{Callbacks, Runtime};
use super::keeper;
use super::link::{Link, Trouble, Why};
use crate::fault;
use crate::registry::Library;
use crate::sys::keep_from_children;
use crate::tail::Tail;
use crabbox_provider_api::{Effect, ErrorCode};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::Value;
use std::env;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tracing::debug;

/// How long a library may take to load.
pub(super) const LOAD_DEADLINE: Duration = Duration::from_secs(20);

/// How long a child that has nothing more to do may take to leave.
const LEAVING: Duration = Duration::from_millis(500);

/// Where a provider's code runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// In a process of its own.
    #[default]
    Process,
    /// In this one: for whoever debugs it.
    None,
}

/// How to run a provider.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The program to run as the child, if not this one: for tests.
    pub program: Option<PathBuf>,
    /// Where its code runs.
    pub isolation: Isolation,
}

/// A child with a provider in it, behind the keeper that is started for it.
#[derive(Debug)]
pub(super) struct Child {
    who: Who,
    keeper: process::Child,
    link: Link,
    stderr: Option<Tail>,
    /// How it ended, once it is reaped: from then on its number may be somebody else's.
    ended: Option<ExitStatus>,
}

impl Child {
    pub(super) fn start(library: &Library, options: &Options) -> Result<Self, ProviderError> {
        let who = Who::of(library);
        let wrap = |source| ProviderError::Start { who: who.clone(), source };
        let (ours, theirs) = UnixStream::pair().map_err(wrap)?;
        let program = match &options.program {
            Some(program) => program.clone(),
            // The path may be another file by now; this is the running one.
            None => PathBuf::from("/proc/self/exe"),
        };
        let link = Link::new(&library.manifest, ours, program.clone()).map_err(wrap)?;
        let declared = library.manifest.environment.keys();
        debug!(provider = who.name, library = %who.path.display(), "starting a process for it");
        keep_from_children();
        let mut keeper = Command::new(program)
            .arg(keeper::COMMAND)
            .env_clear()
            .envs(declared.filter_map(|name| Some((name, env::var_os(name)?))))
            .envs(fault::environment())
            .stdin(library.file.try_clone().map_err(wrap)?)
            .stdout(OwnedFd::from(theirs))
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(wrap)?;
        let stderr = keeper.stderr.take().map(Tail::of);
        let mut child = Self { who, keeper, link, stderr, ended: None };
        match child.link.first(LOAD_DEADLINE) {
            Ok(ToHost::Ready) => Ok(child),
            Ok(ToHost::Unloadable { reason }) => {
                child.leave();
                let (who, stderr) = (child.who.clone(), child.said());
                Err(ProviderError::Load { who, reason, stderr })
            }
            Ok(other) => Err(child.broken("load", format!("{other:?} came first"))),
            Err(trouble) => Err(child.explain("load", trouble, LOAD_DEADLINE)),
        }
    }

    fn explain(
        &mut self,
        hook: &'static str,
        trouble: Trouble,
        deadline: Duration,
    ) -> ProviderError {
        match trouble {
            Trouble::Failed(error) => self.failed(hook, error),
            Trouble::Closed => self.died(hook),
            Trouble::Nonsense(reason) => self.broken(hook, reason),
            Trouble::Stopped(why, error) => {
                self.leave();
                ProviderError::stopped(self.who.clone(), hook, deadline, why, error)
            }
            Trouble::Deaf(why) => {
                self.end();
                let (who, stderr) = (self.who.clone(), self.said());
                let (ended, effect) = (Ended::Killed, Effect::Maybe);
                match why {
                    Why::Deadline => {
                        ProviderError::Deadline { who, hook, deadline, ended, effect, stderr }
                    }
                    Why::Cancelled => ProviderError::Cancelled { who, hook, ended, effect, stderr },
                }
            }
        }
    }

    fn died(&mut self, hook: &'static str) -> ProviderError {
        // Its end of the socket is closed; the process, and what it leaves behind, may need a moment more.
        let by_itself = self.wait(keeper::LONGEST);
        let status = self.end().filter(|_| by_itself);
        let (who, stderr) = (self.who.clone(), self.said());
        if let Some(status) = status {
            return ProviderError::Died { who, hook, status, stderr };
        }
        let reason = "it closed the connection".to_owned();
        ProviderError::Protocol { who, hook, reason, stderr }
    }

    /// Waits until it has ended, at most this long. It isn't reaped: its number stays its own
    /// until [`Self::end`].
    fn wait(&mut self, longest: Duration) -> bool {
        let keeper = WaitId::Pid(Pid::from_child(&self.keeper));
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let end = Instant::now() + longest;
        let mut pause = Duration::from_micros(200);
        loop {
            // An error says that there is no such child: nothing to wait for.
            if self.ended.is_some() || !matches!(waitid(keeper.clone(), look), Ok(None)) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Has the keeper end all that is there, and reaps it. One that can't is killed in the end: then the
    /// provider's own process goes with it, and what else it started may be left.
    fn end(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            if !self.wait(Duration::ZERO) {
                let keeper = Pid::from_child(&self.keeper);
                let _ = kill_process(keeper, Signal::TERM);
                if !self.wait(keeper::LONGEST) {
                    let _ = kill_process(keeper, Signal::KILL);
                }
            }
            self.ended = self.keeper.wait().ok();
            if let Some(stderr) = &self.stderr {
                stderr.finish();
            }
        }
        self.ended
    }

    /// Lets it leave by itself, which the closed connection tells it to, and ends what doesn't.
    fn leave(&mut self) {
        self.link.close();
        self.wait(LEAVING);
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
        longest: Duration,
        host: &mut dyn Callbacks,
    ) -> Result<Value, ProviderError> {
        let answer = self.link.call(hook, request, longest, host);
        answer.map_err(|trouble| self.explain(hook, trouble, longest))
    }

    fn broken(&mut self, hook: &'static str, reason: String) -> ProviderError {
        self.end();
        ProviderError::Protocol { who: self.who.clone(), hook, reason, stderr: self.said() }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.leave();
    }
}
