//! A moment on two clocks: the one on the wall, which people read and which may be set, and the one that
//! counts since the machine was started, also while it sleeps. Within one boot the second decides: a clock
//! that jumps a day makes nothing older. It stands still while a virtual machine does, so where being too
//! early does harm, both are asked.

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Deserializer, Serialize};
use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

/// A moment, past or future.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// By the clock on the wall.
    pub wall: Timestamp,
    /// By the other one, where that is known.
    since_boot: Option<SinceBoot>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SinceBoot {
    /// Which boot of which machine: the kernel's boot id.
    boot: String,
    /// Milliseconds since then.
    ms: i64,
}

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        let (wall, ms) = clocks();
        let since_boot = boot().map(|boot| SinceBoot { boot: boot.to_owned(), ms });
        Self { wall, since_boot }
    }

    /// So long from now. There is always such a moment, lest anything be without an end: what a user may ask for is far
    /// shorter than time is reckoned for, and what goes beyond that ends with it.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self::now().plus(time)
    }

    /// So long after this one, in the same way.
    #[must_use]
    pub fn plus(&self, time: Duration) -> Self {
        self.moved(SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX))
    }

    /// When the clock on the wall says so, if nobody sets it until then.
    #[must_use]
    pub fn at(wall: Timestamp) -> Self {
        let now = Self::now();
        let time = wall.duration_since(now.wall);
        Self { wall, ..now.moved(time) }
    }

    fn moved(&self, time: SignedDuration) -> Self {
        let end = if time.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
        let wall = self.wall.checked_add(time).unwrap_or(end);
        let time = wall.duration_since(self.wall).as_millis();
        let time = i64::try_from(time).unwrap_or(i64::MAX);
        let since_boot = self.since_boot.as_ref().map(|SinceBoot { boot, ms }| SinceBoot {
            boot: boot.clone(),
            ms: ms.saturating_add(time),
        });
        Self { wall, since_boot }
    }

    /// How long it is from this one to that; negative if that came before.
    #[must_use]
    pub fn until(&self, that: &Self) -> SignedDuration {
        self.until_either(that.wall, that.since_boot())
    }

    /// The same of one whose parts are kept apart.
    pub(super) fn until_either(
        &self,
        wall: Timestamp,
        since_boot: Option<(&str, i64)>,
    ) -> SignedDuration {
        match (&self.since_boot, since_boot) {
            (Some(this), Some((boot, ms))) if this.boot == boot => {
                SignedDuration::from_millis(ms.saturating_sub(this.ms))
            }
            _ => wall.duration_since(self.wall),
        }
    }

    /// By the clock that nobody sets, where that is known: which boot, and milliseconds since then.
    pub(super) fn since_boot(&self) -> Option<(&str, i64)> {
        self.since_boot.as_ref().map(|SinceBoot { boot, ms }| (boot.as_str(), *ms))
    }

    /// How long it is from now until then; `None` if it is over.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        Duration::try_from(Self::now().until(self)).ok().filter(|left| !left.is_zero())
    }

    /// Has it passed?
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.left().is_none()
    }

    /// Has it passed, by every clock that can be right? One by which it is further away than `longest`, the
    /// time that it was reckoned with, was set meanwhile.
    #[must_use]
    pub fn is_surely_over(&self, longest: Duration) -> bool {
        let longest = SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX);
        let now = Self::now();
        [now.until(self), self.wall.duration_since(now.wall)]
            .into_iter()
            .all(|left| !left.is_positive() || left > longest)
    }

    /// May it have passed, by any clock?
    #[must_use]
    pub fn may_be_over(&self) -> bool {
        self.is_over() || self.wall <= Self::now().wall
    }

    /// The later one.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        if self.until(&other).is_positive() { other } else { self }
    }

    /// The earlier one.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        if self.until(&other).is_negative() { other } else { self }
    }
}

/// Reads one that an earlier crabbox may have written as the clock on the wall alone.
pub(super) fn of_any_version<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Moment>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Both(Moment),
        Wall(Timestamp),
    }
    Ok(Option::<Written>::deserialize(from)?.map(|written| match written {
        Written::Both(moment) => moment,
        Written::Wall(wall) => wall.into(),
    }))
}

/// An old record has only the clock on the wall.
impl From<Timestamp> for Moment {
    fn from(wall: Timestamp) -> Self {
        Self { wall, since_boot: None }
    }
}

/// This boot of this machine.
fn boot() -> Option<&'static str> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let boot = Some(boot.trim()).filter(|boot| !boot.is_empty())?;
        // A container may count from another moment on.
        let offsets = fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default();
        let own = offsets.lines().find_map(|line| line.strip_prefix("boottime"));
        let own = own.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        Some(if own.is_empty() || own == "0 0" { boot.to_owned() } else { format!("{boot} {own}") })
    };
    BOOT.get_or_init(read).as_deref()
}

