//! Runs the command and ends it, with everything that it started.

use crate::collect;
use crate::connection::Connection;
use crate::descendants::{kill_all, kill_rest};
use crate::failure::{Failure, reason};
use crate::inbox::{Event, Inbox, Pause};
use crate::layout::Layout;
use crate::oom;
use crate::runs::RunFolder;
use crate::spool::Spool;
use crate::start::start;
use crate::streams::{Input, pump};
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::{self, Ended, Environment, FailureCode, Outcome, Run, Started};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, set_child_subreaper, waitid,
};
use std::io::{self, PipeWriter};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a command has between a request to end and the end.
const GRACE: Duration = Duration::from_secs(1);
const TIMEOUT_GRACE: Duration = Duration::from_secs(5);

/// How long what the command has started may go on with its pipes open, once it has ended itself,
/// before it is ended, too.
const DRAIN: Duration = Duration::from_secs(1);

/// Runs the command to its end and reports it; `mask` is its umask.
pub(crate) fn run(
    run: &Run,
    environment: &Environment,
    layout: &Layout,
    mask: Mode,
    connection: &Arc<Connection>,
) -> Result<(), Failure> {
    // Orphans of the command become our children: they can be found, and ended.
    let _ = set_child_subreaper(Some(rustix::process::getpid()));
    let folder = RunFolder::make(run, layout)?;
    let began = folder.began().unwrap_or_default();
    let kills = oom::kills();
    let running = match start_in(&folder, run, environment, layout, mask, connection) {
        Ok(running) => running,
        Err(failure) => {
            folder.discard();
            return Err(failure);
        }
    };
    let mut ended = match running.finish(run, connection) {
        Ok(ended) => ended,
        Err(error) => {
            // Nothing is made up that looks like the program's own end.
            let _ = folder.record_loss();
            let message = format!("how the command ended can't be seen: {error}");
            return Err(Failure::new(FailureCode::System, message));
        }
    };
    ended.warnings.extend(oom::warning(kills, oom::kills()));
    if let Err(error) = folder.record_end(&ended) {
        // The program's result stands, whatever becomes of our notes on it.
        let why = reason(&error);
        ended.warnings.push(format!("the end of this run can't be recorded on the box: {why}"));
    }
    connection.outbox.post(&ToHost::Ended(ended));
    match &run.collect {
        Some(what) => collect::serve(what, began, layout, connection),
        None => Ok(()),
    }
}

/// The command, and what there is of it here.
struct Running {
    child: Child,
    spool: Arc<Spool>,
    begun: Instant,
    /// Output is moved until this is dropped.
    pumping: PipeWriter,
}

fn start_in(
    folder: &RunFolder,
    run: &Run,
    environment: &Environment,
    layout: &Layout,
    mask: Mode,
    connection: &Arc<Connection>,
) -> Result<Running, Failure> {
    let wrap = |error| Failure::system("making the log", &folder.log(), &error);
    let spool = Arc::new(Spool::create(&folder.log(), Arc::clone(connection)).map_err(wrap)?);
    let (end, pumping) = io::pipe().map_err(wrap)?;
    let begun = Instant::now();
    let mut child = start(run, environment, layout, mask)?;
    folder.note_process(Pid::from_child(&child));
    connection.outbox.post(&ToHost::Started(Started { pid: child.id() }));
    pump(&mut child, end, connection, &spool);
    Ok(Running { child, spool, begun, pumping })
}

impl Running {
    /// Serves the command until it has ended, with everything that it started.
    fn finish(mut self, run: &Run, connection: &Arc<Connection>) -> io::Result<Ended> {
        let pid = Pid::from_child(&self.child);
        let input = self.child.stdin.take();
        note_exit(pid, Arc::clone(connection));
        let mut watch = Watch {
            pid,
            inbox: &connection.inbox,
            input: input.map(|pipe| Input::feed(pipe, Arc::clone(connection))),
            spool: &self.spool,
            deadline: run.timeout_ms.map(|allowed| self.begun + Duration::from_millis(allowed)),
            kill_at: None,
            timed_out: false,
            closed: false,
            open_pipes: 2,
        };
        watch.until_exit();
        let wall = self.begun.elapsed();
        watch.drain();
        kill_rest(pid);
        drop(self.pumping);
        watch.until_pipes_end();
        // Until here its number, which is that of its group, couldn't be another's.
        let status = self.child.wait()?;
        Ok(Ended {
            outcome: if watch.timed_out { Outcome::TimedOut } else { outcome_of(status)? },
            wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
            output: self.spool.offset(),
            warnings: self.spool.failure().into_iter().collect(),
        })
    }
}

