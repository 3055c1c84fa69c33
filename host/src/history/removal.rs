//! Removes the files of runs that are forgotten. A folder is put aside first, hidden among the others, which takes no time
//! however much is in it; such folders are emptied as far as there is time for it.
//!
//! There is little in them, all of it crabbox's own; but somebody may have put something beside it. What can't be removed keeps
//! nothing else from it.

use super::budget::Budget;
use super::id::RunId;
use super::{folder, runs};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// Files of a run that can't be removed.
#[derive(Debug)]
pub struct Stuck {
    /// The folder that they are in.
    pub path: PathBuf,
    /// Why the first of them is still there.
    pub source: io::Error,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// So many entries are gone.
    pub(super) entries: u64,
    /// There is more that nobody has tried to remove.
    pub(super) is_cut: bool,
    /// What is still there all the same.
    pub(super) stuck: Vec<Stuck>,
}

/// Puts the folder of a run aside, if there is one.
pub(super) fn put_aside(state: &Path, run: &RunId) -> Result<(), Stuck> {
    let path = folder(state, run);
    match renameat(CWD, &path, CWD, runs(state).join(format!(".{run}"))) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(Stuck { path, source: error.into() }),
    }
}

/// Removes what was put aside.
pub(super) fn remove_aside(state: &Path, budget: &mut Budget) -> Removed {
    let mut removed = Removed::default();
    for name in aside(state) {
        let path = runs(state).join(&name);
        let Ok(whole) = CString::new(path.as_os_str().as_encoded_bytes()) else { continue };
        let mut emptying = Emptying { budget, entries: 0, error: None };
        removed.is_cut |= !emptying.remove(CWD, &whole);
        removed.entries += emptying.entries;
        removed.stuck.extend(emptying.error.map(|error| Stuck { path, source: error.into() }));
    }
    removed
}

/// The names of what was put aside.
fn aside(state: &Path) -> Vec<String> {
    let entries = fs::read_dir(runs(state)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_run = |name: &str| name.parse::<RunId>().is_ok();
    let mut names: Vec<_> =
        names.filter(|name| name.strip_prefix('.').is_some_and(is_run)).collect();
    names.sort();
    names
}

struct Emptying<'a> {
    budget: &'a mut Budget,
    entries: u64,
    /// The first one: what follows from it says less.
    error: Option<Errno>,
}

impl Emptying<'_> {
    /// Removes an entry with all that is in it. `false`: the budget was spent before.
    fn remove(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> bool {
        if !self.budget.take() {
            return false;
        }
        let mut gone = unlinkat(parent, name, AtFlags::empty());
        // A folder, in the words of one system or another.
        if matches!(gone, Err(Errno::ISDIR | Errno::PERM)) && is_folder(parent, name) {
            let is_cut = match open(parent, name) {
                Ok(folder) => !self.empty(folder),
                Err(error) => {
                    self.note(error);
                    false
                }
            };
            if is_cut {
                return false;
            }
            gone = unlinkat(parent, name, AtFlags::REMOVEDIR);
        }
        match gone {
            Ok(()) => self.entries += 1,
            Err(error) => self.note(error),
        }
        true
    }

    fn empty(&mut self, mut folder: Dir) -> bool {
        while let Some(entry) = folder.read() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.note(error);
                    break;
                }
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            match folder.fd() {
                Ok(parent) if !self.remove(parent, name) => return false,
                Ok(_) => {}
                Err(error) => self.note(error),
            }
        }
        true
    }

    /// Another command may be at it, too.
    fn note(&mut self, error: Errno) {
        if error != Errno::NOENT {
            self.error.get_or_insert(error);
        }
    }
}

fn is_folder(parent: BorrowedFd<'_>, name: &CStr) -> bool {
    statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory)
}

/// Opens a folder, and no link to one.
fn open(parent: BorrowedFd<'_>, name: &CStr) -> Result<Dir, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Dir::new(openat(parent, name, flags, Mode::empty())?)
}
