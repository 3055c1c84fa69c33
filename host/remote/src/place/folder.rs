//! One place: a folder with a marker in it, `.crabbox/place`, that says whose it is. It appears whole, and its marker
//! is the last of it to go.

use crate::folders::{TO_LOOK, TO_WRITE, open_folder};
use crate::layout::is_lease;
use crabbox_wire::place::Place;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, fstat, fsync, mkdirat, openat,
    renameat_with, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Where crabbox keeps its own things in a place.
pub(super) const OURS: &str = ".crabbox";

/// The marker in [`OURS`].
pub(super) const MARKER: &str = "place";

/// Begins the name of a place that is being made.
const MAKING: &str = ".making-";

/// Begins the name of a place that is being removed.
const REMOVING: &str = ".removing-";

/// How much of a marker is read, in bytes.
const LIMIT: u64 = 4096;

/// What a marker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    lease: String,
    nonce: String,
    pub(super) machine_id: String,
}

/// What there is under the name of a place.
pub(super) enum Seen {
    /// A folder with a marker.
    Marked(Marker),
    /// A folder of this user's without one.
    Unmarked,
    /// What is no place, nor was: no folder, or another user's.
    Other,
    /// Nothing.
    Absent,
}

impl Marker {
    pub(super) fn of(place: &Place) -> Self {
        Self {
            lease: lease(place).to_owned(),
            nonce: place.nonce.clone(),
            machine_id: place.machine_id.clone(),
        }
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.lease, self.nonce, self.machine_id)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split('\n').map(str::to_owned);
        let (lease, nonce, machine_id) = (lines.next()?, lines.next()?, lines.next()?);
        (is_lease(&lease) && !nonce.is_empty()).then_some(Self { lease, nonce, machine_id })
    }
}

/// The lease of a place: its folder is called after it. Empty: that can't be a place.
pub(super) fn lease(place: &Place) -> &str {
    let name = Path::new(std::ffi::OsStr::from_bytes(&place.folder.0)).file_name();
    name.and_then(|name| name.to_str()).filter(|name| is_lease(name)).unwrap_or_default()
}

/// What a place that is being removed is called.
pub(super) fn removing(place: &Place) -> String {
    format!("{REMOVING}{}", lease(place))
}

/// Is this folder the place, as its marker says? An error: that can't be told.
pub(crate) fn is_here(folder: &Path, place: &Place) -> io::Result<bool> {
    if folder.as_os_str().as_bytes() != place.folder.0 {
        return Ok(false);
    }
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Ok(false);
    };
    let root =
        openat(CWD, parent, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(match look(root.as_fd(), name.to_str().unwrap_or_default())? {
        Seen::Marked(marker) => marker == Marker::of(place),
        Seen::Unmarked | Seen::Other | Seen::Absent => false,
    })
}

/// Looks at what has this name in the work root.
pub(super) fn look(root: BorrowedFd<'_>, name: &str) -> io::Result<Seen> {
    let folder = match open_folder(root, name.as_bytes(), TO_LOOK) {
        Ok(folder) => folder,
        Err(Errno::NOENT) => return Ok(Seen::Absent),
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Seen::Other),
        Err(errno) => return Err(errno.into()),
    };
    if fstat(&folder)?.st_uid != geteuid().as_raw() {
        return Ok(Seen::Other);
    }
    match read_marker(folder.as_fd()) {
        Ok(Some(marker)) => Ok(Seen::Marked(marker)),
        Ok(None) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(Seen::Unmarked),
        Err(errno) => Err(errno.into()),
    }
}

fn read_marker(folder: BorrowedFd<'_>) -> Result<Option<Marker>, Errno> {
    let ours = open_folder(folder, OURS.as_bytes(), TO_LOOK)?;
    // Not to wait for whoever writes to a pipe that lies there.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(&ours, MARKER, flags, Mode::empty())?;
    let found = fstat(&file)?;
    let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    if !is_file || found.st_uid != geteuid().as_raw() {
        return Ok(None);
    }
    let mut text = String::new();
    let read = File::from(file).take(LIMIT).read_to_string(&mut text);
    Ok(read.ok().and_then(|_| Marker::parse(&text)))
}

/// Makes the place in the work root, where nothing has its name. It appears whole.
pub(super) fn make(root: BorrowedFd<'_>, place: &Place) -> io::Result<()> {
    let (name, making) = (lease(place), format!("{MAKING}{}", lease(place)));
    clear(root, &making)?;
    mkdirat(root, &*making, Mode::RWXU)?;
    let folder = open_folder(root, making.as_bytes(), TO_WRITE)?;
    mkdirat(&folder, OURS, Mode::RWXU)?;
    let ours = open_folder(folder.as_fd(), OURS.as_bytes(), TO_WRITE)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(&ours, MARKER, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(Marker::of(place).text().as_bytes())?;
    file.sync_all()?;
    rename_to_new(root, &making, name)?;
    // The name outlives a power failure. Where that can't be had, the place is there all the same.
    let _ = fsync(root);
    Ok(())
}

/// Gives what is there another name, which nothing has.
pub(super) fn rename_to_new(root: BorrowedFd<'_>, from: &str, to: &str) -> io::Result<()> {
    match renameat_with(root, from, root, to, RenameFlags::NOREPLACE) {
        // A file system without the flag: everybody who makes such names holds the lock.
        Err(Errno::INVAL | Errno::NOSYS) => {
            if matches!(look(root, to)?, Seen::Absent) {
                Ok(rustix::fs::renameat(root, from, root, to)?)
            } else {
                Err(io::ErrorKind::AlreadyExists.into())
            }
        }
        other => Ok(other?),
    }
}

/// Removes what is left of a place in which there is nothing but what we make. What holds anything else stays.
pub(super) fn clear(root: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let folder = match open_folder(root, name.as_bytes(), TO_WRITE) {
        Ok(folder) => folder,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    };
    if let Ok(ours) = open_folder(folder.as_fd(), OURS.as_bytes(), TO_WRITE) {
        absent_is_well(unlinkat(&ours, MARKER, AtFlags::empty()))?;
        absent_is_well(unlinkat(&folder, OURS, AtFlags::REMOVEDIR))?;
    }
    absent_is_well(unlinkat(root, name, AtFlags::REMOVEDIR))?;
    Ok(())
}

fn absent_is_well(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}
