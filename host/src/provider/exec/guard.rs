//! Ends what this process runs when it dies, however it dies: a process of its own that is told
//! of each process group, and ends those that are left once the pipe from here is closed.
//!
//! It is started with the first command of a provider, so a run that asks no provider has none.

use crate::sys::keep_from_children;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, ExitCode, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The hidden sub-command.
pub const COMMAND: &str = "__guard";

/// How long a group has between being asked to end and being killed.
pub(super) const GRACE: Duration = Duration::from_secs(2);

static GUARD: Mutex<Guard> = Mutex::new(Guard { pipe: None, groups: BTreeSet::new() });

#[derive(Debug)]
struct Guard {
    pipe: Option<ChildStdin>,
    groups: BTreeSet<i32>,
}

impl Guard {
    /// Somebody may have ended it: then the next command gets a new one.
    fn tell(&mut self, sign: char, group: i32) -> io::Result<()> {
        let pipe = self.pipe.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        writeln!(pipe, "{sign}{group}").inspect_err(|_| self.pipe = None)
    }
}

fn lock() -> MutexGuard<'static, Guard> {
    GUARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts it, if there is none. Before the first process that it is to know of. `program`: this one.
pub(super) fn start(program: &Path) -> io::Result<()> {
    let mut guard = lock();
    if guard.pipe.is_none() {
        keep_from_children();
        guard.pipe = Command::new(program)
            .arg(COMMAND)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Neither Ctrl-C nor a terminal that is gone may end it before us.
            .process_group(0)
            .spawn()?
            .stdin;
        for group in guard.groups.clone() {
            guard.tell('+', group)?;
        }
    }
    Ok(())
}

/// From now on this group ends with this process.
pub(super) fn watch(group: Pid) -> io::Result<()> {
    let mut guard = lock();
    guard.groups.insert(group.as_raw_pid());
    guard.tell('+', group.as_raw_pid())
}

/// This group has ended. Before its leader is reaped: its number may be somebody else's then.
pub(super) fn forget(group: Pid) {
    let mut guard = lock();
    guard.groups.remove(&group.as_raw_pid());
    // A guard that is gone ends nothing.
    let _ = guard.tell('-', group.as_raw_pid());
}

/// The guard's own side: waits for the end of its input.
#[must_use]
pub fn main() -> ExitCode {
    let mut groups = BTreeSet::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let Some((sign, number)) = line.split_at_checked(1) else { continue };
        let Some(group) = number.parse().ok().and_then(Pid::from_raw) else { continue };
        match sign {
            "+" => drop(groups.insert(group.as_raw_pid())),
            _ => drop(groups.remove(&group.as_raw_pid())),
        }
    }
    let mut groups: Vec<Pid> = groups.into_iter().filter_map(Pid::from_raw).collect();
    for group in &groups {
        ask_to_end(*group);
    }
    let end = Instant::now() + GRACE;
    loop {
        // The number of one that is gone may be somebody else's by the end of the grace.
        groups.retain(|group| test_kill_process_group(*group).is_ok());
        if groups.is_empty() || Instant::now() >= end {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    for group in groups {
        let _ = kill_process_group(group, Signal::KILL);
    }
    ExitCode::SUCCESS
}

/// Also where it is stopped: it would hear nothing before it goes on.
pub(super) fn ask_to_end(group: Pid) {
    let _ = kill_process_group(group, Signal::TERM);
    let _ = kill_process_group(group, Signal::CONT);
}
