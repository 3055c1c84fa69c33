//! Are the locks of the state folder worth anything? They say who works with a lease, and keep two transactions apart: on a
//! network file system without working ones, two commands would take one box.

use super::salvage::LOCK;
use crate::fault;
use crate::places::home;
use crabbox_locks::{Ground, NoLocks, Reach, probe, reach, reach_at};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Another folder for the claims, in the user's home.
pub(super) const ELSEWHERE: &str = "crabbox-state";

/// Where programs of all users keep what outlives a boot.
const SHARED: &str = "/var/tmp";

/// Refuses a folder where locks keep nobody out, by its open file that is there for locks alone. On a disk of this
/// machine that is one system call.
pub(super) fn check(file: &File, path: &Path) -> Result<(), NoLocks> {
    Ground::of(path, real_or_bad(reach(file))).check(|| seen(path))
}

/// The same for whoever only looks: nothing is made.
pub fn look(state: &Path) -> Result<(), NoLocks> {
    let path = state.join(LOCK);
    let path = if path.exists() { &path } else { state };
    Ground::of(path, real_or_bad(reach_at(path)))
        .check(|| if path.is_dir() { Ok(true) } else { seen(path) })
}

/// May other machines have the same folder? What they have in memory isn't shared, then.
pub(crate) fn is_on_network(folder: &Path) -> bool {
    real_or_bad(reach_at(folder)) == Reach::Network
}

/// A folder for the claims on a disk of this machine, if one is known.
#[must_use]
pub fn on_this_machine() -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let shared = (PathBuf::from(SHARED), format!("{ELSEWHERE}-{user}"));
    let mut folders = home().map(|home| (home, ELSEWHERE.to_owned())).into_iter().chain([shared]);
    let found = folders.find(|(folder, _)| reach_at(folder).is_ok_and(|of| of == Reach::Machine));
    found.map(|(folder, name)| folder.join(name))
}

fn seen(path: &Path) -> io::Result<bool> {
    Ok(probe(path)? && !fault::is_bad("locks.unseen"))
}

/// What can't be asked is for whoever wants to use it to find out.
fn real_or_bad(reach: io::Result<Reach>) -> Reach {
    if fault::is_bad("locks.network") || fault::is_bad("locks.unseen") {
        return Reach::Network;
    }
    reach.unwrap_or(Reach::Unknown)
}