/// What both clocks say.
fn clocks() -> (Timestamp, i64) {
    let booted = clock_gettime(ClockId::Boottime);
    let ms = booted.tv_sec.saturating_mul(1000).saturating_add(booted.tv_nsec / 1_000_000);
    #[cfg(test)]
    let (wall, ms) = skew::apply(Timestamp::now(), ms);
    #[cfg(not(test))]
    let wall = Timestamp::now();
    (wall, ms)
}

/// Clocks that a test sets.
#[cfg(test)]
pub(crate) mod skew {
    use super::{SignedDuration, Timestamp};
    use std::cell::Cell;

    thread_local! {
        static WALL: Cell<SignedDuration> = const { Cell::new(SignedDuration::ZERO) };
        static BOTH: Cell<SignedDuration> = const { Cell::new(SignedDuration::ZERO) };
    }

    /// As it is.
    pub(crate) fn reset() {
        WALL.set(SignedDuration::ZERO);
        BOTH.set(SignedDuration::ZERO);
    }

    /// Somebody sets the clock on the wall.
    pub(crate) fn set_wall(by: SignedDuration) {
        WALL.set(WALL.get() + by);
    }

    /// Time passes.
    pub(crate) fn pass(by: SignedDuration) {
        BOTH.set(BOTH.get() + by);
    }

    pub(super) fn apply(wall: Timestamp, ms: i64) -> (Timestamp, i64) {
        let passed = i64::try_from(BOTH.get().as_millis()).expect("a test's time is short");
        (wall + WALL.get() + BOTH.get(), ms + passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn hours(count: i64) -> SignedDuration {
        SignedDuration::from_hours(count)
    }

    #[test]
    fn a_clock_that_jumps_makes_nothing_older() {
        skew::reset();
        let moment = Moment::after(HOUR);
        skew::set_wall(hours(24));
        assert!(!moment.is_over());
        skew::set_wall(hours(-72));
        skew::pass(hours(2));
        assert!(moment.is_over());
        skew::reset();
    }

    #[test]
    fn where_being_too_early_does_harm_both_clocks_are_asked() {
        skew::reset();
        let moment = Moment::after(HOUR);
        skew::set_wall(hours(24));
        assert!(moment.may_be_over() && !moment.is_surely_over(HOUR));
        skew::set_wall(hours(-24));
        skew::pass(hours(2));
        assert!(moment.may_be_over() && moment.is_surely_over(HOUR));
        skew::set_wall(SignedDuration::from_mins(-90));
        assert!(moment.may_be_over() && !moment.is_surely_over(HOUR));
        skew::set_wall(hours(-24));
        assert!(moment.is_surely_over(HOUR), "that clock was set");
        skew::reset();
    }

    #[test]
    fn after_a_new_start_the_clock_on_the_wall_is_all_there_is() {
        skew::reset();
        let mut moment = Moment::after(HOUR);
        moment.since_boot.as_mut().expect("a boot").boot = "another".to_owned();
        assert!(!moment.is_over());
        skew::set_wall(hours(2));
        assert!(moment.is_over());
        skew::reset();
    }

    #[test]
    fn there_is_an_end_of_time() {
        let year = HOUR * 24 * 365;
        let end = Moment::after(year * 9000);
        assert_eq!(end.wall, Timestamp::MAX);
        let last = end.since_boot.expect("a boot").ms;
        for beyond in [year * 10_000, Duration::MAX] {
            let beyond = Moment::after(beyond);
            assert_eq!(beyond.wall, Timestamp::MAX);
            assert!(beyond.left().is_some_and(|left| left > year * 7000));
            assert!(beyond.since_boot.expect("a boot").ms.abs_diff(last) < 60_000);
        }
        // What a user may ask for is as long as it is.
        let left = Moment::after(year * 1000).left().expect("it isn't over");
        assert!(left > year * 999, "{left:?}");
        let at = Moment::at(Timestamp::MIN);
        assert!(at.is_over() && at.wall == Timestamp::MIN);
    }

    #[test]
    fn the_later_of_two_is_later_on_both_clocks() {
        let (one, two) = (Moment::after(HOUR), Moment::after(HOUR * 2));
        assert_eq!(one.clone().later(two.clone()), two);
        assert_eq!(two.clone().earlier(one.clone()), one);
        let text = serde_json::to_string(&two).expect("JSON");
        assert_eq!(serde_json::from_str::<Moment>(&text).expect("reads"), two);
    }
}
