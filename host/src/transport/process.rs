//! Our end of the stream to a box: a process of this machine.

use super::error::TransportError;
use crate::tail::Tail;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::os::unix::process::ExitStatusExt;
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
    killed: Killed,
}

/// What is killed with a process of ours that doesn't end otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Killed {
    /// Its whole group: what it has started may hold the way open.
    Group,
    /// Itself alone: what is in its group may carry a connection that others ride, and ends by itself where it doesn't.
    Alone,
}

/// A process of ours, for whoever ends it from elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct LocalEnd {
    pid: Pid,
    killed: Killed,
}

impl LocalEnd {
    pub(crate) fn new(pid: Pid, killed: Killed) -> Self {
        Self { pid, killed }
    }

    /// Tells it to end.
    pub fn terminate(self) {
        let _ = kill_process(self.pid, Signal::TERM);
    }

    /// Ends it.
    pub fn kill(self) {
        let _ = match self.killed {
            Killed::Group => kill_process_group(self.pid, Signal::KILL),
            Killed::Alone => kill_process(self.pid, Signal::KILL),
        };
    }
}

/// A process with the streams to and from it.
pub(super) type Started = (Process, ChildStdin, ChildStdout);

impl Process {
    /// Starts it. Its standard streams become pipes.
    pub(super) fn start(command: &mut Command, killed: Killed) -> Result<Started, TransportError> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|source| {
            let program = command.get_program().to_string_lossy().into_owned();
            TransportError::Start { program, source }
        })?;
        let stdin = child.stdin.take().expect("standard input was asked for as a pipe");
        let stdout = child.stdout.take().expect("standard output was asked for as a pipe");
        let stderr = child.stderr.take().expect("standard error was asked for as a pipe");
        Ok((Self { child, stderr: Tail::of(stderr), killed }, stdin, stdout))
    }

    /// What the far side last said on standard error.
    #[must_use]
    pub fn stderr_tail(&self) -> String {
        self.stderr.text()
    }

    /// How it ended, if it has, or does in a moment: its output has.
    pub(super) fn end_of_it(&mut self) -> Option<ExitStatus> {
        // Its words are the reason of a failure: on a busy machine they may take longer to be read than it lives.
        self.stderr.finish_within(ENDING);
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

    /// The same for whoever may have to kill it.
    #[must_use]
    pub fn local_end(&self) -> LocalEnd {
        LocalEnd::new(self.id(), self.killed)
    }

    /// Ends the session from our side: the helper takes a SIGTERM, or the end of
    /// its input, as the order to kill the command and leave.
    pub fn terminate(&self) {
        self.local_end().terminate();
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
        self.local_end().kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;

    #[test]
    fn what_others_ride_outlives_the_process_that_began_it() {
        for (killed, expected) in [(Killed::Alone, true), (Killed::Group, false)] {
            let mut command = Command::new("sh");
            command.args(["-c", "sleep 300 >/dev/null & echo $!; wait"]).process_group(0);
            let mut child = command.stdout(Stdio::piped()).spawn().expect("a shell");
            let mut said = String::new();
            let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
            lines.read_line(&mut said).expect("reads");
            let beside = Pid::from_raw(said.trim().parse().expect("a number")).expect("a process");
            LocalEnd::new(Pid::from_child(&child), killed).kill();
            child.wait().expect("ends");
            let is_there = || {
                let stat = fs::read_to_string(format!("/proc/{}/stat", beside.as_raw_pid()));
                stat.is_ok_and(|stat| !stat.contains(") Z"))
            };
            // Who is killed is gone in a moment.
            let mut looks = 0..50;
            while is_there() && looks.next().is_some() {
                thread::sleep(Duration::from_millis(2));
            }
            let outlived = is_there();
            if outlived {
                let _ = kill_process(beside, Signal::KILL);
            }
            assert_eq!(outlived, expected, "{killed:?}");
        }
    }
}
