//! The folder of all places on a box: which one it is, its lock, how many places there are.

use super::folder::{Seen, look};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::layout::{is_lease, make_private};
use crate::lock;
use crabbox_locks::{Reach, reach};
use crabbox_wire::message::FailureCode;
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, fstat, linkat, openat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Holds the work root's own random number.
const ID: &str = ".crabbox-root";

/// Whoever takes or removes a place holds its lock.
const LOCK: &str = ".crabbox-lock";

/// How much of [`ID`] is read, in bytes.
const LIMIT: u64 = 128;

/// The folder of all places.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    folder: OwnedFd,
}

impl Root {
    /// Makes it if it isn't there.
    pub(super) fn make(path: &Path) -> Result<Self, Failure> {
        make_private(path)?;
        let root = Self::open(path).map_err(|error| Failure::system("opening", path, &error))?;
        root.check_owner()?;
        Ok(root)
    }

    /// One that is there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { path: path.to_owned(), folder: openat(CWD, path, flags, Mode::empty())? })
    }

    /// Where anybody may put things, what has a place's name is nobody's word.
    fn check_owner(&self) -> Result<(), Failure> {
        let found = fstat(&self.folder)
            .map_err(|errno| Failure::system("looking at", &self.path, &errno.into()))?;
        let refuse = |why: &str| {
            let message = format!("`{}` can't hold places: {why}", self.path.display());
            Err(Failure::new(FailureCode::Occupied, message))
        };
        if found.st_uid != geteuid().as_raw() {
            return refuse("it belongs to another user");
        }
        if Mode::from_raw_mode(found.st_mode).contains(Mode::WOTH) {
            return refuse("everybody may write there");
        }
        Ok(())
    }

    pub(super) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Its random number. `None`: it has none, and so no place.
    pub(super) fn id(&self) -> io::Result<Option<String>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.folder, ID, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let mut text = String::new();
        File::from(file).take(LIMIT).read_to_string(&mut text)?;
        Ok(Some(text.trim().to_owned()))
    }

    /// The same; where it has none, it gets this one. Whole when it appears, and the first one stays: another machine
    /// may do the same.
    pub(super) fn id_or(&self, new: &str) -> io::Result<String> {
        if let Some(id) = self.id()? {
            return Ok(id);
        }
        let draft = format!("{ID}-{new}");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.folder, &*draft, flags, Mode::RUSR | Mode::WUSR)?);
        let linked = writeln!(file, "{new}").and_then(|()| file.sync_all()).and_then(|()| {
            match linkat(&self.folder, &*draft, &self.folder, ID, AtFlags::empty()) {
                Err(errno) if errno != Errno::EXIST => Err(errno.into()),
                _ => Ok(()),
            }
        });
        unlinkat(&self.folder, &*draft, AtFlags::empty())?;
        linked?;
        Ok(self.id()?.unwrap_or_default())
    }

    /// Its lock, for whoever takes or removes a place: of this machine alone where others have the folder, too, since a
    /// place is on a machine, whoever else sees it.
    pub(super) fn lock(&self, holder: &str, connection: &Connection) -> Result<File, Failure> {
        let path = match reach(&self.folder) {
            Ok(Reach::Machine) => self.path.join(LOCK),
            _ => lock::on_this_machine("places", &self.path)?,
        };
        lock::take(&path, holder, connection)
    }

    /// How many places of this machine it holds.
    pub(super) fn count(&self, machine_id: &str) -> io::Result<u32> {
        let mut count = 0;
        for entry in Dir::read_from(&self.folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            // One that can't be looked at is somebody's, and in the way.
            count += match is_lease(name).then(|| look(self.folder(), name)) {
                Some(Ok(Seen::Marked(marker))) => u32::from(marker.machine_id == machine_id),
                Some(Err(_)) => 1,
                _ => 0,
            };
        }
        Ok(count)
    }
}
