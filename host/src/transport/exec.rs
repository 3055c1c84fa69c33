//! Runs a script on a box and holds both ends of its standard streams.

use crabbox_provider_api::payload::Endpoint;
use rustix::process::{Pid, Signal};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often an ending session is looked at before it is killed: about six seconds,
/// more than the helper gives a command to end.
const PATIENCE: u32 = 300;

/// How much of what the far side says on standard error is kept, in bytes.
const STDERR_TAIL: usize = 64 * 1024;

/// The box can't be reached, or isn't what it should be.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The kind of endpoint is one that only a newer crabbox knows.
    #[error("the provider's way to reach the box is of a kind that this crabbox doesn't know")]
    UnknownEndpoint,
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
    /// Something else than the helper answered.
    #[error("the box doesn't answer as it should: {0}")]
    Noise(String),
}

/// The local process at our end of the stream, in a process group of its own: a
/// Ctrl-C in the terminal is ours to forward.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stderr: Arc<Mutex<VecDeque<u8>>>,
    drain: Option<JoinHandle<()>>,
}

impl Process {
    /// What the far side last said on standard error.
    pub fn stderr_tail(&self) -> String {
        let tail = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&tail.iter().copied().collect::<Vec<u8>>()).trim().to_owned()
    }

    /// Waits for it; the streams must have been closed.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        if let Some(drain) = self.drain.take() {
            let _ = drain.join();
        }
        Ok(status)
    }
}

impl Process {
    /// Its process id, for signals.
    #[must_use]
    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends the session from our side: the helper takes a SIGTERM, or the end of
    /// its input, as the order to kill the command and leave.
    pub fn terminate(&self) {
        let _ = rustix::process::kill_process(self.id(), Signal::TERM);
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }
}

impl Drop for Process {
    /// The streams have been closed by now: what doesn't leave by itself is told
    /// to, and what doesn't listen is killed.
    fn drop(&mut self) {
        for waited in 0..PATIENCE {
            if self.has_ended() {
                return;
            }
            if waited == PATIENCE / 2 {
                self.terminate();
            }
            thread::sleep(Duration::from_millis(if waited < 20 { 1 } else { 20 }));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `script` on the box.
pub(super) fn start(
    endpoint: &Endpoint,
    script: &str,
) -> Result<(Process, ChildStdin, ChildStdout), TransportError> {
    let Endpoint::Exec { prefix, .. } = endpoint else {
        return Err(TransportError::UnknownEndpoint);
    };
    let mut words = prefix.iter().map(String::as_str).chain(["/bin/sh", "-c", script]);
    let program = words.next().unwrap_or("/bin/sh");
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
    let tail = Arc::new(Mutex::new(VecDeque::new()));
    let drain = Some(keep_tail(stderr, Arc::clone(&tail)));
    Ok((Process { child, stderr: tail, drain }, stdin, stdout))
}

fn keep_tail(mut stderr: ChildStderr, tail: Arc<Mutex<VecDeque<u8>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut chunk) {
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend(&chunk[..count]);
            let excess = tail.len().saturating_sub(STDERR_TAIL);
            tail.drain(..excess);
        }
    })
}
