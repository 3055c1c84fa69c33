//! What a checkout held the last time, looked at again while git still lists what it holds now.

use super::cache::{Known, Stamp};
use super::folders::{Folders, split};
use rustix::fs::{AtFlags, statat};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is known from the last time.
#[derive(Default)]
pub(super) struct Before {
    /// In order.
    pub(super) known: Vec<Known>,
    /// Is it as it was? Of the first ones: those that were looked at while git worked.
    pub(super) same: Vec<bool>,
}

impl Before {
    /// Looks at what was there the last time until git has listed what is there now: nearly
    /// always the same, and git leaves a processor free.
    pub(super) fn look_ahead(root: &Path, known: Vec<Known>, listed: &AtomicBool) -> Self {
        let mut same = Vec::new();
        if let Ok(mut folders) = Folders::open(root) {
            let ahead = known.iter().take_while(|_| !listed.load(Ordering::Relaxed));
            same.extend(ahead.map(|known| {
                let (parent, name) = split(&known.entry.path);
                let found = folders
                    .existing(parent)
                    .and_then(|folder| Ok(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?));
                found.is_ok_and(|found| Stamp::of(&found) == known.stamp)
            }));
        }
        Self { known, same }
    }

    /// Is what was found the same, no more and no less?
    pub(super) fn is_all_of(&self, found: &[Found]) -> bool {
        found.len() == self.known.len() && found.iter().all(|it| matches!(it, Found::AsKnown(_)))
    }

    /// What was found, whole.
    pub(super) fn with(&self, found: Vec<Found>) -> Vec<Known> {
        let whole = found.into_iter().map(|found| match found {
            Found::AsKnown(at) => self.known[at].clone(),
            Found::New(new) => *new,
        });
        whole.collect()
    }

    /// The index of the first path that isn't before this one.
    pub(super) fn find(&self, path: &[u8]) -> usize {
        self.known.partition_point(|known| known.entry.path.as_slice() < path)
    }
}

/// What is at a name.
pub(super) enum Found {
    /// What was there the last time, with its index in that.
    AsKnown(usize),
    /// Something that had to be read.
    New(Box<Known>),
}
