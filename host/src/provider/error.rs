//! How a provider fails, from an honest answer to a crash.

use super::keeper::unkept;
use super::link::Why;
use crate::output::{CommandError, Exit};
use crate::registry::Library;
use crabbox_provider_api::{Effect, ErrorCode};
use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// A call that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider says why.
    #[error("{provider}: {error}")]
    Answer {
        /// Its name.
        provider: String,
        /// What it says.
        error: crabbox_provider_api::Error,
    },
    /// The provider says that it is at fault itself: it panicked, for one.
    #[error("{who} failed in `{hook}`: {error}{stderr}")]
    Bug {
        /// The provider.
        who: Who,
        /// The hook that was called.
        hook: &'static str,
        /// What it says.
        error: Box<crabbox_provider_api::Error>,
        /// What it said last.
        stderr: Said,
    },
    /// Its process can't be started.
    #[error("{who} can't be started")]
    Start {
        /// The provider.
        who: Who,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its library can't be loaded.
    #[error("{who} can't be loaded: {reason}{stderr}")]
    Load {
        /// The provider.
        who: Who,
        /// What the loader says.
        reason: String,
        /// What it said last.
        stderr: Said,
    },
    /// Its process ended without an answer.
    #[error("{who} ended in `{hook}` without an answer: {status}{stderr}")]
    Died {
        /// The provider.
        who: Who,
        /// The hook that was called.
        hook: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// What it said last.
        stderr: Said,
    },
    /// Its process was ended without an answer, since its keeper was.
    #[error("{who} was ended in `{hook}`, {}{stderr}", unkept(*.keeper))]
    Unkept {
        /// The provider.
        who: Who,
        /// The hook that was called.
        hook: &'static str,
        /// How its keeper ended.
        keeper: ExitStatus,
        /// What it said last.
        stderr: Said,
    },
    /// It didn't answer in time.
    #[error("{who} did not answer `{hook}` within {}s, and {ended}{stderr}", .deadline.as_secs_f64())]
    Deadline {
        /// The provider.
        who: Who,
        /// The hook that was called.
        hook: &'static str,
        /// How long it had.
        deadline: Duration,
        /// What became of it.
        ended: Ended,
        /// Could the resource exist?
        effect: Effect,
        /// What it said last.
        stderr: Said,
    },
    /// The host told it to stop.
    #[error("{who} was told to stop in `{hook}`, and {ended}{stderr}")]
    Cancelled {
        /// The provider.
        who: Who,
        /// The hook that was called.
        hook: &'static str,
        /// What became of it.
        ended: Ended,
        /// Could the resource exist?
        effect: Effect,
        /// What it said last.
        stderr: Said,
    },
    /// What it sends can't be understood.
    #[error("{who} broke the protocol in `{hook}`: {reason}{stderr}")]
    Protocol {
        /// The provider.
        who: Who,
        /// The hook that was called.
        hook: &'static str,
        /// What is wrong with it.
        reason: String,
        /// What it said last.
        stderr: Said,
    },
}

impl ProviderError {
    /// The provider's own answer, if it gave one.
    #[must_use]
    pub fn answer(&self) -> Option<&crabbox_provider_api::Error> {
        match self {
            Self::Answer { error, .. } => Some(error),
            Self::Bug { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Could the resource exist, after this failure?
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self {
            Self::Answer { error, .. } => error.effect,
            Self::Bug { error, .. } => error.effect,
            Self::Deadline { effect, .. } | Self::Cancelled { effect, .. } => *effect,
            // It died or babbled: nobody knows.
            _ => Effect::Maybe,
        }
    }

    /// A provider that was told to stop has answered with this error.
    pub(super) fn stopped(
        who: Who,
        hook: &'static str,
        deadline: Duration,
        why: Why,
        error: crabbox_provider_api::Error,
    ) -> Self {
        let (ended, effect) = (Ended::Stopped, error.effect);
        let stderr = match why {
            // What it was waiting for all that time is the reason; who leaves doesn't ask for one.
            Why::Deadline => Said(error.message.clone()),
            Why::Cancelled => Said(String::new()),
        };
        match why {
            // It failed by itself, if late.
            _ if error.code != ErrorCode::Cancelled => Self::Answer { provider: who.name, error },
            Why::Cancelled => Self::Cancelled { who, hook, ended, effect, stderr },
            Why::Deadline => Self::Deadline { who, hook, deadline, ended, effect, stderr },
        }
    }
}

/// Does the provider say that it is at fault itself?
pub(super) fn is_bug(error: &crabbox_provider_api::Error) -> bool {
    matches!(error.code, ErrorCode::Internal | ErrorCode::Unknown)
}

/// What became of a provider that was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It did, by itself.
    Stopped,
    /// It was ended, with all that it had started.
    Killed,
    /// It goes on: it runs in this process.
    Left,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "stopped",
            Self::Killed => "was ended",
            Self::Left => "can't be ended, since it runs inside of crabbox",
        })
    }
}

