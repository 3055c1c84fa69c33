//! How a place goes. It loses its name first, so that what is left of a removal that was broken off is no place,
//! and its marker last: so whoever goes on with that knows whose it is.

use super::folder::{MARKER, Marker, OURS, Seen, clear, lease, look, removing, rename_to_new};
use super::root::Root;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::folders::{TO_WRITE, open_folder, remove_all};
use crate::layout::Layout;
use crate::lost;
use crabbox_wire::place::{Place, PlaceAnswer};
use rustix::fs::{AtFlags, Dir, FlockOperation, flock, unlinkat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Removes it, or goes on with that.
pub(super) fn remove(
    root: &Root,
    place: &Place,
    holder: &str,
    connection: &Connection,
) -> Result<PlaceAnswer, Failure> {
    let path = Path::new(OsStr::from_bytes(&place.folder.0));
    let wrap = |error: io::Error| Failure::system("removing", path, &error);
    let (ours, gone) = (Marker::of(place), removing(place));
    let lock = root.lock(holder, connection)?;
    match look(root.folder(), lease(place)).map_err(wrap)? {
        Seen::Marked(marker) if marker == ours => {
            end_runs(path, lease(place));
            rename_to_new(root.folder(), lease(place), &gone).map_err(wrap)?;
        }
        Seen::Marked(..) => return Ok(another()),
        Seen::Unmarked => return Ok(unmarked()),
        Seen::Other | Seen::Absent => {}
    }
    // Emptying may take long, and is nobody's business any more.
    drop(lock);
    match look(root.folder(), &gone).map_err(wrap)? {
        Seen::Marked(marker) if marker == ours => {
            empty(root.folder(), &gone).and_then(|()| clear(root.folder(), &gone)).map_err(wrap)?;
            Ok(PlaceAnswer::Removed)
        }
        Seen::Marked(..) => Ok(another()),
        // Without a marker it is proven of nobody, so what holds anything stays.
        Seen::Unmarked | Seen::Other => {
            clear(root.folder(), &gone).map_err(wrap)?;
            Ok(PlaceAnswer::Removed)
        }
        Seen::Absent => Ok(PlaceAnswer::Gone),
    }
}

pub(super) fn another() -> PlaceAnswer {
    PlaceAnswer::Foreign { why: "its marker is another lease's".to_owned() }
}

/// It has all that a place has but what proves it: that the lease is over would leave it to nobody.
pub(super) fn unmarked() -> PlaceAnswer {
    PlaceAnswer::Foreign { why: "its marker is gone".to_owned() }
}

/// Ends what runs there without anybody who looks after it.
fn end_runs(path: &Path, lease: &str) {
    let trees = fs::read_dir(path.join(OURS).join("trees"));
    for entry in trees.into_iter().flatten().flatten() {
        lost::end_all(&Layout::at(path.to_owned(), lease, &entry.file_name()));
    }
}

/// Removes everything but the marker, and the folder that it is in.
fn empty(root: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let folder = open_folder(root, name.as_bytes(), TO_WRITE)?;
    // Two who go on with the same removal take turns.
    let _ = flock(&folder, FlockOperation::LockExclusive);
    empty_but(folder.as_fd(), OURS)?;
    match open_folder(folder.as_fd(), OURS.as_bytes(), TO_WRITE) {
        Ok(ours) => empty_but(ours.as_fd(), MARKER),
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn empty_but(folder: BorrowedFd<'_>, keep: &str) -> io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." || name == keep.as_bytes() {
            continue;
        }
        match unlinkat(folder, OsStr::from_bytes(name), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) => remove_all(folder, name)?,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
