//! Asks for records, without writing, locking out or making anything.

use super::error::HistoryError;
use super::id::RunId;
use super::record::RunRecord;
use super::schema::{SCHEMA, migrate};
use super::store::{DATABASE, Store};
use crate::places::is_private;
use crate::sqlite::{self, Untrusted};
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for a writer.
const BUSY: Duration = Duration::from_secs(2);

/// The history of one state folder, to be looked at.
#[derive(Debug)]
pub struct Reader {
    database: Connection,
    path: PathBuf,
    state: PathBuf,
    /// The runs that were left out, since their records can't be read.
    unreadable: RefCell<BTreeSet<String>>,
}

/// Which runs are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of the checkout or folder with this root.
    pub repository: Option<String>,
    /// Those that didn't end with 0.
    pub failed: bool,
    /// Those that began then or later.
    pub since: Option<Timestamp>,
    /// Those whose command holds this.
    pub command: Option<String>,
    /// So many of them, the latest first.
    pub limit: Option<u32>,
}

/// What a list needs of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is called.
    pub id: String,
    /// When it began.
    pub began: Timestamp,
    /// The folder that was sent.
    pub repository: String,
    /// What was run.
    pub command: String,
    /// How it ended.
    pub exit: u8,
    /// How many tests failed, if there were reports of them.
    pub failed: Option<u64>,
    /// How long it took, in milliseconds.
    pub total_ms: u64,
}

impl Reader {
    /// Where nothing has been recorded yet, there is nothing. One that can't be looked at as it is, such as the copy of
    /// one without the index of its log, is opened as by a run first.
    pub fn open(state: &Path) -> Result<Self, HistoryError> {
        match Self::look(state) {
            Err(HistoryError::ReadOnly { .. } | HistoryError::Database { .. }) => {
                drop(Store::open_undamaged(state)?);
                Self::look(state)
            }
            looked => looked,
        }
    }

    fn look(state: &Path) -> Result<Self, HistoryError> {
        let path = state.join(DATABASE);
        let wrap = |source| HistoryError::of_database(&path, source);
        let folder = |source| HistoryError::Folder { path: state.to_owned(), source };
        let is_there = is_private(state).map_err(folder)? && path.symlink_metadata().is_ok();
        let found = if is_there {
            let refuse = |Untrusted { path, source }| HistoryError::File { path, source };
            sqlite::check_trusted(&path).map_err(refuse)?;
            if sqlite::is_cut_off(&path) {
                let source = "it is empty, and its log isn't".into();
                return Err(HistoryError::Damaged { path, source });
            }
            Some(sqlite::to_look_at(&path, BUSY).map_err(wrap)?)
        } else {
            None
        };
        let database = match found {
            Some((_, found)) if found > SCHEMA => return Err(HistoryError::Newer { path, found }),
            // Made, and not yet filled.
            Some((_, 0)) | None => empty().map_err(wrap)?,
            // All that is asked for here was in every schema.
            Some((database, _)) => database,
        };
        Ok(Self { database, path, state: state.to_owned(), unreadable: RefCell::default() })
    }

