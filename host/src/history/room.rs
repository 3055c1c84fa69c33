//! How much room the files of runs take. What was once measured of a recorded run is remembered: so a history of any length
//! is measured in the end, by one run after the other, none of which waits for it.

use super::budget::Budget;
use super::error::HistoryError;
use super::retention::{Candidate, millis};
use super::store::Store;
use super::{begun, runs};
use std::fs::{self, Metadata};
use std::path::Path;
use std::time::SystemTime;

/// What there is of one.
#[derive(Debug, Default)]
struct Room {
    /// When it was last written to, in milliseconds since 1970.
    last: i64,
    bytes: u64,
}

impl Room {
    fn see(&mut self, found: &Metadata) {
        let written = found.modified().ok();
        let since = written.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        self.last = self.last.max(since.map_or(0, millis));
        if found.is_file() {
            self.bytes += found.len();
        }
    }
}

/// Measures those that aren't measured, as far as the budget goes. Returns which of the recorded ones
/// it did.
pub(super) fn measure(state: &Path, all: &mut [Candidate], budget: &mut Budget) -> Vec<usize> {
    let mut found = Vec::new();
    // What doesn't fit into a whole budget counts with what was seen of it: else it would keep the others waiting for ever.
    let mut is_whole = true;
    let is_new = |run: &Candidate| run.bytes.is_none();
    for (at, run) in all.iter_mut().enumerate().filter(|(_, run)| run.is_recorded && is_new(run)) {
        let Some(room) = of_run(state, &run.id, budget, is_whole) else { return found };
        run.bytes = Some(room.bytes);
        found.push(at);
        is_whole = false;
    }
    for run in all.iter_mut().filter(|run| !run.is_recorded && is_new(run)) {
        let Some(room) = of_run(state, &run.id, budget, is_whole) else { break };
        (run.bytes, run.began) = (Some(room.bytes), room.last);
        is_whole = false;
    }
    found
}

/// When one was last written to, by the least look at it.
pub(super) fn last_written(state: &Path, id: &str) -> i64 {
    let mut room = Room::default();
    for path in [runs(state).join(id), begun(state).join(id)] {
        if let Ok(found) = path.symlink_metadata() {
            room.see(&found);
        }
    }
    room.last
}

/// Remembers what was measured of these.
pub(super) fn remember(
    store: &Store,
    all: &[Candidate],
    measured: &[usize],
) -> Result<(), HistoryError> {
    let write = || {
        let transaction = store.database().unchecked_transaction()?;
        let line = "INSERT OR REPLACE INTO sizes (id, bytes) VALUES (?1, ?2)";
        let mut statement = transaction.prepare(line)?;
        for run in measured.iter().filter_map(|at| all.get(*at)) {
            let bytes = run.bytes.map_or(0, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
            statement.execute((&run.id, bytes))?;
        }
        drop(statement);
        transaction.commit()
    };
    if measured.is_empty() { Ok(()) } else { write().map_err(|source| store.wrap(source)) }
}

/// `None`: the budget doesn't reach so far. `in_part`: as far as it does will do.
fn of_run(state: &Path, id: &str, budget: &mut Budget, in_part: bool) -> Option<Room> {
    let mut room = Room::default();
    let mut is_all = add(&runs(state).join(id), &mut room, budget);
    // Of one that was killed early there is nothing else.
    is_all &= add(&begun(state).join(id), &mut room, budget);
    (is_all || in_part).then_some(room)
}

/// `false`: the budget is spent.
fn add(path: &Path, room: &mut Room, budget: &mut Budget) -> bool {
    if !budget.take() {
        return false;
    }
    let Ok(found) = path.symlink_metadata() else { return true };
    room.see(&found);
    let is_folder = found.is_dir();
    let entries = is_folder.then(|| fs::read_dir(path)).into_iter().flatten().flatten().flatten();
    for entry in entries {
        if !add(&entry.path(), room, budget) {
            return false;
        }
    }
    true
}
