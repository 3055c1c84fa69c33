//! The folders on the way: entered, made where they aren't there, and left again.

use super::answers::Answers;
use super::error::ReceiveError;
use super::receiver::Receiver;
use crabbox_wire::copy::MAX_DEPTH;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, fchmod, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[derive(Debug)]
pub(super) struct Folder {
    pub(super) open: OwnedFd,
    /// As it is called here in the one before.
    pub(super) called: Vec<u8>,
    /// As it is called in the one before; empty for those that hold everything.
    pub(super) name: Vec<u8>,
    /// What it gets at the end, when it is ours.
    pub(super) mode: Option<u32>,
}

impl Receiver {
    pub(super) fn innermost(&self) -> BorrowedFd<'_> {
        // Settled before anything is asked of it.
        self.folders.last().map_or(CWD, |folder| folder.open.as_fd())
    }

    pub(super) fn enter(
        &mut self,
        name: &[u8],
        mode: u32,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        if self.folders.len() + self.lost > MAX_DEPTH + 1 {
            return Err(ReceiveError::Order);
        }
        let Some(called) = self.next(name, true, answers)? else {
            self.lost += 1;
            return Ok(());
        };
        let entered = if called.is_empty() {
            // The place itself is the folder.
            rustix::io::fcntl_dupfd_cloexec(self.innermost(), 0).map(|open| (open, None))
        } else {
            let all_ours = matches!(self.begun, Some((_, true)));
            enter(self.innermost(), &called, mode, all_ours)
        };
        match entered {
            Ok((open, mode)) => {
                if let ([outermost], Some((begun, false))) = (&*self.folders, &self.begun) {
                    // Without it, the same copy once more makes another one in there.
                    let _ = begun.mark(outermost.open.as_fd());
                }
                self.copied.folders += 1;
                self.folders.push(Folder { open, called, name: name.to_vec(), mode });
                Ok(())
            }
            Err(error) => {
                self.lost = 1;
                self.refuse(name, error, answers)
            }
        }
    }

    pub(super) fn leave(&mut self, answers: &mut dyn Answers) -> Result<(), ReceiveError> {
        if self.lost > 0 {
            self.lost -= 1;
            return Ok(());
        }
        if self.folders.len() < 2 {
            return Err(ReceiveError::Order);
        }
        let Some(Folder { open, called, name, mode }) = self.folders.pop() else {
            return Err(ReceiveError::Order);
        };
        // Only an empty one goes.
        let goes = self.choice.drops_empty_folders() && mode.is_some();
        if goes && unlinkat(self.innermost(), &*called, AtFlags::REMOVEDIR).is_ok() {
            self.copied.folders -= 1;
            return Ok(());
        }
        match mode.map(|mode| fchmod(&open, self.choice.folder_mode(mode))) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(error)) => self.refuse(&name, error, answers),
        }
    }
}

/// Opens a folder, made if it isn't there; the mode is for one that was. A link is no folder.
fn enter(
    parent: BorrowedFd<'_>,
    name: &[u8],
    mode: u32,
    all_ours: bool,
) -> Result<(OwnedFd, Option<u32>), Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let is_ours = match mkdirat(parent, name, Mode::RWXU) {
        Ok(()) => true,
        Err(Errno::EXIST) => all_ours,
        Err(error) => return Err(error),
    };
    if is_ours {
        let open = openat(parent, name, flags | OFlags::RDONLY, Mode::empty())?;
        return Ok((open, Some(mode)));
    }
    Ok((openat(parent, name, flags | OFlags::PATH, Mode::empty())?, None))
}
