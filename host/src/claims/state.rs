//! The life of a lease: every state, every event, and nothing that changes a
//! state elsewhere.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a lease stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The provider is asked for a resource; one may exist.
    Leasing,
    /// The box is there and free. A claim without an endpoint is one that nobody vouches
    /// for now: the provider is asked before it is used.
    Ready,
    /// A command uses the box.
    Busy,
    /// The provider is asked to park or delete the resource.
    Releasing,
    /// Stopped, still ours, reusable.
    Parked,
    /// Deleted by us. The end.
    Released,
    /// The provider says that it is gone. The end.
    Lost,
    /// Leasing failed; the claim says what may be left.
    Failed,
}

/// What happens to a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The provider named the resource that it makes: more is known, nothing changes.
    Checkpoint,
    /// The provider has made the resource, and this command goes on to use it.
    Leased,
    /// Leasing failed; what is left of it, if anything, is never used.
    LeaseFailed,
    /// No resource was ever named, so that none can exist.
    Nothing,
    /// A command takes the box.
    Take,
    /// It learned something about the box it holds.
    Note,
    /// It lets go of the box and leaves it ready.
    Free,
    /// Nobody vouches for the box: the provider can't be asked, can't see it, or says that it isn't
    /// ours. Nobody uses it, and nothing was proven.
    Unproven,
    /// The resource is to be parked or deleted.
    Release,
    /// It is parked.
    Parked,
    /// It is deleted.
    Deleted,
    /// The provider proved that it is gone.
    Gone,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Checkpoint,
        Self::Leased,
        Self::LeaseFailed,
        Self::Nothing,
        Self::Take,
        Self::Note,
        Self::Free,
        Self::Unproven,
        Self::Release,
        Self::Parked,
        Self::Deleted,
        Self::Gone,
    ];

    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Leased => "leased",
            Self::LeaseFailed => "lease_failed",
            Self::Nothing => "nothing",
            Self::Take => "take",
            Self::Note => "note",
            Self::Free => "free",
            Self::Unproven => "unproven",
            Self::Release => "release",
            Self::Parked => "parked",
            Self::Deleted => "deleted",
            Self::Gone => "gone",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl State {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Leasing,
        Self::Ready,
        Self::Busy,
        Self::Releasing,
        Self::Parked,
        Self::Released,
        Self::Lost,
        Self::Failed,
    ];

    /// The state after `event`, or `None` where the event can't happen. `Take` also
    /// applies to states that a killed command left behind: whoever holds the
    /// claim's lock asks the provider first.
    #[must_use]
    pub fn after(self, event: Event) -> Option<Self> {
        use Event as E;
        use State::{Busy, Failed, Leasing, Lost, Parked, Ready, Released, Releasing};
        match (self, event) {
            (Leasing, E::Checkpoint) => Some(Leasing),
            // From `releasing`, too: a roll-back releases what was made, and still failed.
            (Leasing | Releasing, E::LeaseFailed) => Some(Failed),
            (Leasing, E::Leased)
            | (Ready | Parked | Releasing | Busy, E::Take)
            | (Busy, E::Note) => Some(Busy),
            (Busy, E::Free | E::Unproven) => Some(Ready),
            (Ready | Parked | Releasing, E::Unproven) => Some(self),
            (Leasing | Ready | Busy | Parked | Releasing | Failed, E::Release) => Some(Releasing),
            (Releasing, E::Parked) => Some(Parked),
            (Releasing, E::Deleted) | (Leasing | Failed, E::Nothing) => Some(Released),
            (Leasing | Ready | Busy | Parked | Releasing | Failed, E::Gone) => Some(Lost),
            _ => None,
        }
    }

    /// Nothing more can happen to it, and its slug is free again.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Released | Self::Lost)
    }

    /// As it stands in the database and in `--json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leasing => "leasing",
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::Releasing => "releasing",
            Self::Parked => "parked",
            Self::Released => "released",
            Self::Lost => "lost",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_happens_after_the_end() {
        for state in [State::Released, State::Lost] {
            let events = [
                Event::Take,
                Event::Release,
                Event::Gone,
                Event::Leased,
                Event::Free,
                Event::Nothing,
                Event::Unproven,
            ];
            for event in events {
                assert_eq!(state.after(event), None, "{state} {event:?}");
            }
        }
    }

    #[test]
    fn a_failed_lease_is_never_used_again() {
        assert_eq!(State::Failed.after(Event::Take), None);
        assert_eq!(State::Failed.after(Event::Leased), None);
    }

    #[test]
    fn a_box_that_nobody_vouches_for_is_not_in_use() {
        assert_eq!(State::Busy.after(Event::Unproven), Some(State::Ready));
        assert_eq!(State::Parked.after(Event::Unproven), Some(State::Parked));
    }

    #[test]
    fn nothing_is_deleted_without_a_durable_intent() {
        for state in [State::Leasing, State::Ready, State::Busy, State::Parked] {
            assert_eq!(state.after(Event::Deleted), None, "{state}");
        }
    }
}
