//! Ends the connections of a lease, and whatever stands behind them.

use super::config;
use super::connect::SLOTS;
use super::folder::Folder;
use super::master;
use super::proxy;
use super::recorded::Recorded;
use crate::transport::Route;
use crate::turn::Turn;
use crabbox_provider_api::payload::Transport;
use rustix::process::Signal;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long the processes of a connection have to leave by themselves, and again when they are told to: more than what
/// stands round a provider's command gives that.
const GRACE: Duration = proxy::GRACE.saturating_add(Duration::from_secs(1));

/// Ends the connections of a lease; that there are none is well.
pub fn close(lease: &str) {
    for folder in Folder::of_lease(lease) {
        close_folder(&folder);
    }
}

/// Ends those that another way led to before: they are of no use. For whoever holds the lease: of anybody else, what
/// goes over them may be somebody's work.
pub fn close_other_ways(route: &Route<'_>) {
    let here = match route.transport {
        Transport::Ssh(ssh) => Folder::find(route.lease, ssh),
        _ => None,
    };
    let is_here = |folder: &Folder| here.as_ref().is_some_and(|here| here.path == folder.path);
    for folder in Folder::of_lease(route.lease).iter().filter(|folder| !is_here(folder)) {
        close_folder(folder);
    }
}

/// The same for good: the server's key is forgotten, too.
pub fn forget(lease: &str, state: &Path) {
    close(lease);
    close_folder(&Folder::for_editors(lease, state));
    config::forget_keys(lease, state);
}

/// How old what is kept of a way must be to be anybody's who was killed: some are nobody's lease from the beginning, and
/// last for one question.
const OLD: Duration = Duration::from_hours(1);

/// Forgets what is kept of the ways of those who are no lease any more.
pub fn forget_those_but(state: &Path, is_lease: impl Fn(&str) -> bool) {
    for path in config::kept(state) {
        let is_old = fs::symlink_metadata(&path)
            .and_then(|found| found.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD));
        let Some(lease) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if is_old && !is_lease(lease) {
            forget(lease, state);
        }
    }
}

fn close_folder(folder: &Folder) {
    end_connections(folder);
    // Whoever makes one just now has the lock in there.
    if let Ok(Ok(_lock)) = Turn::attempt(&folder.lock()) {
        let _ = fs::remove_dir_all(&folder.path);
    }
}

/// Ends what there is, and leaves the folder to whoever holds the lock.
fn end_connections(folder: &Folder) {
    for number in 0..SLOTS {
        if folder.socket(number).exists() {
            master::terminate(&folder.socket(number));
        }
    }
    end_all(&Recorded::all(folder), &[None, Some(Signal::TERM), Some(Signal::KILL)]);
    for entry in fs::read_dir(&folder.path).into_iter().flatten().flatten() {
        if entry.path() != folder.lock() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Ends one connection, whose process doesn't answer, and none of the others: what stands behind it sees that it is gone.
pub(super) fn end_deaf(folder: &Folder, number: usize) {
    end_all(&Recorded::masters(folder, number), &[Some(Signal::TERM), Some(Signal::KILL)]);
    let _ = fs::remove_file(folder.socket(number));
}

/// After each of these signals they have some time to leave.
fn end_all(processes: &[Recorded], signals: &[Option<Signal>]) {
    for signal in signals {
        if let Some(signal) = signal {
            for process in processes {
                process.signal(*signal);
            }
        }
        let until = Instant::now() + GRACE;
        while processes.iter().any(|process| process.is_alive()) && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
