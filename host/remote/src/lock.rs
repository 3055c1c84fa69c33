//! One session at a time in a workspace: a `flock` that the kernel lets go of when its
//! holder dies, so nothing gets stale. Its file says who holds it.
//!
//! On a network file system a lock may be refused, or be granted to everybody. Where nobody but this machine has a session,
//! as in a place, the lock lies on a disk of its own; elsewhere there is no session without one that others see:
//! two would work in one workspace.

use crate::connection::Connection;
use crate::failure::Failure;
use crate::here;
use crate::layout::Layout;
use crabbox_locks::{Ground, NoLocks, Reach, is_seen, reach, reach_at};
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::{FailureCode, Identity, Waiting};
use crabbox_wire::tree::Hash;
use rustix::io::Errno;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a waiter looks again.
const PAUSE: Duration = Duration::from_millis(50);

/// The most that is read of who has it, in bytes.
const LONGEST: u64 = 256;

/// The lock of a workspace. A place is this machine's alone, which it has just proved.
pub(crate) fn of_workspace(layout: &Layout, identity: &Identity) -> Result<PathBuf, Failure> {
    let reach = reach_at(&layout.work_root).unwrap_or(Reach::Unknown);
    if is_of_machine(reach, identity) {
        return on_this_machine("workspace", &layout.tree);
    }
    Ok(layout.tree.join("lock"))
}

fn is_of_machine(reach: Reach, identity: &Identity) -> bool {
    let Identity::Place { place } = identity else { return false };
    // Machines without an id can't be told apart.
    reach != Reach::Machine && !place.machine_id.is_empty()
}

/// A file for a lock of this machine alone, on what others have, too.
pub(crate) fn on_this_machine(kind: &str, of: &Path) -> Result<PathBuf, Failure> {
    let hash = Hash::of(of.as_os_str().as_bytes()).to_string();
    let folder = here::folder().ok_or_else(|| {
        let why = "there is no folder for a lock, and the work root is on a network";
        Failure::new(FailureCode::System, why)
    })?;
    Ok(folder.join(format!("{kind}-{}", &hash[..16])))
}

/// Takes the lock, waiting for as long as the host is there. What the host says meanwhile
/// stays in the inbox: a delta that comes early fills that and no more, its sender waits, too.
pub(crate) fn take(path: &Path, holder: &str, connection: &Connection) -> Result<File, Failure> {
    let wrap = |error| Failure::system("locking", path, &error);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(wrap)?;
    let reach = reach(&file).unwrap_or(Reach::Unknown);
    let (mut seen, mut told) = (None, None);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
                keeps_others_out(path, reach, || Err(errno.into()))?;
                return Err(wrap(error));
            }
            Err(TryLockError::WouldBlock) => {
                let by = holder_of(path);
                // At the first look it may be the name of whoever had it before, or somebody may only be looking.
                if seen.as_ref() == Some(&by) && told.as_ref() != Some(&by) {
                    connection.outbox.send(&ToHost::Waiting(Waiting { holder: by.clone() }))?;
                    told = Some(by.clone());
                }
                seen = Some(by);
            }
        }
        if connection.inbox.is_closed_within(PAUSE) {
            return Err(Failure::HostGone);
        }
    }
    keeps_others_out(path, reach, || is_seen(path))?;
    // A name for others to read: on a full disk they read none.
    let _ = file.set_len(0).and_then(|()| file.write_all(holder.as_bytes()));
    Ok(file)
}

/// What the file says of who has the lock. Commands of the user's can write it: of more than a name, the beginning counts.
fn holder_of(path: &Path) -> String {
    let mut by = Vec::new();
    let _ = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut by));
    String::from_utf8_lossy(&by).into_owned()
}

/// Is a lock there worth anything? On a disk of this machine, nothing is asked.
fn keeps_others_out(
    path: &Path,
    reach: Reach,
    seen: impl FnOnce() -> io::Result<bool>,
) -> Result<(), Failure> {
    Ground::of(path, reach).check(seen).map_err(|why: NoLocks| {
        let path = path.display();
        Failure::new(FailureCode::Locks, format!("`{path}` can't keep others out: {why}"))
    })
}

/// Does a session hold the lock? Only looked at: whoever waits for it isn't in the way of anybody.
pub(crate) fn is_held(path: &Path) -> bool {
    is_seen(path).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_wire::place::Place;

    fn place(machine_id: &str) -> Identity {
        let (root, nonce) = ("r".to_owned(), "n".to_owned());
        let folder = "/srv/cbx_0123456789ab".into();
        Identity::Place { place: Place { machine_id: machine_id.to_owned(), root, folder, nonce } }
    }

    #[test]
    fn on_a_network_a_place_is_locked_on_its_machine_and_all_else_where_others_see_it() {
        for reach in [Reach::Network, Reach::Unknown] {
            assert!(is_of_machine(reach, &place("m")));
            assert!(!is_of_machine(reach, &place("")));
            assert!(!is_of_machine(reach, &Identity::Record));
        }
        assert!(!is_of_machine(Reach::Machine, &place("m")));
        let (one, other) = (Path::new("/a"), Path::new("/b"));
        let of = |kind, path| on_this_machine(kind, path).expect("a folder");
        assert_eq!(of("workspace", one), of("workspace", one));
        assert_ne!(of("workspace", one), of("workspace", other));
        assert_ne!(of("workspace", one), of("places", one));
    }

    #[test]
    fn there_is_no_session_where_locks_keep_nobody_out() {
        let path = Path::new("/proc/self/stat");
        let said = |reach, seen: io::Result<bool>| keeps_others_out(path, reach, || seen);
        assert!(said(Reach::Machine, Ok(false)).is_ok());
        assert!(said(Reach::Network, Ok(true)).is_ok());
        for (seen, why) in [
            (Ok(false), "where a lock keeps nobody out"),
            (Err(Errno::NOLCK.into()), "which refuses locks: No locks available"),
        ] {
            let Err(Failure::Told(told)) = said(Reach::Network, seen) else { panic!("{why}") };
            assert_eq!(told.code, FailureCode::Locks);
            let begin = format!("`/proc/self/stat` can't keep others out: it lies on proc, {why}");
            assert!(told.message.starts_with(&begin), "{}", told.message);
        }
    }
}
