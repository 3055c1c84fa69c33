//! What is different where files were chosen on the other side: a copy brings a tree as it is, a collection what of it
//! matches, into a place that holds other things.

use super::receiver::Receiver;
use crate::partial::Before;
use crate::target::Target;
use rustix::fs::Mode;

/// What of the source comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Everything,
    /// A folder that nothing came into goes again.
    Some,
    /// The same, and no link is among it: where it would lead is for whoever sends it to say.
    Files,
}

impl Choice {
    /// Does a folder go again that was made here, and that nothing came into?
    pub(super) fn drops_empty_folders(self) -> bool {
        self != Self::Everything
    }

    /// What a folder gets that was made here. A copy is as its source is; what is collected lies where more comes to, and
    /// has to be possible to remove.
    pub(super) fn folder_mode(self, mode: u32) -> Mode {
        let mode = Mode::from_raw_mode(mode & 0o777);
        if self == Self::Everything { mode } else { mode | Mode::RWXU }
    }

    /// May a link be among what comes?
    pub(super) fn takes_links(self) -> bool {
        self != Self::Files
    }
}

impl Receiver {
    /// The same for what was chosen there: a folder of which nothing came isn't made. A file that is here and is the
    /// same counts as brought.
    #[must_use]
    pub fn collecting(target: Target, before: Before) -> Self {
        let mut receiver = Self::sparing_git(target);
        (receiver.before, receiver.choice) = (before, Choice::Some);
        receiver
    }

    /// The same where links come as the files that they lead to.
    #[must_use]
    pub fn collecting_files(target: Target, before: Before) -> Self {
        let mut receiver = Self::collecting(target, before);
        receiver.choice = Choice::Files;
        receiver
    }
}
