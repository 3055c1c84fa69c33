//! What is to be run.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How much of a stream is taken if the command doesn't say: 1 MiB.
pub const DEFAULT_CAP: usize = 1024 * 1024;

/// How much of a stream can be taken: 128 MiB.
pub const LARGEST_CAP: usize = 128 * 1024 * 1024;

/// How long a command has if it doesn't say. The hook's own deadline holds in any case.
pub const DEFAULT_DEADLINE: Duration = Duration::from_mins(1);

/// The longest standard input: 4 MiB.
pub const LONGEST_STDIN: usize = 4 * 1024 * 1024;

/// The longest lock key, in bytes.
pub const LONGEST_LOCK: usize = 1024;

/// What becomes of a stream that is longer than its cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtCap {
    /// The command is ended, and is an error: half an answer is none.
    #[default]
    Stop,
    /// It goes on, and the end of the stream is kept: for logs.
    KeepEnd,
}

/// A command for [`Host::exec`](crate::Host::exec): a program and its arguments, as they are. No shell reads them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "a command does nothing until the host runs it"]
pub struct Command {
    /// A name, to be looked for on the user's `PATH`, or an absolute path.
    pub program: String,
    /// The arguments, without the program.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Variables beside those that the manifest declares.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where it runs: an absolute path. `/` if it doesn't say, since the folder that
    /// crabbox was started in belongs to a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// How long it may take, in milliseconds.
    pub deadline_ms: u64,
    /// How much of each of its two streams is taken, in bytes.
    pub cap: usize,
    /// What becomes of a stream that is longer.
    #[serde(default)]
    pub at_cap: AtCap,
    /// Of the commands of a provider with the same key here, one runs at a time on this machine, whoever of this
    /// user's crabbox processes asks for it. Not empty, and at most [`LONGEST_LOCK`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// What it reads; nothing by default. Travels behind the JSON.
    #[serde(skip)]
    pub stdin: Vec<u8>,
}

impl Command {
    /// A program: a name, to be looked for on the user's `PATH`, or an absolute path.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            directory: None,
            deadline_ms: milliseconds(DEFAULT_DEADLINE),
            cap: DEFAULT_CAP,
            at_cap: AtCap::Stop,
            lock: None,
            stdin: Vec::new(),
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable. For secrets, too: arguments can be seen by every user of the machine, variables can't.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Runs it in this folder, an absolute path.
    pub fn directory(mut self, path: impl Into<String>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Gives it something to read, at most [`LONGEST_STDIN`] bytes.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Gives it this long, at least a millisecond. Then it is asked to end, and killed 2 seconds later.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline_ms = milliseconds(deadline).max(1);
        self
    }

    /// Takes at most this many bytes of each of its two streams, up to [`LARGEST_CAP`].
    pub fn cap(mut self, bytes: usize) -> Self {
        self.cap = bytes;
        self
    }

    /// Keeps the end of a stream that is longer than the cap, instead of ending the command.
    pub fn keep_end(mut self) -> Self {
        self.at_cap = AtCap::KeepEnd;
        self
    }

    /// Runs it when no other command of this provider with this key runs on this machine. Waiting for that takes of
    /// its own deadline, and is over when the hook is.
    pub fn lock(mut self, key: impl Into<String>) -> Self {
        self.lock = Some(key.into());
        self
    }

    /// The program and its arguments.
    pub fn argv(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.program).chain(&self.arguments).map(String::as_str)
    }
}

/// Without the values of variables and what is read: both may be secret.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("argv", &self.argv().collect::<Vec<_>>())
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .field("stdin", &format_args!("{} bytes", self.stdin.len()))
            .finish_non_exhaustive()
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_variables_nor_input_are_shown() {
        let command = Command::new("login").env("TOKEN", "opensesame").stdin("opensesame");
        let shown = format!("{command:?}");
        assert!(shown.contains("TOKEN") && !shown.contains("opensesame"), "{shown}");
    }
}
