//! One process: started, listened to, ended. Nothing here waits for anything without its deadline, and
//! for a hook that is cancelled.

use super::guard::{self, GRACE, ask_to_end};
use super::message::{failed, not_started, shown};
use crabbox_provider_api::exec::protocol::LONGEST_PIECE;
use crabbox_provider_api::exec::{AtCap, Command, Status, Stream};
use crabbox_provider_api::{ExecError, ExecErrorKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{self, ChildStdin, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What a command says next.
#[derive(Debug)]
pub(super) enum Said {
    Piece(Stream, Vec<u8>),
    End(Status),
}

/// A process that runs; it is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Tool {
    shown: String,
    process: process::Child,
    /// Becomes readable when it ends.
    pidfd: OwnedFd,
    stdin: Option<Input>,
    streams: Vec<Source>,
    end: Instant,
    allowed: Duration,
    at_cap: AtCap,
    /// It has ended by itself, and what it has said so far is all.
    exited: bool,
    reaped: Option<ExitStatus>,
}

#[derive(Debug)]
struct Input {
    pipe: ChildStdin,
    rest: Vec<u8>,
}

#[derive(Debug)]
struct Source {
    stream: Stream,
    pipe: OwnedFd,
    /// How much of it may still come.
    cap: usize,
    /// How much of it is still in the pipe: known once the process has ended.
    waiting: Option<usize>,
}

impl Tool {
    /// Starts it. `variables`: all that it gets.
    pub(super) fn start(
        command: Command,
        program: &Path,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ExecError> {
        let shown = shown(&command);
        let directory = command.directory.as_deref().unwrap_or("/");
        if !Path::new(directory).is_absolute() {
            let message = format!("the folder `{directory}` of {shown} isn't absolute");
            return Err(ExecError::new(ExecErrorKind::Refused, message));
        }
        if !Path::new(directory).is_dir() {
            let message = format!("there is no folder `{directory}` to run {shown} in");
            return Err(ExecError::new(ExecErrorKind::NotFound, message));
        }
        let has_input = !command.stdin.is_empty();
        let started = Instant::now();
        let mut process = process::Command::new(program)
            .args(&command.arguments)
            .env_clear()
            .envs(variables)
            .current_dir(directory)
            .stdin(if has_input { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| not_started(&shown, &error))?;
        let stdin = process.stdin.take();
        let pipes = [
            (Stream::Stdout, process.stdout.take().map(OwnedFd::from)),
            (Stream::Stderr, process.stderr.take().map(OwnedFd::from)),
        ];
        let group = Pid::from_child(&process);
        let prepared = guard::watch(group)
            .and_then(|()| stdin.iter().try_for_each(|pipe| Ok(ioctl_fionbio(pipe, true)?)))
            .and_then(|()| Ok(pidfd_open(group, PidfdFlags::empty())?));
        let pidfd = match prepared {
            Ok(pidfd) => pidfd,
            Err(error) => {
                let _ = kill_process_group(group, Signal::KILL);
                guard::forget(group);
                let _ = process.wait();
                return Err(failed(&shown, &error));
            }
        };
        let allowed = Duration::from_millis(command.deadline_ms);
        let cap = command.cap;
        let streams = pipes
            .into_iter()
            .filter_map(|(stream, pipe)| Some(Source { stream, pipe: pipe?, cap, waiting: None }))
            .collect();
        Ok(Self {
            shown,
            process,
            pidfd,
            stdin: stdin.map(|pipe| Input { pipe, rest: command.stdin }),
            streams,
            // One that can't be reckoned with is far enough away.
            end: started.checked_add(allowed).unwrap_or(started + Duration::from_hours(24 * 365)),
            allowed,
            at_cap: command.at_cap,
            exited: false,
            reaped: None,
        })
    }

    /// Waits until it says something or has ended. `cancel` becomes readable when nobody wants to know any more.
    pub(super) fn next(&mut self, cancel: BorrowedFd<'_>) -> Result<Said, ExecError> {
        loop {
            let seen = self.wait(cancel)?;
            if seen.cancelled {
                self.stop();
                let message = format!("{} was cancelled, and ended", self.shown);
                return Err(ExecError::new(ExecErrorKind::Cancelled, message));
            }
            if seen.exited && !self.exited {
                self.left_behind().map_err(|error| failed(&self.shown, &error))?;
                continue;
            }
            if !self.exited && Instant::now() >= self.end {
                self.stop();
                let seconds = self.allowed.as_secs_f64();
                let message = format!("{} took longer than {seconds}s, and was ended", self.shown);
                return Err(ExecError::new(ExecErrorKind::Deadline, message));
            }
            if seen.writable {
                self.feed();
            }
            if let Some(index) = seen.readable {
                if let Some(said) = self.read(index)? {
                    return Ok(said);
                }
                continue;
            }
            if self.exited {
                return self.reap();
            }
        }
    }

    fn wait(&self, cancel: BorrowedFd<'_>) -> Result<Seen, ExecError> {
        // Its end is looked at first: what it said before is in the pipes when they are looked at.
        let mut polled = vec![
            PollFd::new(&self.pidfd, PollFlags::IN),
            PollFd::from_borrowed_fd(cancel, PollFlags::IN),
        ];
        let listened: Vec<usize> =
            (0..self.streams.len()).filter(|at| self.streams[*at].waiting != Some(0)).collect();
        for index in &listened {
            polled.push(PollFd::new(&self.streams[*index].pipe, PollFlags::IN));
        }
        if let Some(input) = &self.stdin {
            polled.push(PollFd::new(&input.pipe, PollFlags::OUT));
        }
        let left = if self.exited {
            Duration::ZERO
        } else {
            self.end.saturating_duration_since(Instant::now())
        };
        let left = Timespec::try_from(left).ok();
        match poll(&mut polled, left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(failed(&self.shown, &error.into())),
        }
        let ready = |index: usize| polled.get(index).is_some_and(|one| !one.revents().is_empty());
        Ok(Seen {
            exited: ready(0),
            cancelled: ready(1),
            readable: (0..listened.len()).find(|at| ready(2 + at)).map(|at| listened[at]),
            writable: self.stdin.is_some() && ready(2 + listened.len()),
        })
    }

    /// It has ended by itself. What it left running in its group ends with it, and of its
    /// output what is in the pipes by now counts: somebody may hold them open for ever.
    fn left_behind(&mut self) -> io::Result<()> {
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        self.exited = true;
        self.stdin = None;
        for source in &mut self.streams {
            let waiting = ioctl_fionread(&source.pipe)?;
            source.waiting = Some(usize::try_from(waiting).unwrap_or(usize::MAX));
        }
        Ok(())
    }

    fn feed(&mut self) {
        let Some(input) = &mut self.stdin else { return };
        match input.pipe.write(&input.rest) {
            Ok(count) => drop(input.rest.drain(..count)),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            // It doesn't want to read the rest.
            Err(_) => input.rest.clear(),
        }
        if input.rest.is_empty() {
            self.stdin = None;
        }
    }

    fn read(&mut self, index: usize) -> Result<Option<Said>, ExecError> {
        let source = &mut self.streams[index];
        let mut bytes = vec![0; source.waiting.unwrap_or(usize::MAX).min(LONGEST_PIECE)];
        let count = match rustix::io::read(&source.pipe, bytes.as_mut_slice()) {
            Ok(count) => count,
            Err(Errno::INTR) => return Ok(None),
            Err(error) => return Err(failed(&self.shown, &error.into())),
        };
        if count == 0 {
            self.streams.remove(index);
            return Ok(None);
        }
        if let Some(waiting) = &mut source.waiting {
            *waiting -= count;
        }
        if self.at_cap == AtCap::Stop {
            let Some(left) = source.cap.checked_sub(count) else {
                self.stop();
                let message = format!("{} said more than it may, and was ended", self.shown);
                return Err(ExecError::new(ExecErrorKind::OverCap, message));
            };
            source.cap = left;
        }
        bytes.truncate(count);
        Ok(Some(Said::Piece(self.streams[index].stream, bytes)))
    }

    fn reap(&mut self) -> Result<Said, ExecError> {
        let status = self.stop().ok_or_else(|| {
            let message = format!("nobody knows how {} has ended", self.shown);
            ExecError::new(ExecErrorKind::Failed, message)
        })?;
        Ok(Said::End(match status.signal() {
            Some(signal) => Status::Signal(signal),
            None => Status::Exit(status.code().unwrap_or(-1)),
        }))
    }

    /// Asks its group to end, without waiting for it.
    pub(super) fn ask_to_end(&self) {
        if self.reaped.is_none() && !self.exited {
            ask_to_end(Pid::from_child(&self.process));
        }
    }

    /// Ends its whole group: asked first, then killed, and reaped last.
    fn stop(&mut self) -> Option<ExitStatus> {
        self.stop_by(Instant::now() + GRACE)
    }

    /// The same, with a moment at which it is killed: several that end together share theirs.
    pub(super) fn stop_by(&mut self, end: Instant) -> Option<ExitStatus> {
        if self.reaped.is_none() {
            let group = Pid::from_child(&self.process);
            self.stdin = None;
            if !self.exited {
                ask_to_end(group);
                let left = end.saturating_duration_since(Instant::now());
                let grace = Timespec::try_from(left).ok();
                let mut ended = [PollFd::new(&self.pidfd, PollFlags::IN)];
                let _ = rustix::io::retry_on_intr(|| poll(&mut ended, grace.as_ref()));
            }
            let _ = kill_process_group(group, Signal::KILL);
            guard::forget(group);
            self.reaped = self.process.wait().ok();
        }
        self.reaped
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Seen {
    exited: bool,
    cancelled: bool,
    readable: Option<usize>,
    writable: bool,
}
