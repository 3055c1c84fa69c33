//! What changes in a folder, as it does.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// Tells of changes in one folder, and of its end.
#[derive(Debug)]
pub(crate) struct Changes(OwnedFd);

impl Changes {
    /// From now on.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let told = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let what = WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        inotify::add_watch(&told, folder, what)?;
        Ok(Self(told))
    }

    /// Waits for one to a file that `counts`, for so long at most. Changes since the last call count
    /// once. Was there one?
    pub(crate) fn wait(&self, time: Duration, counts: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut told = [PollFd::new(&self.0, PollFlags::IN)];
            match poll(&mut told, Some(&left)) {
                Ok(0) => return Ok(false),
                Ok(_) if self.take(&counts)? => return Ok(true),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes all that was told. Is there one that counts?
    fn take(&self, counts: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut told = Reader::new(&self.0, &mut buffer);
        let mut found = false;
        loop {
            match told.next() {
                // Without a name it is about the folder.
                Ok(event) => found |= event.file_name().is_none_or(|name| counts(name.to_bytes())),
                Err(Errno::AGAIN) => return Ok(found),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_change_is_told_of_once_and_the_end_of_the_folder_too() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let watched = folder.path().join("watched");
        fs::create_dir(&watched).expect("a folder");
        let changes = Changes::of(&watched).expect("watches");
        let now = |changes: &Changes| {
            changes.wait(Duration::ZERO, |name| name != b"other").expect("looks")
        };
        assert!(!now(&changes));
        fs::write(watched.join("file"), "text").expect("a file");
        assert!(now(&changes));
        assert!(!now(&changes));
        fs::write(watched.join("other"), "text").expect("a file");
        assert!(!now(&changes), "it doesn't count");
        assert_eq!(fs::read(watched.join("file")).expect("reads"), b"text");
        assert!(!now(&changes), "whoever looks changes nothing");
        fs::remove_dir_all(&watched).expect("removes");
        assert!(now(&changes));
    }
}
