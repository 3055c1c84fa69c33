//! The process between host and child: it has nothing of the provider in it, is the parent of the
//! process that has, and ends when that ends, in the same way.
//!
//! It is there for what a dead or killed provider would leave behind. As a subreaper it becomes the
//! parent of every orphan below it, whatever process group or session that has moved to, and ends
//! them all. It outlives the host for just as long as that takes: when nobody reads its standard
//! error any more, the host is gone. Should the keeper itself be killed, the child dies with it
//! ([`super::child`]), and orphans are nobody's.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getpid, kill_process, kill_process_group,
    set_child_subreaper, setrlimit, waitid,
};
use signal_hook::consts::{SIGCHLD, SIGTERM};
use signal_hook::low_level::{emulate_default_handler, pipe};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// The hidden command that this is.
pub(super) const COMMAND: &str = "__provider";

/// How long the child, and all in its process group, have between SIGTERM and SIGKILL.
const TERMINATING: Duration = Duration::from_millis(500);

/// How long the kernel gets to end what was killed: a process in an uninterruptible read of a
/// dead file system may take for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a keeper that was told to end may take at most, with a second to spare.
pub(super) const LONGEST: Duration =
    TERMINATING.saturating_add(PATIENCE).saturating_add(Duration::from_secs(1));

/// Keeps a child until it ends, or until it is told to end it.
#[must_use]
pub fn main() -> ExitCode {
    match keep() {
        Ok(status) => end_like(status),
        // The host sees the connection end, and says so.
        Err(_) => ExitCode::FAILURE,
    }
}

fn keep() -> io::Result<ExitStatus> {
    set_child_subreaper(Some(getpid()))?;
    let (mut told, tell) = UnixStream::pair()?;
    pipe::register(SIGTERM, tell)?;
    let (mut changed, change) = UnixStream::pair()?;
    pipe::register(SIGCHLD, change)?;
    told.set_nonblocking(true)?;
    changed.set_nonblocking(true)?;
    let mut child =
        Command::new("/proc/self/exe").arg(super::child::COMMAND).process_group(0).spawn()?;
    let stderr = let_go()?;
    wait(&child, &mut told, &mut changed, &stderr)?;
    // Also when it has ended: what it started may live on in its group.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    // It may have moved to another group. Its number is its own until it is reaped.
    let _ = kill_process(Pid::from_child(&child), Signal::KILL);
    let status = child.wait()?;
    end_orphans();
    Ok(status)
}

/// Closes its own copies of the library and the socket, so that the host sees the child's end of it
/// close.
fn let_go() -> io::Result<OwnedFd> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    io::stderr().as_fd().try_clone_to_owned()
}

/// Waits until the child has ended. Once the host is gone or wants it, the child's group is asked to end,
/// and has a moment for that.
fn wait(
    child: &Child,
    told: &mut UnixStream,
    changed: &mut UnixStream,
    stderr: &OwnedFd,
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
            // A pipe that nobody reads is an error, whatever is asked for.
            waited.push(PollFd::new(stderr, PollFlags::empty()));
        }
        match poll(&mut waited, left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_over = waited.iter().skip(1).any(|waited| !waited.revents().is_empty());
        if is_over {
            let _ = kill_process_group(child, Signal::TERM);
            end = Some(Instant::now() + TERMINATING);
        }
        // The bytes say nothing but that there was a signal.
        let _ = changed.read(&mut [0; 64]);
        let _ = told.read(&mut [0; 64]);
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

/// Ends everything below this process, which has no child of its own any more, and what that starts
/// meanwhile.
fn end_orphans() {
    let end = Instant::now() + PATIENCE;
    loop {
        let reaped = loop {
            match waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        if reaped.is_err() || Instant::now() >= end {
            return;
        }
        // Nobody else reaps these, so their numbers are their own. What they have started is an orphan, and so a
        // child of this process, the next time.
        for orphan in children(getpid()) {
            let _ = kill_process(orphan, Signal::KILL);
        }
        thread::sleep(Duration::from_millis(1));
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

/// The host is to see how the child ended.
fn end_like(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        // One core file is enough.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        let _ = emulate_default_handler(signal);
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
