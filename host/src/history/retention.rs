//! Forgets old runs: by age, by count and by the room that they take, the oldest first.
//!
//! A run in progress is left alone; what it has is held by its writer. Every step is a transaction of its own: whoever records
//! a run meanwhile waits for one of them at most. After a run only so much is done as takes a moment, and the next one goes on
//! with it.

use super::budget::Budget;
use super::error::HistoryError;
use super::id::RunId;
use super::removal::{Removed, Stuck, put_aside, remove_aside};
use super::room::{last_written, measure, remember};
use super::store::Store;
use super::{begun, runs};
use crate::sqlite;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

/// How often it is done by itself.
const EVERY: Duration = Duration::from_hours(24);

/// How long a run may take at its end, in the rare case, to look what there is, and as long again to remove what is to go.
const MOMENT: Duration = Duration::from_millis(25);

/// So many entries of folders are looked at after one run, and so many removed.
const LOOKED_AT: u64 = 5000;
const REMOVED: u64 = 2000;

/// So many are forgotten after one run: what is more goes after the next ones.
const AFTER_A_RUN: usize = 20;

/// How long runs are kept, how many, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// None that is older.
    pub keep_for: Duration,
    /// No more than so many.
    pub keep: u64,
    /// No more than so many bytes together, the database aside.
    pub size: u64,
}

/// What was forgotten, or would be.
#[derive(Debug, Default)]
pub struct Pruned {
    /// Which runs, the oldest first.
    pub runs: Vec<String>,
    /// The room that their files took, in bytes.
    pub bytes: u64,
    /// How many are left.
    pub left: u64,
    /// Files of forgotten runs that can't be removed.
    pub stuck: Vec<Stuck>,
}

/// A run that may be forgotten.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// When it began; of one that has no record, when it was last written to.
    pub(super) began: i64,
    pub(super) id: String,
    /// Else it was killed.
    pub(super) is_recorded: bool,
    /// `None`: it isn't measured.
    pub(super) bytes: Option<u64>,
}

/// Forgets what is too old or too much. `dry`: only says what that would be.
pub fn prune(
    store: &Store,
    state: &Path,
    retention: &Retention,
    dry: bool,
) -> Result<Pruned, HistoryError> {
    let mut all = candidates(store, state)?;
    // As it is now, whatever is remembered of it.
    for run in &mut all {
        run.bytes = None;
    }
    let measured = measure(state, &mut all, &mut Budget::endless());
    if !dry {
        remember(store, &all, &measured)?;
    }
    let Chosen { doomed, left } = choose(state, all, retention);
    let bytes = doomed.iter().filter_map(|run| run.bytes).sum();
    let mut stuck = Vec::new();
    if !dry {
        begun::remove_hidden(state);
        stuck = forget(store, state, &doomed, Budget::endless)?.stuck;
        settle(store, true)?;
    }
    Ok(Pruned { runs: doomed.into_iter().map(|run| run.id).collect(), bytes, left, stuck })
}

/// The same once a day, within a moment. What isn't done by then is done after the next run.
pub(super) fn prune_if_due(
    store: &Store,
    state: &Path,
    retention: &Retention,
) -> Result<(), HistoryError> {
    let done: i64 = store
        .database()
        .query_row("SELECT max(done) FROM housekeeping", [], |row| row.get(0))
        .map_err(|source| store.wrap(source))?;
    let since = Timestamp::now().as_millisecond().saturating_sub(done);
    // A clock that was set back isn't waited for.
    if (0..millis(EVERY)).contains(&since) {
        return Ok(());
    }
    begun::remove_hidden(state);
    let (looked_at, removed) = (|| Budget::new(LOOKED_AT, MOMENT), || Budget::new(REMOVED, MOMENT));
    prune_some(store, state, retention, looked_at, removed)
}

/// Looks as far as one budget goes, and removes as far as the other does, each from when it is asked for. The last run stays,
/// whatever it takes: it was just said how it is looked at.
fn prune_some(
    store: &Store,
    state: &Path,
    retention: &Retention,
    looking: impl FnOnce() -> Budget,
    removing: impl Fn() -> Budget,
) -> Result<(), HistoryError> {
    // Age and number are known without a look at any file.
    let mut all = candidates(store, state)?;
    let latest = all.first().filter(|run| run.is_recorded).map(|run| run.id.clone());
    let mut chosen = choose(state, all.clone(), retention);
    let (mut is_measured, mut news) = (false, 0);
    if chosen.doomed.len() < AFTER_A_RUN {
        let measured = measure(state, &mut all, &mut looking());
        remember(store, &all, &measured)?;
        is_measured = all.iter().all(|run| run.bytes.is_some());
        news = measured.len();
        chosen = choose(state, all, retention);
    }
    chosen.doomed.retain(|run| Some(&run.id) != latest.as_ref());
    let is_all = is_measured && chosen.doomed.len() <= AFTER_A_RUN;
    chosen.doomed.truncate(AFTER_A_RUN);
    let forgotten = forget(store, state, &chosen.doomed, removing)?;
    // Where no run gets any further, none of them tries again today.
    let is_stuck = news == 0 && forgotten.entries == 0 && forgotten.runs == 0;
    settle(store, is_stuck || is_all && !forgotten.is_cut)
}

/// What is to go, the oldest first, and how many stay.
struct Chosen {
    doomed: Vec<Candidate>,
    left: u64,
}

