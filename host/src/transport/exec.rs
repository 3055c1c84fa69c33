//! Runs a script on a box and holds both ends of its standard streams.

use crate::tail::{Tail, said};
use crabbox_provider_api::payload::Transport;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;
use tracing::debug;

/// How often an ending session is looked at before it is killed: about six seconds,
/// more than the helper gives a command to end.
const LOOKS: u32 = 300;

/// The box can't be reached, or isn't what it should be.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The kind of transport is one that only a newer crabbox knows.
    #[error("the provider's way to reach the box is of a kind that this crabbox doesn't know")]
    UnknownKind,
    /// The local command that leads to the box can't be started.
    #[error("`{program}` can't be started")]
    Start {
        /// Which.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The stream broke.
    #[error("the connection to the box broke")]
    Broken(#[source] io::Error),
    /// No helper for this machine is embedded.
    #[error("the box is a `{0}`, for which this crabbox holds no remote helper")]
    Machine(String),
    /// The helper can't run in any folder of the box.
    #[error("the remote helper can't run on the box: {0}")]
    NoFolder(String),
    /// Nothing answered.
    #[error("the box didn't answer within {}s{}", .patience.as_secs(), said(.stderr))]
    Silent {
        /// How long that was waited for.
        patience: Duration,
        /// What was said on standard error meanwhile.
        stderr: String,
    },
    /// Something else than the helper answered.
    #[error("the box doesn't answer as it should: {0}")]
    Noise(String),
}

/// The local process at our end of the stream, in a process group of its own: a
/// Ctrl-C in the terminal is ours to forward.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stderr: Tail,
}

impl Process {
    /// What the far side last said on standard error.
    #[must_use]
    pub fn stderr_tail(&self) -> String {
        self.stderr.text()
    }

    /// How it ended, for a message: its output has.
    pub(super) fn end_of_it(&mut self) -> String {
        self.stderr.finish();
        match self.child.try_wait() {
            Ok(Some(status)) => status.to_string(),
            _ => "it still runs, and closed its output".to_owned(),
        }
    }

    /// Its process id, for signals.
    #[must_use]
    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends the session from our side: the helper takes a SIGTERM, or the end of
    /// its input, as the order to kill the command and leave.
    pub fn terminate(&self) {
        let _ = kill_process(self.id(), Signal::TERM);
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }
}

impl Drop for Process {
    /// The streams have been closed by now: what doesn't leave by itself is told
    /// to, and what doesn't listen is killed.
    fn drop(&mut self) {
        for waited in 0..LOOKS {
            if self.has_ended() {
                return;
            }
            if waited == LOOKS / 2 {
                self.terminate();
            }
            thread::sleep(Duration::from_millis(if waited < 20 { 1 } else { 20 }));
        }
        // The whole group: what the process started may hold the way open.
        let _ = kill_process_group(self.id(), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Starts `script` on the box.
pub(super) fn start(
    transport: &Transport,
    script: &str,
) -> Result<(Process, ChildStdin, ChildStdout), TransportError> {
    let Transport::Exec { prefix } = transport else {
        return Err(TransportError::UnknownKind);
    };
    let mut words = prefix.iter().map(String::as_str).chain(["/bin/sh", "-c", script]);
    let program = words.next().unwrap_or("/bin/sh");
    debug!(
        "starting a shell on the box by `{}`",
        [prefix.as_slice(), &["/bin/sh".to_owned()]].concat().join(" ")
    );
    let mut command = Command::new(program);
    command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = command
        .spawn()
        .map_err(|source| TransportError::Start { program: program.to_owned(), source })?;
    let stdin = child.stdin.take().expect("standard input was asked for as a pipe");
    let stdout = child.stdout.take().expect("standard output was asked for as a pipe");
    let stderr = child.stderr.take().expect("standard error was asked for as a pipe");
    Ok((Process { child, stderr: Tail::of(stderr) }, stdin, stdout))
}
