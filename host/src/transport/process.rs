//! Our end of the stream to a box: a process of this machine.

use super::error::TransportError;
use crate::tail::Tail;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often an ending session is looked at before it is killed: about six seconds,
/// more than the helper gives a command to end.
const LOOKS: u32 = 300;

/// How long a process may take to end whose output has.
const ENDING: Duration = Duration::from_secs(1);

/// The local process at our end of the stream, in a process group of its own: a
/// Ctrl-C in the terminal is ours to forward.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stderr: Tail,
}

/// A process with the streams to and from it.
pub(super) type Started = (Process, ChildStdin, ChildStdout);

impl Process {
    /// Starts it. Its standard streams become pipes.
    pub(super) fn start(command: &mut Command) -> Result<Started, TransportError> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().map_err(|source| {
            let program = command.get_program().to_string_lossy().into_owned();
            TransportError::Start { program, source }
        })?;
        let stdin = child.stdin.take().expect("standard input was asked for as a pipe");
        let stdout = child.stdout.take().expect("standard output was asked for as a pipe");
        let stderr = child.stderr.take().expect("standard error was asked for as a pipe");
        Ok((Self { child, stderr: Tail::of(stderr) }, stdin, stdout))
    }

    /// What the far side last said on standard error.
    #[must_use]
    pub fn stderr_tail(&self) -> String {
        self.stderr.text()
    }

    /// How it ended, if it has, or does in a moment: its output has.
    pub(super) fn end_of_it(&mut self) -> Option<ExitStatus> {
        self.stderr.finish();
        let until = Instant::now() + ENDING;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
                Ok(status) => return status,
                Err(_) => return None,
            }
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

/// An end in words.
pub(super) fn in_words(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => status.to_string(),
        None => "it still runs, and closed its output".to_owned(),
    }
}

/// The exit code, as a shell would give it.
pub(super) fn code(status: Option<ExitStatus>) -> Option<i32> {
    let status = status?;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal))
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
