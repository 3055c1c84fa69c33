//! Places where a debug build can be told to end itself, as `kill -9` would at that very moment:
//! what is promised of a crash is promised of each of them, and tested at each (`tests/e2e/faults/`).
//!
//! `CRABBOX_FAULT` says where:
//!
//! | value | effect |
//! |---|---|
//! | `NAME` | the process that comes to this point ends there |
//! | `NAME:N` | the same, at the N-th time that one process comes to it |
//! | `NAME@FILE`, `NAME:N@FILE` | that process makes the file and goes on when it is gone |
//! | `!NAME` | the process panics there, as at a bug |
//! | `~NAME` | the system gives the bad answer there, one of [`ANSWERS`] |
//! | `>FILE` | nothing ends; each point that is passed becomes a line of the file |
//! | `<MS` | nothing ends; a box, or a command of a provider, is waited for no longer than so many milliseconds |
//! | `<<MS` | nothing ends; a hook of a provider has no longer than so many milliseconds |
//!
//! The provider's child gets the variable, too, beside what its manifest declares. In a release build
//! there is nothing of all this: [`point`] is empty, and the variable means nothing.

use std::ffi::OsString;
use std::fmt::Display;
use std::time::Duration;

/// The variable that orders them.
pub(crate) const VARIABLE: &str = "CRABBOX_FAULT";

/// Every point. Those in the provider's child begin with `child.`, all others are the host's.
pub const POINTS: &[&str] = &[
    // The lock of a lease.
    "holder.taken",
    // Each durable write of a claim: the first one, the one that drops it, and one for each event.
    "claim.before.insert",
    "claim.after.insert",
    "claim.before.forget",
    "claim.after.forget",
    "claim.before.checkpoint",
    "claim.after.checkpoint",
    "claim.before.leased",
    "claim.after.leased",
    "claim.before.lease_failed",
    "claim.after.lease_failed",
    "claim.before.nothing",
    "claim.after.nothing",
    "claim.before.start",
    "claim.after.start",
    "claim.before.not_started",
    "claim.after.not_started",
    "claim.before.take",
    "claim.after.take",
    "claim.before.note",
    "claim.after.note",
    "claim.before.free",
    "claim.after.free",
    "claim.before.unproven",
    "claim.after.unproven",
    "claim.before.unreached",
    "claim.after.unreached",
    "claim.before.extended",
    "claim.after.extended",
    "claim.before.release",
    "claim.after.release",
    "claim.before.parked",
    "claim.after.parked",
    "claim.before.deleted",
    "claim.after.deleted",
    "claim.before.let_go",
    "claim.after.let_go",
    "claim.before.gone",
    "claim.after.gone",
    // What a command has made, on its way here.
    "collect.before",
    "collect.block",
    // Each call of a provider, and a checkpoint that is stored and not yet acknowledged.
    "call.before.lease",
    "call.after.lease",
    "call.before.resolve",
    "call.after.resolve",
    "call.before.release",
    "call.after.release",
    "call.before.extend",
    "call.after.extend",
    "call.before.list",
    "call.after.list",
    "checkpoint.stored",
    // A damaged database is exchanged for what could be saved of it.
    "salvage.saved",
    "salvage.moved",
    // The session with the box.
    "session.opened",
    "session.proved",
    "session.synced",
    "session.started",
    "session.ended",
    // Each block of a copy, as it comes or goes.
    "copy.block",
    // The end of a run.
    "run.before.let_go",
    "run.after.let_go",
    // The record of a run.
    "history.before.insert",
    "history.after.insert",
    // What says of a run that it has ended, where that can't be done.
    "history.before.mark",
    "history.after.mark",
    // Within the provider's child.
    "child.before.lease",
    "child.after.lease",
    "child.before.resolve",
    "child.after.resolve",
    "child.before.release",
    "child.after.release",
    "child.before.extend",
    "child.after.extend",
    "child.before.list",
    "child.after.list",
    "child.before.checkpoint",
    "child.after.checkpoint",
];

/// Every answer of the system that can be a bad one.
pub const ANSWERS: &[&str] = &[
    // The state folder lies on a network.
    "locks.network",
    // The same, and nobody sees a lock there that another one holds.
    "locks.unseen",
];

/// Is the answer of this name, one of [`ANSWERS`], to be the bad one?
#[cfg(debug_assertions)]
pub(crate) fn is_bad(name: &str) -> bool {
    orders::given().is_some_and(|order| order.spoils(name))
}

/// The answer is what it is.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn is_bad(_: &str) -> bool {
    false
}

/// Comes to the point of this name, one of [`POINTS`].
#[cfg(debug_assertions)]
pub(crate) fn point(name: impl Display) {
    #[cfg(test)]
    in_tests::meet();
    if let Some(order) = orders::given() {
        order.meet(&name.to_string());
    }
}

/// Comes to the point of this name, and goes on.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn point(_: impl Display) {}

/// How long a box may say nothing, or a command of a provider may take, where that is `usual`.
#[cfg(debug_assertions)]
pub(crate) fn patience(usual: Duration) -> Duration {
    match orders::given() {
        Some(orders::Order::Hurry(longest)) => usual.min(*longest),
        _ => usual,
    }
}

