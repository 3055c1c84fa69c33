//! What a session meets on the way to its command that another one might not: for the record, and only in memory.

use crate::history::BoxHeld;
use crabbox_wire::message::Base;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// What a session met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// The helper wasn't there, and was sent.
    pub helper_sent: bool,
    /// What the box held.
    pub held: BoxHeld,
    /// How long somebody else was waited for.
    pub waited: Duration,
}

/// The same while the session goes on.
#[derive(Debug, Default)]
pub(super) struct Meeting {
    helper_sent: bool,
    held: Cell<Option<BoxHeld>>,
    since: Cell<Option<Instant>>,
    waited: Cell<Duration>,
}

impl Meeting {
    pub(super) fn begin(helper_sent: bool) -> Self {
        Self { helper_sent, ..Self::default() }
    }

    pub(super) fn waits(&self) {
        let since = self.since.get().unwrap_or_else(Instant::now);
        self.since.set(Some(since));
    }

    /// Is somebody waited for right now?
    pub(super) fn waits_now(&self) -> bool {
        self.since.get().is_some()
    }

    /// Nobody is waited for any more.
    pub(super) fn goes_on(&self) {
        if let Some(since) = self.since.take() {
            self.waited.set(self.waited.get() + since.elapsed());
        }
    }

    /// The box is free, and says that it doesn't hold what is wanted.
    pub(super) fn holds(&self, base: &Base) {
        self.goes_on();
        self.held.set(Some(match (base.root, base.manifest) {
            (None, _) => BoxHeld::Nothing,
            (Some(_), true) => BoxHeld::Another,
            (Some(_), false) => BoxHeld::AsBelieved,
        }));
    }

    pub(super) fn all(&self) -> Met {
        let (helper_sent, waited) = (self.helper_sent, self.waited.get());
        // Who holds what is wanted has nothing to say.
        Met { helper_sent, held: self.held.get().unwrap_or(BoxHeld::AsBelieved), waited }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_wire::tree::Hash;

    #[test]
    fn what_a_box_holds_is_what_it_said_last() {
        let said = |bases: &[(Option<Hash>, bool)]| {
            let meeting = Meeting::default();
            for &(root, manifest) in bases {
                meeting.holds(&Base { root, manifest });
            }
            meeting.all().held
        };
        let tree = Some(Hash::of(b"tree"));
        assert_eq!(said(&[]), BoxHeld::AsBelieved);
        assert_eq!(said(&[(tree, false)]), BoxHeld::AsBelieved);
        assert_eq!(said(&[(tree, true)]), BoxHeld::Another);
        assert_eq!(said(&[(None, false)]), BoxHeld::Nothing);
        assert_eq!(said(&[(None, true)]), BoxHeld::Nothing);
    }

    #[test]
    fn whoever_waits_for_several_waits_once() {
        let meeting = Meeting::default();
        meeting.goes_on();
        assert_eq!(meeting.all().waited, Duration::ZERO);
        meeting.waits();
        let since = meeting.since.get();
        meeting.waits();
        assert_eq!(meeting.since.get(), since);
        meeting.goes_on();
        assert_ne!(meeting.all().waited, Duration::ZERO);
    }
}
