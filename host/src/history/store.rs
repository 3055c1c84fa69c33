//! Writes records: `history.db` in the state folder, SQLite in WAL mode with `synchronous=NORMAL`, which loses the last
//! records at a power cut and nothing else.
//!
//! Whoever has it open shares a lock on `history.lock`. One that is damaged is put aside under that lock alone, and a new one
//! is begun: what was run is worth no run.

use super::error::HistoryError;
use super::record::RunRecord;
use super::schema::{SCHEMA, migrate};
use crate::claims::is_on_network;
use crate::fault;
use crate::places::{FolderError, private_folder};
use crate::sqlite::{self, Untrusted, lock_file, wait_for};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another command may hold the database: a run waits for nobody for long.
const BUSY: Duration = Duration::from_secs(1);

/// So long may the log of the database get, in pages of 4 KiB, between two days: some thousand runs.
const LOG: u32 = 4096;

/// The file of the database.
pub(super) const DATABASE: &str = "history.db";

/// Whoever has the database open shares it.
const LOCK: &str = "history.lock";

/// The history, to be written to.
#[derive(Debug)]
pub struct Store {
    database: Connection,
    path: PathBuf,
    /// Nobody puts it aside meanwhile. Let go of after the connection.
    _shared: File,
}

impl Store {
    /// Opens, and at first use creates, it in `state`. With the folder that a damaged one was put into.
    pub fn open(state: &Path) -> Result<(Self, Option<PathBuf>), HistoryError> {
        match Self::open_undamaged(state) {
            Err(HistoryError::Damaged { .. }) => Self::begin_anew(state),
            opened => Ok((opened?, None)),
        }
    }

    /// Adds a record; opens, and begins anew where it is damaged. With the folder that the damaged one was put into.
    pub fn record(
        state: &Path,
        record: &RunRecord,
    ) -> Result<(Self, Option<PathBuf>), HistoryError> {
        let (store, aside) = Self::open(state)?;
        match store.insert(record) {
            // Not every page is read when it is opened.
            Err(HistoryError::Damaged { .. }) if aside.is_none() => {
                drop(store);
                let (store, aside) = Self::begin_anew(state)?;
                store.insert(record)?;
                Ok((store, aside))
            }
            inserted => inserted.map(|()| (store, aside)),
        }
    }

    pub(super) fn open_undamaged(state: &Path) -> Result<Self, HistoryError> {
        private_folder(state).map_err(|source| folder(state, source))?;
        let unusable = |error: io::Error| folder(state, error.into());
        let lock = state.join(LOCK);
        let shared = lock_file(&lock).map_err(unusable)?;
        if !wait_for(BUSY, || shared.try_lock_shared()).map_err(unusable)? {
            return Err(HistoryError::Held { path: lock });
        }
        let path = state.join(DATABASE);
        let database = open(state, &path)?;
        Ok(Self { database, path, _shared: shared })
    }

    /// Puts a damaged one aside, once nobody has it open, and begins a new one.
    fn begin_anew(state: &Path) -> Result<(Self, Option<PathBuf>), HistoryError> {
        let unusable = |error: io::Error| folder(state, error.into());
        let path = state.join(DATABASE);
        let lock = lock_file(&state.join(LOCK)).map_err(unusable)?;
        if !wait_for(BUSY, || lock.try_lock()).map_err(unusable)? {
            return Err(HistoryError::Held { path });
        }
        let now = Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        let aside = state.join(format!("damaged-{now}"));
        // Another command may have been faster.
        let is_damaged = open(state, &path).and_then(|database| whole(&database, &path)).is_err();
        if is_damaged {
            sqlite::put_aside(&path, &aside).map_err(unusable)?;
        }
        let _ = lock.unlock();
        Ok((Self::open_undamaged(state)?, is_damaged.then_some(aside)))
    }

    /// The same run is recorded once.
    fn insert(&self, record: &RunRecord) -> Result<(), HistoryError> {
        let text = serde_json::to_string(record)
            .map_err(|source| HistoryError::Unreadable { id: record.id.to_string(), source })?;
        fault::point("history.before.insert");
        let line = "INSERT OR REPLACE INTO runs
                (id, began, repository, command, exit, failed, total_ms, record)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let values = params![
            record.id.as_str(),
            record.began.as_millisecond(),
            record.repository,
            record.command.to_string(),
            record.outcome.exit,
            record.tests.map(|tests| signed(tests.failed)),
            signed(record.total_ms),
            text,
        ];
        self.database.execute(line, values).map_err(|source| self.wrap(source))?;
        fault::point("history.after.insert");
        Ok(())
    }

    /// Keeps the log of the history in `state` short, for the next command that opens it. For beside a run: nobody is kept
    /// waiting. Of a damaged one nothing is done.
    pub fn settle(state: &Path) -> Result<(), HistoryError> {
        if !sqlite::is_due(&state.join(DATABASE)) {
            return Ok(());
        }
        let store = Self::open_undamaged(state)?;
        sqlite::settle(store.database()).map_err(|source| store.wrap(source))
    }

    pub(super) fn database(&self) -> &Connection {
        &self.database
    }

    pub(super) fn wrap(&self, source: rusqlite::Error) -> HistoryError {
        HistoryError::of_database(&self.path, source)
    }
}

/// SQLite's integers have a sign.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Opens the database as it is. For whoever holds a lock on it.
fn open(state: &Path, path: &Path) -> Result<Connection, HistoryError> {
    let wrap = |source| HistoryError::of_database(path, source);
    sqlite::create_private(path).map_err(|error| folder(state, error.into()))?;
    sqlite::check(path)
        .map_err(|Untrusted { path, source }| HistoryError::File { path, source })?;
    if sqlite::is_cut_off(path) {
        let source = "it is empty, and its log isn't".into();
        return Err(HistoryError::Damaged { path: path.to_owned(), source });
    }
    let mut database = Connection::open(path).map_err(wrap)?;
    sqlite::prepare(&database, BUSY, "normal", is_on_network(state)).map_err(wrap)?;
    // A run hardly ever pays for what others have written: see `retention`, which does that once a day.
    database.pragma_update(None, "wal_autocheckpoint", LOG).map_err(wrap)?;
    let found = sqlite::schema(&database).map_err(wrap)?;
    if found > SCHEMA {
        return Err(HistoryError::Newer { path: path.to_owned(), found });
    }
    if found < SCHEMA {
        migrate(&mut database, Timestamp::now().as_millisecond()).map_err(wrap)?;
    }
    Ok(database)
}

/// Errors if SQLite finds something wrong with it.
fn whole(database: &Connection, path: &Path) -> Result<(), HistoryError> {
    let wrap = |source| HistoryError::of_database(path, source);
    let found: String =
        database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(wrap)?;
    if found == "ok" {
        return Ok(());
    }
    Err(HistoryError::Damaged { path: path.to_owned(), source: found.into() })
}

fn folder(state: &Path, source: FolderError) -> HistoryError {
    HistoryError::Folder { path: state.to_owned(), source }
}
