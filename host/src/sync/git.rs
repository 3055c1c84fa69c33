//! Git, asked about a checkout.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// How often it is asked whether git is still wanted, while it says nothing.
const INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Git on a checkout, untouched by the caller's own git (in a hook `GIT_INDEX_FILE`
/// is set), without writing to the index and without starting a monitor.
pub(crate) fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    for (name, _) in env::vars_os() {
        if name.as_bytes().starts_with(b"GIT_") {
            command.env_remove(name);
        }
    }
    command
        .arg("-C")
        .arg(root)
        .args(["-c", "core.fsmonitor=false"])
        .env("GIT_OPTIONAL_LOCKS", "0")
        // What a partial clone lacks isn't fetched: that calls what its configuration says.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// What a command said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Runs a command to its end, or until `stop` is set: then it is killed, and there is no status.
pub(super) fn run(
    mut command: Command,
    stop: &AtomicBool,
) -> io::Result<(Option<ExitStatus>, Said)> {
    // A group of its own: what git starts goes with it.
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    match listen(&mut child, stop) {
        Ok(Some(said)) => Ok((Some(child.wait()?), said)),
        other => {
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            child.wait()?;
            other.map(|_| (None, Said::default()))
        }
    }
}

/// Reads both streams to their ends; `None` once `stop` is set.
fn listen(child: &mut Child, stop: &AtomicBool) -> io::Result<Option<Said>> {
    let mut said = Said::default();
    let mut pipes: Vec<(OwnedFd, &mut Vec<u8>)> = Vec::new();
    pipes.extend(child.stdout.take().map(|pipe| (pipe.into(), &mut said.stdout)));
    pipes.extend(child.stderr.take().map(|pipe| (pipe.into(), &mut said.stderr)));
    let mut buffer = vec![0; 64 * 1024];
    while !pipes.is_empty() {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut ends: Vec<_> =
            pipes.iter().map(|(pipe, _)| PollFd::new(pipe, PollFlags::IN)).collect();
        match poll(&mut ends, Some(&INTERVAL)) {
            Err(error) if error != Errno::INTR => return Err(error.into()),
            _ => {}
        }
        let ready: Vec<bool> = ends.iter().map(|end| !end.revents().is_empty()).collect();
        for at in (0..ready.len()).rev().filter(|at| ready[*at]) {
            let (pipe, text) = &mut pipes[at];
            match rustix::io::read(pipe, &mut buffer) {
                Ok(0) => drop(pipes.remove(at)),
                Ok(count) => text.extend_from_slice(&buffer[..count]),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(Some(said))
}

/// A line of `git ls-files -t --stage`: `? NAME` for what isn't tracked, else
/// `TAG MODE HASH STAGE<tab>NAME`.
pub(super) struct Line<'a> {
    pub(super) name: &'a [u8],
    /// As what it is tracked. `None`: it isn't.
    pub(super) staged: Option<Staged<'a>>,
    /// A submodule, or an untracked repository.
    pub(super) may_hold_checkout: bool,
}

/// What the index says of a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staged<'a> {
    pub(super) mode: &'a [u8],
    /// The name of its content, in hex.
    pub(super) blob: &'a [u8],
    /// `0`, unless there is a conflict.
    pub(super) stage: &'a [u8],
    /// It is left out of a sparse checkout.
    pub(super) is_left_out: bool,
}

impl Default for Staged<'_> {
    fn default() -> Self {
        Self { mode: b"", blob: b"", stage: b"0", is_left_out: false }
    }
}

impl<'a> Line<'a> {
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        if let Some(name) = line.strip_prefix(b"? ") {
            let opaque = name.strip_suffix(b"/");
            return Some(Self {
                name: opaque.unwrap_or(name),
                staged: None,
                may_hold_checkout: opaque.is_some(),
            });
        }
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let mut parts = line[..tab].split(|byte| *byte == b' ');
        let (tag, mode) = (parts.next()?, parts.next()?);
        let (blob, stage) = (parts.next()?, parts.next()?);
        Some(Self {
            name: &line[tab + 1..],
            staged: Some(Staged { mode, blob, stage, is_left_out: tag == b"S" }),
            may_hold_checkout: mode == b"160000",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn shell(line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        command
    }

    #[test]
    fn both_streams_are_read_whole_in_whatever_order_they_come() {
        let line = "yes | head -c 300000 >&2; yes | head -c 300000; exit 3";
        let (status, said) = run(shell(line), &AtomicBool::new(false)).expect("runs");
        assert_eq!(status.and_then(|status| status.code()), Some(3));
        assert_eq!((said.stdout.len(), said.stderr.len()), (300_000, 300_000));
    }

    #[test]
    fn what_is_not_wanted_any_more_is_killed_also_when_a_child_holds_its_streams() {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let running = scope.spawn(|| run(shell("sleep 300 & wait"), &stop).expect("runs"));
            stop.store(true, Ordering::Relaxed);
            assert!(running.join().expect("ends").0.is_none());
        });
    }
}
