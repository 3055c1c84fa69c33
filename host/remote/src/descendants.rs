//! Everything that the command has started, wherever it went: the helper is the subreaper, so
//! an orphan becomes its child instead of init's.

use crate::processes::{self, Process};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, waitid};
use std::collections::HashMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How long the kernel gets to end what was killed: a process in an uninterruptible
/// read of a dead file system may take for ever.
pub(crate) const KILLING: Duration = Duration::from_secs(2);

/// The same once `main` has ended and nobody has reaped it: what is left is this process's children and theirs, and
/// mostly there are none. Then no other process of the box is looked at, of which there may be thousands.
pub(crate) fn kill_rest(main: Pid) {
    if !is_alone(main) {
        kill_all(main);
    }
}

/// Has this process no child but that one? `false` where the kernel doesn't list them, that one included. All are the main thread's: nothing is
/// started elsewhere, and orphans go to the first thread that lives. A child may be left out while another is reaped, which
/// nobody does meanwhile.
fn is_alone(child: Pid) -> bool {
    let own = getpid();
    let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
    let child = child.as_raw_pid().to_string();
    children.is_ok_and(|children| children.split_ascii_whitespace().eq([child.as_str()]))
}

/// Kills them all, and those that they start meanwhile. `main` is left for its own waiter to reap.
pub(crate) fn kill_all(main: Pid) {
    let end = Instant::now() + KILLING;
    loop {
        let (living, dead) = find();
        for pid in dead.into_iter().filter(|pid| *pid != main) {
            // One by one: waiting for any would steal exits from whoever waits for them.
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
        if living.is_empty() || Instant::now() >= end {
            return;
        }
        for pid in living {
            let _ = kill_process(pid, Signal::KILL);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// The descendants of this process that live, and its children that only wait to be reaped.
fn find() -> (Vec<Pid>, Vec<Pid>) {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for process in processes::all() {
        children.entry(process.parent).or_default().push(process);
    }
    let own = getpid().as_raw_pid();
    let (mut living, mut dead) = (Vec::new(), Vec::new());
    let mut parents = vec![own];
    while let Some(parent) = parents.pop() {
        for process in children.remove(&parent).unwrap_or_default() {
            parents.push(process.pid.as_raw_pid());
            match process.dead {
                true if parent == own => dead.push(process.pid),
                true => {}
                false => living.push(process.pid),
            }
        }
    }
    (living, dead)
}