/// Notes when the command has ended, without reaping it.
fn note_exit(pid: Pid, connection: Arc<Connection>) {
    thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
        connection.inbox.note(Event::Exited);
    });
}

/// The main thread's part while a command runs: it waits for news and for nothing else
/// ([`crate::inbox`]), so that a deadline or a signal always comes through.
struct Watch<'a> {
    pid: Pid,
    inbox: &'a Inbox,
    input: Option<Arc<Input>>,
    spool: &'a Spool,
    deadline: Option<Instant>,
    kill_at: Option<Instant>,
    timed_out: bool,
    /// The host is gone.
    closed: bool,
    open_pipes: u32,
}

impl Watch<'_> {
    fn until_exit(&mut self) {
        loop {
            match self.inbox.next_until(self.kill_at.into_iter().chain(self.deadline).min()) {
                Ok(Event::Exited) => return,
                Ok(event) => self.handle(event),
                Err(Pause::Closed) => self.host_is_gone(),
                Err(Pause::TimeIsUp) => self.time_is_up(),
            }
        }
    }

    /// After the exit: what the command has started may go on writing for a little, since the
    /// end of a pipeline is often a moment behind. Its result is settled by now.
    fn drain(&mut self) {
        let limit = Instant::now() + DRAIN;
        let limit = self.kill_at.into_iter().chain(self.deadline).chain([limit]).min();
        while self.open_pipes > 0 && !self.closed {
            match self.inbox.next_until(limit) {
                Ok(event) => self.handle(event),
                Err(Pause::Closed) => self.host_is_gone(),
                Err(Pause::TimeIsUp) => return,
            }
        }
    }

    /// At the very end: what is in the pipes goes to a host that reads, however slowly.
    fn until_pipes_end(&mut self) {
        while self.open_pipes > 0 && !self.closed {
            match self.inbox.next_until(None) {
                Ok(event) => self.handle(event),
                Err(_) => self.host_is_gone(),
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Signal(message::Signal::Interrupt) => self.signal(Signal::INT),
            Event::Signal(message::Signal::Terminate) => self.signal(Signal::TERM),
            Event::Signal(message::Signal::Kill) => self.kill(),
            Event::Stdin(bytes) => {
                if let Some(input) = &self.input {
                    input.add(bytes);
                }
            }
            Event::StdinEnd => {
                if let Some(input) = self.input.take() {
                    input.end();
                }
            }
            Event::Ack(offset) => self.spool.acknowledge(offset),
            Event::PipeEnded => self.open_pipes -= 1,
            _ => {}
        }
    }

    fn host_is_gone(&mut self) {
        self.closed = true;
        self.spool.abandon();
        self.signal(Signal::TERM);
        self.kill_at = Some(Instant::now() + GRACE);
    }

    fn time_is_up(&mut self) {
        let now = Instant::now();
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill_at = None;
            self.kill();
        }
        if self.deadline.is_some_and(|at| at <= now) {
            self.deadline = None;
            self.timed_out = true;
            self.signal(Signal::TERM);
            self.kill_at = Some(now + TIMEOUT_GRACE);
        }
    }

    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }

    fn kill(&self) {
        self.signal(Signal::KILL);
        kill_all(self.pid);
    }
}

fn outcome_of(status: ExitStatus) -> io::Result<Outcome> {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ok(Outcome::Exited(code)),
        (None, Some(signal)) => Ok(Outcome::Signaled(signal)),
        (None, None) => Err(io::Error::other(format!("its status is {status:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_none_is_no_signal() {
        assert_eq!(outcome_of(ExitStatus::from_raw(7 << 8)).expect("an end"), Outcome::Exited(7));
        assert_eq!(outcome_of(ExitStatus::from_raw(9)).expect("an end"), Outcome::Signaled(9));
        // Stopped, which is no end.
        assert!(outcome_of(ExitStatus::from_raw(0x137f)).is_err());
    }
}
