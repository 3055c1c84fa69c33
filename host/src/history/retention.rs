//! Forgets old runs: by age, by count and by the room that they take, the oldest first.
//!
//! A run in progress is left alone; what it has is held by its writer. Every step is a transaction of its own: whoever records
//! a run meanwhile waits for one of them at most.

use super::error::HistoryError;
use super::id::RunId;
use super::store::Store;
use super::{begun, folder, runs};
use jiff::Timestamp;
use rusqlite::params_from_iter;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// How often it is done by itself.
const EVERY: Duration = Duration::from_hours(24);

/// How long a run may take for it at its end, in the rare case.
const BUDGET: Duration = Duration::from_millis(50);

/// So many are forgotten in one transaction.
const STEP: usize = 50;

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Which runs, the oldest first.
    pub runs: Vec<String>,
    /// The room that their files took, in bytes.
    pub bytes: u64,
    /// How many are left.
    pub left: u64,
}

/// A run that may be forgotten.
#[derive(Debug)]
struct Candidate {
    began: i64,
    id: String,
    is_recorded: bool,
    bytes: u64,
}

/// Forgets what is too old or too much. `dry`: only says what that would be.
pub fn prune(
    store: &Store,
    state: &Path,
    retention: &Retention,
    dry: bool,
) -> Result<Pruned, HistoryError> {
    let (doomed, left) = choose(store, state, retention, None)?;
    let bytes = doomed.iter().map(|run| run.bytes).sum();
    if !dry {
        begun::remove_hidden(state);
        forget(store, state, &doomed, None)?;
        settle(store, true)?;
    }
    Ok(Pruned { runs: doomed.into_iter().map(|run| run.id).collect(), bytes, left })
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
    // Age and number are known without a look at any file.
    let (mut doomed, _) = choose(store, state, retention, Some(Instant::now()))?;
    if doomed.len() < AFTER_A_RUN {
        (doomed, _) = choose(store, state, retention, Some(Instant::now() + BUDGET))?;
    }
    let is_all = doomed.len() <= AFTER_A_RUN;
    doomed.truncate(AFTER_A_RUN);
    let is_done = forget(store, state, &doomed, Some(Instant::now() + BUDGET))?;
    settle(store, is_all && is_done)
}

/// What is to go, the oldest first, and how many stay. What isn't measured by `end` counts as nothing, and as new.
fn choose(
    store: &Store,
    state: &Path,
    retention: &Retention,
    end: Option<Instant>,
) -> Result<(Vec<Candidate>, u64), HistoryError> {
    let now = Timestamp::now().as_millisecond();
    let mut folders = folders(state, now, end);
    let mut all = recorded(store)?;
    for run in &mut all {
        run.bytes = folders.remove(&run.id).map_or(0, |folder| folder.1);
    }
    // What has no record goes on, or was killed.
    let ids: BTreeSet<String> = all.iter().map(|run| run.id.clone()).collect();
    let unrecorded = folders.into_iter().filter(|(id, _)| !ids.contains(id));
    all.extend(unrecorded.map(|(id, (began, bytes))| Candidate {
        began,
        id,
        is_recorded: false,
        bytes,
    }));
    // The latest first.
    all.sort_by(|one, other| (other.began, &other.id).cmp(&(one.began, &one.id)));
    let oldest = now.saturating_sub(millis(retention.keep_for));
    let (mut count, mut bytes) = (0, 0);
    let mut doomed: Vec<Candidate> = Vec::new();
    let mut left = 0;
    for run in all {
        if run.is_recorded {
            count += 1;
            bytes += run.bytes;
        }
        let is_too_much = run.is_recorded && (count > retention.keep || bytes > retention.size);
        if run.began < oldest || is_too_much {
            doomed.push(run);
        } else {
            left += 1;
        }
    }
    doomed.retain(|run| run.is_recorded || !is_in_use(state, &run.id));
    doomed.reverse();
    Ok((doomed, left))
}

/// `false`: there is more to do.
fn forget(
    store: &Store,
    state: &Path,
    doomed: &[Candidate],
    end: Option<Instant>,
) -> Result<bool, HistoryError> {
    for some in doomed.chunks(STEP) {
        if end.is_some_and(|end| Instant::now() >= end) {
            return Ok(false);
        }
        // The record goes first: what is left of one without is found by its age.
        let marks = vec!["?"; some.len()].join(", ");
        let line = format!("DELETE FROM runs WHERE id IN ({marks})");
        let ids = some.iter().map(|run| run.id.as_str());
        store
            .database()
            .execute(&line, params_from_iter(ids))
            .map_err(|source| store.wrap(source))?;
        for run in some {
            let Ok(id) = run.id.parse::<RunId>() else { continue };
            let _ = fs::remove_file(begun(state).join(id.as_str()));
            let path = folder(state, &id);
            match fs::remove_dir_all(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(HistoryError::Io { path, source });
                }
                _ => {}
            }
        }
    }
    Ok(true)
}

/// Brings what was written into the database itself, without keeping anybody waiting.
fn settle(store: &Store, is_done: bool) -> Result<(), HistoryError> {
    let wrap = |source| store.wrap(source);
    if is_done {
        let now = Timestamp::now().as_millisecond();
        store.database().execute("UPDATE housekeeping SET done = ?1", [now]).map_err(wrap)?;
    }
    let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
    store.database().query_row(checkpoint, [], |_| Ok(())).map_err(wrap)
}

fn recorded(store: &Store) -> Result<Vec<Candidate>, HistoryError> {
    let collect = || {
        let mut statement = store.database().prepare("SELECT id, began FROM runs")?;
        let rows = statement.query_map([], |row| {
            Ok(Candidate { id: row.get(0)?, began: row.get(1)?, is_recorded: true, bytes: 0 })
        })?;
        rows.collect::<Result<Vec<_>, _>>()
    };
    collect().map_err(|source| store.wrap(source))
}

/// The folders of runs, with when each was last written to, and how much is in it.
fn folders(state: &Path, now: i64, end: Option<Instant>) -> BTreeMap<String, (i64, u64)> {
    let is_late = || end.is_some_and(|end| Instant::now() >= end);
    let entries = fs::read_dir(runs(state)).into_iter().flatten().flatten();
    // What somebody has put there is no run's.
    let entries = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let named = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.parse::<RunId>()
            .is_ok()
            .then(|| (name, if is_late() { (now, 0) } else { measure(&entry.path()) }))
    });
    let mut all: BTreeMap<_, _> = named.collect();
    // Of one that was killed early there is nothing else.
    for id in begun::ids(state) {
        let (last, bytes) = measure(&begun(state).join(id.as_str()));
        let folder = all.entry(id.to_string()).or_default();
        *folder = (folder.0.max(last), folder.1 + bytes);
    }
    all
}

fn measure(path: &Path) -> (i64, u64) {
    let Ok(found) = path.symlink_metadata() else { return (0, 0) };
    let since =
        found.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let mut last = since.map_or(0, millis);
    let mut bytes = if found.is_file() { found.len() } else { 0 };
    if found.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let (inner, more) = measure(&entry.path());
            last = last.max(inner);
            bytes += more;
        }
    }
    (last, bytes)
}

fn is_in_use(state: &Path, id: &str) -> bool {
    is_held(&runs(state).join(id)) || id.parse().is_ok_and(|id| begun::goes_on(state, &id))
}

/// Does somebody write to it?
fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|folder| folder.try_lock().is_err())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
