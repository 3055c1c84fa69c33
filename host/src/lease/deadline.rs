//! Until when a box may stay.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// So long from now. `None`: longer than time is reckoned.
pub(super) fn after(time: Duration) -> Option<Timestamp> {
    Timestamp::now().checked_add(SignedDuration::try_from(time).ok()?).ok()
}

/// As a provider is told: milliseconds since 1970. `None`: before that.
pub(super) fn to_wire(end: Timestamp) -> Option<u64> {
    end.as_millisecond().try_into().ok()
}

/// The reverse. `None`: that is no time, or one that is over.
pub(super) fn of_wire(end: u64) -> Option<Timestamp> {
    let end = Timestamp::from_millisecond(end.try_into().ok()?).ok()?;
    (end > Timestamp::now()).then_some(end)
}

/// Has it passed? What has no end hasn't.
pub(super) fn is_over(end: Option<Timestamp>) -> bool {
    end.is_some_and(|end| end <= Timestamp::now())
}