    /// The state folder.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// How many runs were left out of what was asked for, since their records can't be read: they are damaged, or a newer
    /// crabbox wrote them.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.unreadable.borrow().len()
    }

    /// What a list needs of those that are wanted, the latest first.
    pub fn rows(&self, filter: &Filter) -> Result<Vec<Row>, HistoryError> {
        let columns = "id, began, repository, command, exit, failed, total_ms";
        self.select(columns, filter, |row| {
            Ok(Some(Row {
                id: row.get(0)?,
                began: Timestamp::from_millisecond(row.get(1)?).unwrap_or_default(),
                repository: shown(row, 2)?,
                command: shown(row, 3)?,
                exit: row.get(4)?,
                failed: row.get::<_, Option<i64>>(5)?.and_then(|count| count.try_into().ok()),
                total_ms: row.get::<_, i64>(6)?.try_into().unwrap_or_default(),
            }))
        })
    }

    /// The records of those that are wanted, the latest first. What can't be read is left out: see [`Self::unreadable`].
    pub fn records(&self, filter: &Filter) -> Result<Vec<RunRecord>, HistoryError> {
        self.select("id, record", filter, |row| self.record(row))
    }

    /// One record. `None`: there is none of this run.
    pub fn get(&self, id: &RunId) -> Result<Option<RunRecord>, HistoryError> {
        let query = "SELECT record FROM runs WHERE id = ?1";
        let found = self.database.query_row(query, [id.as_str()], |row| text(row, 0));
        let found = found.optional().map_err(|source| self.wrap(source))?;
        let unreadable = |source| HistoryError::Unreadable { id: id.to_string(), source };
        found.map(|text| serde_json::from_slice(&text).map_err(unreadable)).transpose()
    }

    /// When this one began, also if nothing else of its record can be read. `None`: there is none of this run.
    pub fn began(&self, id: &RunId) -> Result<Option<Timestamp>, HistoryError> {
        let query = "SELECT began FROM runs WHERE id = ?1";
        let found = self.database.query_row(query, [id.as_str()], |row| row.get(0)).optional();
        let found: Option<i64> = found.map_err(|source| self.wrap(source))?;
        Ok(found.map(|began| Timestamp::from_millisecond(began).unwrap_or_default()))
    }

    /// The runs of the same command in the same folder up to this one, the latest first. What can't be read is left out.
    pub fn up_to(&self, run: &RunRecord, limit: u32) -> Result<Vec<RunRecord>, HistoryError> {
        let collect = || {
            // The one bound of all of them lets SQLite read the newest first, and stop: with the other alone it sorts all there are.
            let query = "SELECT id, record FROM runs
                WHERE repository = ?1 AND command = ?2 AND began <= ?3 AND (began < ?3 OR id = ?4)
                    AND CASE WHEN json_valid(record) THEN json_extract(record, '$.directory') = ?5 ELSE TRUE END
                ORDER BY began DESC, rowid DESC";
            let (command, began) = (run.command.to_string(), run.began.as_millisecond());
            let (id, directory) = (run.id.as_str(), &run.directory);
            let values = params![run.repository, command, began, id, directory];
            let mut statement = self.database.prepare(query)?;
            first(statement.query(values)?, limit as usize, |row| self.record(row))
        };
        collect().map_err(|source| self.wrap(source))
    }

    /// The record in a row of its id and itself. `None`: it can't be read, which is noted.
    fn record(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<RunRecord>> {
        let record = serde_json::from_slice(&text(row, 1)?).ok();
        if record.is_none() {
            self.unreadable.borrow_mut().insert(row.get(0)?);
        }
        Ok(record)
    }

    /// The ids that begin so, at most `limit` of them.
    pub(super) fn beginning(&self, prefix: &str, limit: u32) -> Result<Vec<String>, HistoryError> {
        let collect = || {
            // Behind the digits of hex.
            let query =
                "SELECT id FROM runs WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id LIMIT ?2";
            let mut statement = self.database.prepare(query)?;
            let rows = statement.query_map(params![prefix, limit], |row| row.get(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        collect().map_err(|source| self.wrap(source))
    }

    fn select<T>(
        &self,
        columns: &str,
        filter: &Filter,
        read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<Option<T>>,
    ) -> Result<Vec<T>, HistoryError> {
        let mut conditions = vec!["TRUE"];
        let mut values: Vec<Value> = Vec::new();
        if let Some(repository) = &filter.repository {
            conditions.push("repository = ?");
            values.push(repository.clone().into());
        }
        if filter.failed {
            conditions.push("exit != 0");
        }
        if let Some(since) = filter.since {
            conditions.push("began >= ?");
            values.push(since.as_millisecond().into());
        }
        if let Some(command) = &filter.command {
            conditions.push("instr(command, ?) > 0");
            values.push(command.clone().into());
        }
        let conditions = conditions.join(" AND ");
        let query = format!(
            "SELECT {columns} FROM runs WHERE {conditions} ORDER BY began DESC, rowid DESC"
        );
        let limit = filter.limit.map_or(usize::MAX, |limit| limit as usize);
        let collect = || {
            let mut statement = self.database.prepare(&query)?;
            first(statement.query(params_from_iter(values))?, limit, read)
        };
        collect().map_err(|source| self.wrap(source))
    }

    fn wrap(&self, source: rusqlite::Error) -> HistoryError {
        HistoryError::of_database(&self.path, source)
    }
}

/// The first so many of those that can be read: the others take no place, and rows behind aren't looked at.
fn first<T>(
    mut rows: rusqlite::Rows<'_>,
    limit: usize,
    read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<Option<T>>,
) -> rusqlite::Result<Vec<T>> {
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        found.extend(read(row)?);
    }
    Ok(found)
}

fn empty() -> rusqlite::Result<Connection> {
    let mut database = Connection::open_in_memory()?;
    migrate(&mut database, 0)?;
    Ok(database)
}

/// What stands there, which may be damaged: it needn't be text.
fn text(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    Ok(row.get_ref(column)?.as_bytes()?.to_owned())
}

/// The same for people to look at.
fn shown(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(String::from_utf8_lossy(&text(row, column)?).into_owned())
}
