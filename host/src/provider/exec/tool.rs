//! One process: started, listened to, ended. Nothing here waits for anything without its deadline, and
//! for a hook that is cancelled.

use super::message::{failed, not_entered, not_started, shown, unkept};
use crate::fault;
use crate::provider::keeper::{Fate, LEFT, Order, Ward};
use crabbox_provider_api::exec::protocol::LONGEST_PIECE;
use crabbox_provider_api::exec::{AtCap, Command, Status, Stream};
use crabbox_provider_api::{ExecError, ExecErrorKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, PipeWriter, Write, pipe};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tracing::warn;

/// How long a tool, and all in its process group, have between being asked to end and being killed. The hook that is
/// told to stop has twice that: it answers what came of its tools.
const GRACE: Duration = Duration::from_secs(1);

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
    directory: PathBuf,
    ward: Ward,
    stdin: Option<Input>,
    streams: Vec<Source>,
    end: Instant,
    allowed: Duration,
    at_cap: AtCap,
    /// It has ended by itself, and what it has said so far is all.
    exited: bool,
}

#[derive(Debug)]
struct Input {
    pipe: PipeWriter,
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
    /// Starts it; whether that went well is told by its end. `variables`: all that it gets. `keeper`: this program.
    pub(super) fn start(
        command: Command,
        keeper: &Path,
        program: PathBuf,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ExecError> {
        let shown = shown(&command);
        let directory = PathBuf::from(command.directory.as_deref().unwrap_or("/"));
        if !directory.is_absolute() {
            let directory = directory.display();
            let message = format!("the folder `{directory}` of {shown} isn't absolute");
            return Err(ExecError::new(ExecErrorKind::Refused, message));
        }
        let started = Instant::now();
        let order = Order {
            program,
            arguments: command.arguments.into_iter().map(OsString::from).collect(),
            environment: variables.collect(),
            directory: Some(directory.clone()),
            grace: GRACE,
        };
        let has_input = !command.stdin.is_empty();
        let (ward, pipe, outputs) =
            start(keeper, &order, has_input).map_err(|error| match error.kind() {
                ErrorKind::InvalidInput | ErrorKind::ArgumentListTooLong => {
                    not_started(&shown, &error)
                }
                // That is the keeper's.
                _ => failed(&shown, &error),
            })?;
        let allowed = fault::patience(Duration::from_millis(command.deadline_ms));
        let cap = command.cap;
        let streams = outputs.map(|(stream, pipe)| Source { stream, pipe, cap, waiting: None });
        Ok(Self {
            shown,
            directory,
            ward,
            stdin: pipe.map(|pipe| Input { pipe, rest: command.stdin }),
            streams: streams.into(),
            // One that can't be reckoned with is far enough away.
            end: started.checked_add(allowed).unwrap_or(started + Duration::from_hours(24 * 365)),
            allowed,
            at_cap: command.at_cap,
            exited: false,
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
                return self.ended();
            }
        }
    }

    fn wait(&self, cancel: BorrowedFd<'_>) -> Result<Seen, ExecError> {
        // Its end is looked at first: what it said before is in the pipes when they are looked at.
        let mut polled = vec![
            PollFd::new(&self.ward, PollFlags::IN),
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

    /// It has ended by itself, and with it what it had left running. Of its output what is in the pipes by now
    /// counts: somebody that isn't below its keeper may hold them open for ever.
    fn left_behind(&mut self) -> io::Result<()> {
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

    fn ended(&mut self) -> Result<Said, ExecError> {
        match self.end() {
            Fate::Ended(status) | Fate::Left(status) => Ok(Said::End(match status.signal() {
                Some(signal) => Status::Signal(signal),
                None => Status::Exit(status.code().unwrap_or(-1)),
            })),
            Fate::NotEntered(errno) => Err(not_entered(&self.shown, &self.directory, errno)),
            Fate::NotStarted(errno) => Err(not_started(&self.shown, &errno.into())),
            Fate::Unkept(status) => Err(unkept(&self.shown, status)),
        }
    }

    /// Asks it to end, without waiting for that.
    pub(super) fn ask_to_end(&self) {
        self.ward.ask_to_end();
    }

    /// Ends it: asked first, then killed.
    fn stop(&mut self) {
        self.stdin = None;
        self.end();
    }

    fn end(&mut self) -> Fate {
        let is_new = !self.ward.has_ended();
        let end = self.ward.end();
        if let (Fate::Left(_), true) = (end, is_new) {
            warn!("{}: {LEFT}", self.shown);
        }
        end
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        self.stop();
    }
}

type Outputs = [(Stream, OwnedFd); 2];

/// Has a keeper start it, with pipes to its streams; to its standard input only if it gets anything.
fn start(
    keeper: &Path,
    order: &Order,
    has_input: bool,
) -> io::Result<(Ward, Option<PipeWriter>, Outputs)> {
    let (theirs, stdin) = if has_input {
        let (theirs, ours) = pipe()?;
        ioctl_fionbio(&ours, true)?;
        (theirs.into(), Some(ours))
    } else {
        (File::open("/dev/null")?.into(), None)
    };
    let (stdout, stdout_theirs) = pipe()?;
    let (stderr, stderr_theirs) = pipe()?;
    let streams = [theirs, stdout_theirs.into(), stderr_theirs.into()];
    let outputs = [(Stream::Stdout, stdout.into()), (Stream::Stderr, stderr.into())];
    Ok((Ward::start(keeper, order, streams)?, stdin, outputs))
}

struct Seen {
    exited: bool,
    cancelled: bool,
    readable: Option<usize>,
    writable: bool,
}
