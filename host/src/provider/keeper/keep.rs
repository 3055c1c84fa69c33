//! The keeper's own side: starts what it was ordered to, waits for its end or until it is to end it, leaves nothing
//! behind, and says how it ended.

use super::order::{self, Order, Report, Streams};
use crate::sys::spawn_bound;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, chdir, getpid, kill_process, kill_process_group,
    set_child_subreaper, waitid,
};
use signal_hook::consts::{SIGCHLD, SIGTERM};
use signal_hook::low_level::pipe;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// The hidden command that this is.
pub(in crate::provider) const COMMAND: &str = "__keeper";

/// How long the kernel gets to end what was killed: a process in an uninterruptible read of a
/// dead file system may take for ever.
pub(super) const KILLING: Duration = Duration::from_secs(2);

/// Keeps something until it ends, or until it is to end it.
#[must_use]
pub(in crate::provider) fn main() -> ExitCode {
    match keep() {
        Ok(()) => ExitCode::SUCCESS,
        // The other end sees that nothing was said, and says so.
        Err(_) => ExitCode::FAILURE,
    }
}

fn keep() -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    let (told, tell) = UnixStream::pair()?;
    pipe::register(SIGTERM, tell)?;
    let (mut changed, change) = UnixStream::pair()?;
    pipe::register(SIGCHLD, change)?;
    changed.set_nonblocking(true)?;
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (order, streams) = order::receive(&socket)?;
    let report = match keep_to(&order, streams) {
        Ok(mut child) => {
            wait(&child, order.grace, &told, &mut changed, &socket)?;
            // Also when it has ended: what it started may live on in its group.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            // It may have moved to another group. Its number is its own until it is reaped.
            let _ = kill_process(Pid::from_child(&child), Signal::KILL);
            end_all(&mut child, KILLING)?
        }
        Err(report) => report,
    };
    socket.write_all(&report.encode())
}

/// Goes where it is to run, and starts it. What can't be entered is no fault of the program.
fn keep_to(order: &Order, streams: Streams) -> Result<Child, Report> {
    if let Some(directory) = &order.directory {
        chdir(directory).map_err(Report::NotEntered)?;
    }
    start(order, streams)
        .map_err(|error| Report::NotStarted(Errno::from_io_error(&error).unwrap_or(Errno::INVAL)))
}

/// No stream stays open here: whoever is at its other end is to see it close.
fn start(order: &Order, streams: Streams) -> io::Result<Child> {
    let [stdin, stdout, stderr] = streams;
    let mut command = Command::new(&order.program);
    command.args(&order.arguments).env_clear();
    command.envs(order.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(stdin).stdout(stdout).stderr(stderr).process_group(0);
    spawn_bound(&mut command)
}

/// Waits until the child has ended. Once nobody wants it any more, its group is asked to end, and has a moment for that.
fn wait(
    child: &Child,
    grace: Duration,
    told: &UnixStream,
    changed: &mut UnixStream,
    socket: &UnixStream,
) -> io::Result<()> {
    let child = Pid::from_child(child);
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let mut end = None;
    while waitid(WaitId::Pid(child), look)?.is_none() {
        let left = end.map(|end: Instant| end.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(());
        }
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut waited = vec![PollFd::new(changed, PollFlags::IN)];
        if end.is_none() {
            waited.push(PollFd::new(told, PollFlags::IN));
            // Nothing more is said there: it ends.
            waited.push(PollFd::new(socket, PollFlags::IN));
        }
        match poll(&mut waited, left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_over = waited.iter().skip(1).any(|waited| !waited.revents().is_empty());
        if is_over {
            let _ = kill_process_group(child, Signal::TERM);
            // It would hear nothing before it goes on.
            let _ = kill_process_group(child, Signal::CONT);
            end = Some(Instant::now() + grace);
        }
        // The bytes say nothing but that there was a signal. Those of SIGTERM stay: a signal ends the wait before it is
        // seen what came of it.
        let _ = changed.read(&mut [0; 64]);
        reap(child);
    }
    Ok(())
}

/// Reaps orphans that have ended, and not the child. One by one: whoever waits for any takes the child, too.
fn reap(child: Pid) {
    for orphan in children(getpid()).into_iter().filter(|orphan| *orphan != child) {
        let _ = waitid(WaitId::Pid(orphan), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    }
}

/// Ends everything below this process, and what that starts meanwhile, in this time. What can't be ended is left.
fn end_all(child: &mut Child, longest: Duration) -> io::Result<Report> {
    let end = Instant::now() + longest;
    loop {
        let status = child.try_wait()?;
        // Whoever waits for any takes the child, too.
        if let (Some(status), true) = (status, status.is_some() && reap_all()) {
            return Ok(Report::Ended(status));
        }
        if Instant::now() >= end {
            let killed = ExitStatus::from_raw(Signal::KILL.as_raw());
            return Ok(Report::Left(status.unwrap_or(killed)));
        }
        if status.is_none() {
            reap(Pid::from_child(child));
        }
        // Nobody else reaps these, so their numbers are their own. What they have started is an orphan, and so a
        // child of this process, the next time.
        for orphan in children(getpid()) {
            let _ = kill_process(orphan, Signal::KILL);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Reaps all that have ended, once the child is reaped. Is there none any more?
fn reap_all() -> bool {
    loop {
        match waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Ok(Some(_)) => {}
            other => return other.is_err(),
        }
    }
}

/// The children of a process, those of all its threads.
fn children(process: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let words =
        lists.flat_map(|list| list.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words.filter_map(|word| Pid::from_raw(word.parse().ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_ended_in_its_time_is_left_and_not_waited_for() {
        let mut child = Command::new("sleep").arg("300").spawn().expect("starts");
        let report = end_all(&mut child, Duration::ZERO).expect("reports");
        assert_eq!(report, Report::Left(ExitStatus::from_raw(9)));
        child.kill().and_then(|()| child.wait()).expect("ends");
    }
}
