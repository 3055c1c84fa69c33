//! Ends the connections of a lease, and whatever stands behind them.

use super::config;
use super::connect::SLOTS;
use super::folder::Folder;
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
    config::forget_keys(lease, state);
}

pub(super) fn close_folder(folder: &Folder) {
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
    let _ = fs::remove_dir_all(&folder.path);
}
