//! What a lock on a file is worth, by all that is known of the file system.

use crate::mount::{self, Mount};
use crate::reach::Reach;
use std::io;
use std::path::Path;

/// Locks keep nobody out there.
#[derive(Debug, thiserror::Error)]
pub enum NoLocks {
    /// There are none.
    #[error("it lies on {kind}, which refuses locks: {source}")]
    Refused {
        /// What it lies on.
        kind: String,
        /// In the system's words.
        source: io::Error,
    },
    /// Everybody gets one.
    #[error("it lies on {kind}, where a lock keeps nobody out")]
    Unseen {
        /// What it lies on.
        kind: String,
    },
    /// Other machines know nothing of them.
    #[error("it lies on {kind}, whose locks reach no other machine: {why}")]
    Alone {
        /// What it lies on.
        kind: String,
        /// What says so.
        why: String,
    },
}

/// What a file lies on.
#[derive(Debug)]
pub struct Ground {
    reach: Reach,
    mount: Option<Mount>,
}

impl Ground {
    /// Of this file. How it is mounted is looked up only where it may matter.
    #[must_use]
    pub fn of(path: &Path, reach: Reach) -> Self {
        let mount = if reach == Reach::Machine { None } else { mount::of(path) };
        Self { reach, mount }
    }

    /// Do locks keep others out there? `seen` says whether one that is held is seen, and isn't asked where the kernel
    /// itself keeps them.
    pub fn check(&self, seen: impl FnOnce() -> io::Result<bool>) -> Result<(), NoLocks> {
        if self.reach == Reach::Machine {
            return Ok(());
        }
        let kind = || match &self.mount {
            Some(mount) => mount.kind.clone(),
            None => "a file system of another machine".to_owned(),
        };
        if let Some(why) = self.mount.as_ref().and_then(|mount| mount.alone.clone()) {
            return Err(NoLocks::Alone { kind: kind(), why });
        }
        match seen() {
            Ok(true) => Ok(()),
            Ok(false) => Err(NoLocks::Unseen { kind: kind() }),
            Err(source) => Err(NoLocks::Refused { kind: kind(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn ground(reach: Reach, alone: Option<&str>) -> Ground {
        let alone = alone.map(str::to_owned);
        Ground { reach, mount: Some(Mount { kind: "nfs".to_owned(), alone }) }
    }

    #[test]
    fn where_the_kernel_keeps_the_locks_nothing_is_tried() {
        let asked = Cell::new(0);
        let seen = |answer: io::Result<bool>| {
            asked.set(asked.get() + 1);
            answer
        };
        assert!(ground(Reach::Machine, None).check(|| seen(Ok(false))).is_ok());
        assert_eq!(asked.get(), 0);
        for reach in [Reach::Network, Reach::Unknown] {
            assert!(ground(reach, None).check(|| seen(Ok(true))).is_ok());
        }
        assert_eq!(asked.get(), 2);
    }

    #[test]
    fn locks_that_are_refused_seen_by_nobody_or_kept_on_one_machine_are_none() {
        let why = |reach, alone, seen: io::Result<bool>| {
            ground(reach, alone).check(|| seen).expect_err("none").to_string()
        };
        let refused = || Err(rustix::io::Errno::NOLCK.into());
        for reach in [Reach::Network, Reach::Unknown] {
            assert_eq!(
                why(reach, None, refused()),
                "it lies on nfs, which refuses locks: No locks available (os error 37)"
            );
            assert_eq!(
                why(reach, None, Ok(false)),
                "it lies on nfs, where a lock keeps nobody out"
            );
            // This machine sees them well.
            assert_eq!(
                why(reach, Some("mounted with `nolock`"), Ok(true)),
                "it lies on nfs, whose locks reach no other machine: mounted with `nolock`"
            );
        }
    }

    #[test]
    fn the_mount_is_looked_up_where_it_may_matter() {
        let path = Path::new("/proc/self/stat");
        assert_eq!(Ground::of(path, Reach::Machine).mount, None);
        let mount = Ground::of(path, Reach::Unknown).mount;
        assert_eq!(mount.map(|mount| mount.kind).as_deref(), Some("proc"));
    }
}
