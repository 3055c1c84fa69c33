//! Ends what a helper left behind that was killed before it could do so itself (out of memory, say).
//!
//! Called with the workspace's lock held: a run of this workspace without an end has no helper
//! any more, and what it started must not work on beside the next command. The kernel has mostly
//! ended the command itself ([`crate::sys`]), but nothing that it had started.
//!
//! A number is no proof: ids are given again, after a boot all of them. What is killed is the
//! noted process with its noted start in the noted boot, its process group, and what carries
//! the run's own id in its environment.

use crate::descendants::KILLING;
use crate::layout::Layout;
use crate::processes::{self, Process};
use crate::runs::{self, Noted, RunFolder};
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open, pidfd_send_signal,
};
use std::thread;
use std::time::{Duration, Instant};

/// Ends what is left of this workspace's runs, and records that their end wasn't seen.
pub(crate) fn end_all(layout: &Layout) {
    for folder in runs::unended(layout) {
        let noted = folder.process();
        // Nothing has survived a boot.
        if noted.as_ref().is_none_or(|noted| noted.boot_id == processes::boot_id()) {
            Remains::of(&folder, noted).end();
        }
        // Without a record, on a full disk, the next session looks again.
        let _ = folder.record_loss();
    }
}

/// What may be left of a run.
struct Remains {
    noted: Option<Noted>,
    /// As it stands in the environment of what the run has started.
    variable: String,
}

impl Remains {
    fn of(folder: &RunFolder, noted: Option<Noted>) -> Self {
        Self { noted, variable: format!("CRABBOX_RUN={}", folder.id()) }
    }

    /// Kills until nothing is found any more.
    fn end(&self) {
        let end = Instant::now() + KILLING;
        loop {
            let mut found: Vec<Process> =
                processes::all().filter(|process| self.includes(process)).collect();
            if found.is_empty() || Instant::now() >= end {
                return;
            }
            // The noted process goes last: while it is there, its group is known to be its own.
            found.sort_by_key(|process| self.is_noted(process));
            for process in found {
                self.kill(process.pid);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn includes(&self, process: &Process) -> bool {
        !process.dead
            && process.pid != getpid()
            && (self.is_noted(process)
                || self.is_in_group(process)
                || process.has_variable(&self.variable))
    }

    fn is_noted(&self, process: &Process) -> bool {
        self.noted
            .as_ref()
            .is_some_and(|noted| noted.pid == process.pid && noted.start_time == process.start_time)
    }

    fn is_in_group(&self, process: &Process) -> bool {
        self.noted.as_ref().is_some_and(|noted| {
            noted.pid.as_raw_pid() == process.group
                && Process::of(noted.pid).is_some_and(|leader| self.is_noted(&leader))
        })
    }

    /// Kills the process with this id, if it is one of these at this very moment.
    fn kill(&self, pid: Pid) {
        let is_included = || Process::of(pid).is_some_and(|process| self.includes(&process));
        // The descriptor stays with the process that has the id now: what is looked at next is
        // either that one, or the signal goes nowhere.
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) if is_included() => {
                let _ = pidfd_send_signal(process, Signal::KILL);
            }
            // A kernel without such descriptors, or one that doesn't let us have them.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) if is_included() => {
                let _ = kill_process(pid, Signal::KILL);
            }
            _ => {}
        }
    }
}
