//! The host's side of a provider in a process of its own: starts it, calls, and ends it for good.

use super::child;
use super::error::{Ended, ProviderError, Said, Who, is_bug};
use super::frame::ToHost;
use super::hooks::{Callbacks, Runtime};
use super::keeper::{Fate, LEFT, Order, Ward};
use super::link::{Link, Trouble, Why};
use crate::fault;
use crate::registry::Library;
use crate::tail::Tail;
use crabbox_provider_api::Effect;
use serde_json::Value;
use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;
use tracing::{debug, warn};

/// How long a library may take to load.
pub(super) const LOAD_DEADLINE: Duration = Duration::from_secs(20);

/// How long a provider that nobody calls any more may take to notice that, and to leave.
pub(super) const LEAVING: Duration = Duration::from_millis(500);

/// How long the child, and all in its process group, have between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(500);

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
    ward: Ward,
    link: Link,
    stderr: Tail,
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
        let declared = declared.filter_map(|name| Some((name.into(), env::var_os(name)?)));
        let told = fault::environment().map(|(name, value)| (OsString::from(name), value));
        let order = Order {
            // Of the keeper, which is the same program.
            program: "/proc/self/exe".into(),
            arguments: vec![child::COMMAND.into()],
            environment: declared.chain(told).collect(),
            directory: None,
            grace: GRACE,
        };
        debug!(provider = who.name, library = %who.path.display(), "starting a process for it");
        let (stderr, said) = io::pipe().map_err(wrap)?;
        let file = library.file.try_clone().map_err(wrap)?;
        let streams = [file.into(), theirs.into(), said.into()];
        let ward = Ward::start(&program, &order, streams).map_err(wrap)?;
        let mut child = Self { who, ward, link, stderr: Tail::of(stderr) };
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
            // If late.
            Trouble::Stopped(_, error) if is_bug(&error) => self.failed(hook, error),
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
        let by_itself = self.ward.wait(self.ward.longest());
        let end = self.end();
        let (who, stderr) = (self.who.clone(), self.said());
        match end {
            Fate::NotStarted(errno) => ProviderError::Start { who, source: errno.into() },
            Fate::Ended(status) | Fate::Left(status) if by_itself => {
                ProviderError::Died { who, hook, status, stderr }
            }
            Fate::Unkept(keeper) if by_itself => {
                ProviderError::Unkept { who, hook, keeper, stderr }
            }
            Fate::Ended(_) | Fate::Left(_) | Fate::NotEntered(_) | Fate::Unkept(_) => {
                let reason = "it closed the connection".to_owned();
                ProviderError::Protocol { who, hook, reason, stderr }
            }
        }
    }

    /// Ends it, with all that it has started.
    fn end(&mut self) -> Fate {
        let end = self.ward.end();
        if let Fate::Left(_) = end {
            warn!(provider = self.who.name, "{LEFT}");
        }
        self.stderr.finish();
        end
    }

    /// Lets it leave by itself, which the closed connection tells it to, and ends what doesn't.
    fn leave(&mut self) {
        self.link.close();
        self.ward.wait(LEAVING);
        self.end();
    }

    /// What the provider itself calls a failure. One that is a bug gets its name, its file and
    /// its last words, as any other way to break does.
    fn failed(&mut self, hook: &'static str, error: crabbox_provider_api::Error) -> ProviderError {
        if !is_bug(&error) {
            return ProviderError::Answer { provider: self.who.name.clone(), error };
        }
        // It may not be itself any more, and its last words are only complete at its end.
        self.leave();
        let (who, stderr) = (self.who.clone(), self.said());
        ProviderError::Bug { who, hook, error: Box::new(error), stderr }
    }

    fn said(&self) -> Said {
        Said(self.stderr.text())
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
    /// What it has printed is for whoever writes it, and in no answer.
    fn drop(&mut self) {
        self.leave();
        for line in self.stderr.text().lines() {
            debug!(provider = self.who.name, "it printed: {line}");
        }
    }
}
