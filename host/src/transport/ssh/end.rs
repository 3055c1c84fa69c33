//! Ends the connections of a lease, and whatever stands behind them.

use super::config;
use super::connect::SLOTS;
use super::folder::Folder;
use super::lock;
use super::master;
use super::proxy;
use super::recorded::Recorded;
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

/// The same for good: the server's key is forgotten, too.
pub fn forget(lease: &str, state: &Path) {
    close(lease);
    close_folder(&Folder::for_editors(lease, state));
    config::forget_keys(lease, state);
}

fn close_folder(folder: &Folder) {
    end_connections(folder);
    // Whoever makes one just now has the lock in there.
    if let Ok(Ok(_lock)) = lock::attempt(folder) {
        let _ = fs::remove_dir_all(&folder.path);
    }
}

/// Ends what there is, and leaves the folder to whoever holds the lock.
pub(super) fn end_connections(folder: &Folder) {
    for number in 0..SLOTS {
        if folder.socket(number).exists() {
            master::terminate(&folder.socket(number));
        }
    }
    let processes = Recorded::all(folder);
    for signal in [None, Some(Signal::TERM), Some(Signal::KILL)] {
        if let Some(signal) = signal {
            for process in &processes {
                process.signal(signal);
            }
        }
        let until = Instant::now() + GRACE;
        while processes.iter().any(|process| process.is_alive()) && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
    }
    for entry in fs::read_dir(&folder.path).into_iter().flatten().flatten() {
        if entry.path() != folder.lock() {
            let _ = fs::remove_file(entry.path());
        }
    }
}
