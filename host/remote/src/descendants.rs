//! Everything that the command has started, wherever it went: the helper is the subreaper, so
//! an orphan becomes its child instead of init's.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, waitid};
use std::collections::HashMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How long the kernel gets to end what was killed: a process in an uninterruptible
/// read of a dead file system may take for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// Kills them all, and those that they start meanwhile. `main` is left for its own waiter to reap.
pub(crate) fn kill_all(main: Option<Pid>) {
    let end = Instant::now() + PATIENCE;
    loop {
        let (living, dead) = find();
        for pid in dead.into_iter().filter(|pid| Some(*pid) != main) {
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
    let mut children: HashMap<i32, Vec<(i32, char)>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some((state, parent)) = state_and_parent(pid) {
            children.entry(parent).or_default().push((pid, state));
        }
    }
    let own = getpid().as_raw_nonzero().get();
    let (mut living, mut dead) = (Vec::new(), Vec::new());
    let mut parents = vec![own];
    while let Some(parent) = parents.pop() {
        for (pid, state) in children.remove(&parent).unwrap_or_default() {
            parents.push(pid);
            match (Pid::from_raw(pid), state) {
                (Some(pid), 'Z' | 'X') if parent == own => dead.push(pid),
                (_, 'Z' | 'X') | (None, _) => {}
                (Some(pid), _) => living.push(pid),
            }
        }
    }
    (living, dead)
}

fn state_and_parent(pid: i32) -> Option<(char, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, parentheses included.
    let mut fields = stat.get(stat.rfind(')')? + 2..)?.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// When a process started, in clock ticks since boot: with its id, a name that isn't given twice.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.get(stat.rfind(')')? + 2..)?.split(' ').nth(19)?.parse().ok()
}