/// How long a box may say nothing, or a command of a provider may take: as long as usual.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn patience(usual: Duration) -> Duration {
    usual
}

/// How long a hook of a provider has, where that is `usual`.
#[cfg(debug_assertions)]
pub(crate) fn hook_patience(usual: Duration) -> Duration {
    match orders::given() {
        Some(orders::Order::HurryHooks(longest)) => usual.min(*longest),
        _ => usual,
    }
}

/// How long a hook of a provider has: as long as usual.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn hook_patience(usual: Duration) -> Duration {
    usual
}

/// What a child must be told, beside what its provider declares.
pub(crate) fn environment() -> Option<(&'static str, OsString)> {
    let value = if cfg!(debug_assertions) { std::env::var_os(VARIABLE) } else { None };
    Some((VARIABLE, value?))
}

/// The same within one process, for tests of thousands of crashes: a thread unwinds, and nothing more is
/// written.
#[cfg(test)]
pub(crate) mod in_tests {
    use std::cell::Cell;
    use std::panic::resume_unwind;

    thread_local!(static LEFT: Cell<Option<usize>> = const { Cell::new(None) });

    /// What it unwinds with.
    pub(crate) struct Crash;

    /// This thread crashes when it has passed so many more points.
    pub(crate) fn crash_after(points: Option<usize>) {
        LEFT.set(points);
    }

    pub(super) fn meet() {
        match LEFT.get() {
            Some(0) => {
                LEFT.set(None);
                resume_unwind(Box::new(Crash));
            }
            left => LEFT.set(left.map(|left| left - 1)),
        }
    }
}

#[cfg(debug_assertions)]
mod orders {
    use super::VARIABLE;
    use rustix::process::{Signal, getpid, kill_process};
    use std::fs::File;
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    /// What to do at the points.
    pub(super) enum Order {
        /// End at the one of this name, at this time that it is met, or wait there.
        At { name: String, time: usize, met: AtomicUsize, wait: Option<PathBuf> },
        /// Panic at the one of this name.
        Panic(String),
        /// Get the bad one for the answer of this name.
        Spoil(String),
        /// Note all of them in this file.
        Note(PathBuf),
        /// Be impatient, and go on at all of them.
        Hurry(Duration),
        /// Be impatient with hooks alone.
        HurryHooks(Duration),
    }

    /// What this process was told when it started.
    pub(super) fn given() -> Option<&'static Order> {
        static ORDER: OnceLock<Option<Order>> = OnceLock::new();
        ORDER.get_or_init(|| Some(Order::of(&std::env::var(VARIABLE).ok()?))).as_ref()
    }

    fn hold(file: &Path) {
        // Once: it isn't made again by the next process that comes here.
        if File::create_new(file).is_ok() {
            while file.exists() {
                thread::sleep(Duration::from_millis(2));
            }
        }
    }

    impl Order {
        fn of(text: &str) -> Self {
            if let Some(file) = text.strip_prefix('>') {
                return Self::Note(file.into());
            }
            if let Some(Ok(longest)) = text.strip_prefix("<<").map(str::parse) {
                return Self::HurryHooks(Duration::from_millis(longest));
            }
            if let Some(Ok(longest)) = text.strip_prefix('<').map(str::parse) {
                return Self::Hurry(Duration::from_millis(longest));
            }
            if let Some(name) = text.strip_prefix('!') {
                return Self::Panic(name.to_owned());
            }
            if let Some(name) = text.strip_prefix('~') {
                return Self::Spoil(name.to_owned());
            }
            let (text, wait) = match text.split_once('@') {
                Some((text, file)) => (text, Some(file.into())),
                None => (text, None),
            };
            let counted =
                text.split_once(':').and_then(|(name, time)| Some((name, time.parse().ok()?)));
            let (name, time) = counted.unwrap_or((text, 1));
            Self::At { name: name.to_owned(), time, met: AtomicUsize::new(0), wait }
        }

        pub(super) fn spoils(&self, answer: &str) -> bool {
            matches!(self, Self::Spoil(name) if name == answer)
        }

        pub(super) fn meet(&self, point: &str) {
            match self {
                Self::Note(file) => {
                    let file = File::options().create(true).append(true).open(file);
                    let _ =
                        file.and_then(|mut file| file.write_all(format!("{point}\n").as_bytes()));
                }
                Self::At { name, time, met, wait } if name == point => {
                    if met.fetch_add(1, Ordering::Relaxed) + 1 == *time {
                        match wait {
                            Some(file) => hold(file),
                            None => drop(kill_process(getpid(), Signal::KILL)),
                        }
                    }
                }
                Self::Panic(name) if name == point => panic!("as asked, at {point}"),
                Self::At { .. }
                | Self::Panic(_)
                | Self::Hurry(_)
                | Self::HurryHooks(_)
                | Self::Spoil(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::POINTS;
    use crate::claims::Event;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_names_each_point_once_and_every_event() {
        let names: BTreeSet<&str> = POINTS.iter().copied().collect();
        assert_eq!(names.len(), POINTS.len());
        for event in Event::NAMES {
            for when in ["before", "after"] {
                assert!(names.contains(&*format!("claim.{when}.{event}")), "{event}");
            }
        }
    }
}
