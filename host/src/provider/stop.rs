//! What tells a hook to stop, from another thread.

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Set once and for good, and seen by all that wait for it.
#[derive(Clone, Debug)]
pub struct Stop(Arc<OwnedFd>);

impl Stop {
    /// Not set yet. Takes a descriptor.
    pub fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(Arc::new(eventfd(0, flags)?)))
    }

    /// Tells to stop.
    pub fn set(&self) {
        // It can't be full: nobody adds up to 2^64.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Was it told?
    #[must_use]
    pub fn is_set(&self) -> bool {
        let mut one = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut one, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }
}

/// Readable from then on.
impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_stays_set_for_all() {
        let stop = Stop::new().expect("a descriptor");
        let other = stop.clone();
        assert!(!other.is_set());
        stop.set();
        stop.set();
        assert!(other.is_set() && other.is_set());
    }
}