/// A provider in a message: its name and its file.
#[derive(Clone, Debug)]
pub struct Who {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
}

impl Who {
    pub(super) fn of(library: &Library) -> Self {
        Self { name: library.manifest.name.clone(), path: library.path.clone() }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider `{}` (`{}`)", self.name, self.path.display())
    }
}

/// The end of what a process said on standard error, for the end of a message.
#[derive(Clone, Debug)]
pub struct Said(pub String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A message is a few lines; the whole tail may be 64 KiB.
        const SHOWN: usize = 10;
        let lines: Vec<&str> = self.0.lines().filter(|line| !line.trim().is_empty()).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let last = &lines[lines.len().saturating_sub(SHOWN)..];
        write!(f, "; it said: {}", last.join(" / "))
    }
}

impl From<ProviderError> for CommandError {
    fn from(error: ProviderError) -> Self {
        let kind = match error.answer() {
            Some(answer) => exit_for(answer.code),
            None => Exit::Failed,
        };
        let mut result = Self::new(kind, error.to_string()).code("provider");
        if let Some(hint) = error.answer().and_then(|answer| answer.hint.clone()) {
            result = result.hint(hint);
        }
        if let Some(source) = std::error::Error::source(&error) {
            result = result.because(source.to_string());
        }
        result
    }
}

/// The command's exit follows from the provider's typed error, never from its text.
fn exit_for(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::Auth => Exit::Auth,
        ErrorCode::NotFound => Exit::NotFound,
        ErrorCode::Conflict => Exit::Conflict,
        ErrorCode::Quota => Exit::Quota,
        ErrorCode::Unavailable | ErrorCode::Timeout => Exit::TryAgain,
        ErrorCode::InvalidConfig => Exit::Usage,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_provider_api::Error;

    #[test]
    fn one_that_fails_by_itself_after_it_was_told_to_stop_says_why() {
        let longest = Duration::from_secs(1);
        for why in [Why::Cancelled, Why::Deadline] {
            let who = Who { name: "desk".to_owned(), path: PathBuf::new() };
            let stopped = |error| ProviderError::stopped(who.clone(), "lease", longest, why, error);
            let failed = stopped(Error::new(ErrorCode::Quota, "no boxes left"));
            assert_eq!(failed.to_string(), "desk: no boxes left");
            let ended = stopped(Error::new(ErrorCode::Cancelled, "it stopped"));
            assert!(ended.answer().is_none(), "{ended}");
        }
    }

    #[test]
    fn a_deadline_tells_what_was_waited_for() {
        let who = Who { name: "desk".to_owned(), path: PathBuf::from("/lib") };
        let waited = Error::new(ErrorCode::Cancelled, "cancelled while the desk is warming up");
        let longest = Duration::from_secs(1);
        let ended = ProviderError::stopped(who, "lease", longest, Why::Deadline, waited);
        assert_eq!(
            ended.to_string(),
            "the provider `desk` (`/lib`) did not answer `lease` within 1s, and stopped; it said: cancelled while the desk is warming up"
        );
    }
}
