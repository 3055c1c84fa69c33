//! How long what we do may take: what `cargo bench -p crabbox-tests` measures, for a release build on a machine that has
//! nothing else to do. Most of it is said against another program, such as a bare `ssh`, and can't be said of one run alone;
//! this is the rest.

use crate::history::{BoxHeld, Had, RunRecord};

/// How long something may take, and of what that is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// In milliseconds.
    pub ms: u64,
    /// Where it is from.
    pub source: &'static str,
}

/// All that may be said of one run: for a tree of at most so many entries, so long, and why.
const UNCHANGED: [(u64, Budget); 2] = [
    (20_000, Budget { ms: 100, source: "20,000 files that haven't changed" }),
    (100_000, Budget { ms: 400, source: "100,000 files that haven't changed" }),
];
const SMALL: u64 = 100;
const WARM: Budget = Budget { ms: 40, source: "a warm run of 100 files without a network" };
const ONE_CHANGED: Budget = Budget { ms: 30, source: "one file of 20,000 that has changed" };

/// For reading the checkout: where nothing has changed, nothing is read but names and times.
pub(super) fn of_scan(run: &RunRecord) -> Option<Budget> {
    let changed = run.sync.is_none_or(|sync| sync.written > 0);
    if changed { None } else { of_unchanged(run.way.entries?) }
}

/// For all but the command of a run that has no network between it and its box, and makes no detour.
pub(super) fn of_overhead(run: &RunRecord) -> Option<Budget> {
    let (way, sync) = (run.way, run.sync?);
    let is_warm = way.had == Some(Had::Ready) && way.held == Some(BoxHeld::AsBelieved);
    let is_straight = !way.asked_again && !way.helper_sent && way.waited_ms == 0;
    let brings = run.tests.is_some() || !run.artifacts.is_empty();
    if !is_warm || !is_straight || way.connected.is_some() || brings {
        return None;
    }
    let entries = way.entries?;
    let more = if entries > SMALL { of_unchanged(entries)? } else { Budget { ms: 0, ..WARM } };
    match sync.written + sync.removed {
        0 => Some(Budget { ms: WARM.ms + more.ms, source: more.source }),
        1 => Some(Budget { ms: WARM.ms + more.ms + ONE_CHANGED.ms, source: ONE_CHANGED.source }),
        _ => None,
    }
}

fn of_unchanged(entries: u64) -> Option<Budget> {
    let fits = |(most, _): &&(u64, Budget)| entries <= *most;
    UNCHANGED.iter().find(fits).map(|(_, budget)| *budget)
}