/// What isn't measured counts as nothing, and as new if there is no record of it.
fn choose(state: &Path, mut all: Vec<Candidate>, retention: &Retention) -> Chosen {
    let now = Timestamp::now().as_millisecond();
    // The latest first.
    all.sort_by(|one, other| (other.began, &other.id).cmp(&(one.began, &one.id)));
    let oldest = now.saturating_sub(millis(retention.keep_for));
    let (mut count, mut bytes) = (0, 0);
    let (mut doomed, mut left) = (Vec::new(), 0);
    for run in all {
        if !run.is_recorded && (run.bytes.is_none() || is_in_use(state, &run, now)) {
            left += 1;
            continue;
        }
        count += u64::from(run.is_recorded);
        bytes += run.bytes.unwrap_or(0);
        let is_one_too_many = run.is_recorded && count > retention.keep;
        if run.began < oldest || is_one_too_many || bytes > retention.size {
            doomed.push(run);
        } else {
            left += 1;
        }
    }
    doomed.reverse();
    Chosen { doomed, left }
}

/// What came of it.
struct Forgotten {
    runs: usize,
    /// So many entries of folders are gone.
    entries: u64,
    /// There is more to do.
    is_cut: bool,
    stuck: Vec<Stuck>,
}

fn forget(
    store: &Store,
    state: &Path,
    doomed: &[Candidate],
    budget: impl Fn() -> Budget,
) -> Result<Forgotten, HistoryError> {
    let mut records = budget();
    let mut stuck = Vec::new();
    let mut runs = 0;
    for run in doomed {
        if !records.take() {
            break;
        }
        // The record goes first: what is left of one without is found by its age.
        delete(store, &run.id).map_err(|source| store.wrap(source))?;
        runs += 1;
        let Ok(id) = run.id.parse::<RunId>() else { continue };
        let _ = fs::remove_file(begun(state).join(id.as_str()));
        stuck.extend(put_aside(state, &id).err());
    }
    let Removed { entries, is_cut, stuck: more } = remove_aside(state, &mut budget());
    stuck.extend(more);
    Ok(Forgotten { runs, entries, is_cut: is_cut || runs < doomed.len(), stuck })
}

fn delete(store: &Store, id: &str) -> rusqlite::Result<()> {
    let transaction = store.database().unchecked_transaction()?;
    transaction.execute("DELETE FROM runs WHERE id = ?1", [id])?;
    transaction.execute("DELETE FROM sizes WHERE id = ?1", [id])?;
    transaction.commit()
}

/// Brings what was written into the database itself, without keeping anybody waiting.
fn settle(store: &Store, is_done: bool) -> Result<(), HistoryError> {
    let wrap = |source| store.wrap(source);
    if is_done {
        let now = Timestamp::now().as_millisecond();
        store.database().execute("UPDATE housekeeping SET done = ?1", [now]).map_err(wrap)?;
    }
    sqlite::settle(store.database()).map_err(wrap)
}

/// All that there is of runs, with what is remembered of their sizes: the recorded ones, the latest first, and those without a
/// record, the oldest first.
fn candidates(store: &Store, state: &Path) -> Result<Vec<Candidate>, HistoryError> {
    // Before the records: what is recorded meanwhile has one.
    let mut others = folders(state);
    others.extend(begun::ids(state).into_iter().map(String::from));
    let mut all = recorded(store)?;
    for run in &all {
        others.remove(&run.id);
    }
    // What has no record goes on, or was killed.
    let of = |id: String| {
        let began = last_written(state, &id);
        Candidate { began, id, is_recorded: false, bytes: None }
    };
    let mut others: Vec<_> = others.into_iter().map(of).collect();
    // Those that may be to go are measured first.
    others.sort_by_key(|run| run.began);
    all.extend(others);
    Ok(all)
}

fn recorded(store: &Store) -> Result<Vec<Candidate>, HistoryError> {
    let collect = || {
        let query =
            "SELECT id, began, bytes FROM runs LEFT JOIN sizes USING (id) ORDER BY began DESC";
        let mut statement = store.database().prepare(query)?;
        let rows = statement.query_map([], |row| {
            let bytes = row.get::<_, Option<i64>>(2)?.and_then(|bytes| bytes.try_into().ok());
            Ok(Candidate { id: row.get(0)?, began: row.get(1)?, is_recorded: true, bytes })
        })?;
        rows.collect::<Result<Vec<_>, _>>()
    };
    collect().map_err(|source| store.wrap(source))
}

/// The names of the folders of runs.
fn folders(state: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(runs(state)).into_iter().flatten().flatten();
    // What somebody has put there is no run's.
    let entries = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.parse::<RunId>().is_ok()).collect()
}

/// Does somebody write to it?
fn is_in_use(state: &Path, run: &Candidate, now: i64) -> bool {
    let folder = File::open(runs(state).join(&run.id));
    folder.is_ok_and(|folder| is_held(&folder.try_lock(), run, now))
        || run.id.parse().is_ok_and(|id| begun::goes_on(state, &id))
}

/// Where there are no locks, what was lately written to is taken for that.
fn is_held(attempt: &Result<(), TryLockError>, run: &Candidate, now: i64) -> bool {
    begun::says_held(attempt, || run.began > now.saturating_sub(millis(begun::YOUNG)))
}

pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
