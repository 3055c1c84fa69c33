//! The other end: starts a keeper, listens to it, and has it end what it keeps.

use super::keep::{COMMAND, KILLING};
use super::order::{self, Order, Report, Streams};
use crate::provider::out::Until;
use crate::sys::keep_from_children;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, recv};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a keeper may take to read its order. It does nothing before that.
const ORDERING: Duration = Duration::from_secs(20);

/// What something came to that was kept.
#[derive(Clone, Copy, Debug)]
pub(in crate::provider) enum Fate {
    /// It ended in this way, and nothing is left of it.
    Ended(ExitStatus),
    /// The same, but something is left that can't be ended.
    Left(ExitStatus),
    /// The folder that it was to run in couldn't be entered.
    NotEntered(Errno),
    /// It couldn't be started.
    NotStarted(Errno),
    /// Its keeper ended first, in this way: so did it, and what it has started may be left.
    Unkept(ExitStatus),
}

/// What is said of [`Fate::Left`].
pub(in crate::provider) const LEFT: &str =
    "something that it has started can't be ended, and may still run";

/// What is said of [`Fate::Unkept`], behind what was ended.
pub(in crate::provider) fn unkept(keeper: ExitStatus) -> String {
    format!(
        "since the process that keeps it has ended ({keeper}); what it has started may still run"
    )
}

/// Something that is kept; it is ended when this is dropped.
#[derive(Debug)]
pub(in crate::provider) struct Ward {
    keeper: Child,
    /// Becomes readable when all has ended.
    socket: UnixStream,
    grace: Duration,
    /// Once it is reaped.
    end: Option<Fate>,
}

impl Ward {
    /// Has a keeper start something; whether that could be started is told by its end. `program`: this one.
    pub(in crate::provider) fn start(
        program: &Path,
        order: &Order,
        streams: Streams,
    ) -> io::Result<Self> {
        let words = order.encode()?;
        let (socket, theirs) = UnixStream::pair()?;
        keep_from_children();
        let keeper = Command::new(program)
            .arg(COMMAND)
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Neither Ctrl-C nor a terminal that is gone may end it before us.
            .process_group(0)
            .spawn()?;
        let ward = Self { keeper, socket, grace: order.grace, end: None };
        let mut rest = Until::new(&ward.socket, Instant::now() + ORDERING);
        order::send(&words, &streams, &ward.socket, &mut rest)?;
        // Whoever reads what comes out of one is to see it close.
        drop(streams);
        Ok(ward)
    }

    /// Has it asked to end, without waiting for that. The first time counts: its grace begins then.
    pub(in crate::provider) fn ask_to_end(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// How long that takes at most, with a second to spare.
    pub(in crate::provider) fn longest(&self) -> Duration {
        self.grace.saturating_add(KILLING).saturating_add(Duration::from_secs(1))
    }

    /// Was its end looked at already?
    pub(in crate::provider) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Waits until it has ended, at most this long.
    pub(in crate::provider) fn wait(&self, longest: Duration) -> bool {
        if self.end.is_some() {
            return true;
        }
        let end = Instant::now() + longest;
        let mut socket = [PollFd::new(&self.socket, PollFlags::IN)];
        retry_on_intr(|| {
            let left = Timespec::try_from(end.saturating_duration_since(Instant::now())).ok();
            poll(&mut socket, left.as_ref())
        })
        .is_ok_and(|ready| ready > 0)
    }

    /// Ends it, with all that is below its keeper. A keeper that can't is killed in the end: then what it has
    /// started itself goes with it, and what that has started may be left.
    pub(in crate::provider) fn end(&mut self) -> Fate {
        if let Some(end) = self.end {
            return end;
        }
        self.ask_to_end();
        self.wait(self.longest());
        let mut report = [0; Report::LENGTH];
        let came = recv(&self.socket, &mut report, RecvFlags::DONTWAIT);
        let said = came.ok().and_then(|(_, count)| Report::decode(&report[..count]));
        // One that has said how it ended has nothing more to do, but somebody may have stopped it.
        let _ = self.keeper.kill();
        let end = match said {
            Some(Report::Ended(status)) => Fate::Ended(status),
            Some(Report::Left(status)) => Fate::Left(status),
            Some(Report::NotEntered(errno)) => Fate::NotEntered(errno),
            Some(Report::NotStarted(errno)) => Fate::NotStarted(errno),
            None => Fate::Unkept(self.keeper.wait().unwrap_or_default()),
        };
        let _ = self.keeper.wait();
        self.end = Some(end);
        end
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        self.end();
    }
}

/// Readable from its end on.
impl AsFd for Ward {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
