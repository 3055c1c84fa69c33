//! Looks into `claims.db` without writing, locking out or creating anything: for all that only shows, for
//! shell completion, and for `crabbox doctor`, which must work on a store that is damaged, foreign or not
//! there. What an earlier crabbox wrote is brought forward in memory, and stays as it is on the disk.

use super::error::ClaimError;
use super::file::{check_log, check_trusted};
use super::migrations::{SCHEMA, migrate, migrate_to};
use super::queries::{rows_of, text};
use super::rows;
use super::salvage;
use super::stage::State;
use super::store;
use crate::places::is_private;
use crate::sqlite;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for a writer: a moment, since somebody is looking at the prompt.
const BUSY: Duration = Duration::from_millis(200);

/// The claims of one state folder, to be looked at.
#[derive(Debug)]
pub struct Reader {
    database: Connection,
    path: PathBuf,
    /// Whoever opens it next is told of damage that is met.
    marks: bool,
}

/// What a list needs of a claim; also of one whose record can't be read.
#[derive(Clone, Debug)]
pub struct Row {
    /// The lease.
    pub id: String,
    /// Its name for people.
    pub slug: String,
    /// Where it stands.
    pub state: String,
    /// The provider's name.
    pub provider: String,
    /// The checkout that it serves.
    pub repository: String,
}

impl Row {
    /// The lease is over.
    #[must_use]
    pub fn is_final(&self) -> bool {
        [State::Released, State::Lost].iter().any(|state| self.state == state.as_str())
    }

    /// Of the columns in the order of the fields.
    pub(super) fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: text(row, 0)?,
            slug: text(row, 1)?,
            state: text(row, 2)?,
            provider: text(row, 3)?,
            repository: text(row, 4)?,
        })
    }
}

impl Reader {
    /// `None`: nothing has been recorded yet.
    pub fn open(state: &Path) -> Result<Option<Self>, ClaimError> {
        let path = state.join("claims.db");
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let wrap = |source| ClaimError::Database { path: path.clone(), source };
        let (database, found) = sqlite::to_look_at(&path, BUSY).map_err(wrap)?;
        let database = match found {
            // Made, and not yet filled.
            0 => return Ok(None),
            found if found > SCHEMA => return Err(ClaimError::Newer { path, found }),
            SCHEMA => database,
            found => brought_forward(&database, found).map_err(wrap)?,
        };
        Ok(Some(Self { database, path, marks: false }))
    }

    /// The same for a command that shows what it finds, and can't be misled: what others may have written is
    /// refused. Where nothing has been recorded yet, there is nothing.
    pub fn look(state: &Path) -> Result<Self, ClaimError> {
        let path = state.join("claims.db");
        let folder = |source| ClaimError::Folder { path: state.to_owned(), source };
        if is_private(state).map_err(folder)? {
            check_trusted(&path)?;
            check_log(&path)?;
            if salvage::is_due(state) {
                let source = "what can be read of it is to be saved first".into();
                return Err(ClaimError::Damaged { path, source });
            }
            if let Some(reader) = Self::open(state)? {
                reader.database.busy_timeout(store::BUSY).map_err(|source| reader.wrap(source))?;
                return Ok(Self { marks: true, ..reader });
            }
        }
        let empty = || {
            let mut database = Connection::open_in_memory()?;
            migrate(&mut database)?;
            Ok(database)
        };
        let database = empty().map_err(|source| ClaimError::of_database(&path, source))?;
        Ok(Self::of(database, path))
    }

    /// Of a database with the schema of this crabbox.
    pub(super) fn of(database: Connection, path: PathBuf) -> Self {
        Self { database, path, marks: true }
    }

    /// Where the claims are kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    pub(super) fn holders(&self) -> PathBuf {
        self.folder().join("holders")
    }

    /// The claims that aren't final, the most recently used first.
    pub fn live(&self) -> Result<Vec<Row>, ClaimError> {
        let collect = || {
            let query = "SELECT id, slug, state, provider, repository FROM claims
                    WHERE state NOT IN ('released', 'lost') ORDER BY used DESC LIMIT 1000";
            let mut statement = self.database.prepare(query)?;
            statement.query_map([], Row::of)?.collect::<Result<Vec<_>, _>>()
        };
        collect().map_err(|source| self.wrap(source))
    }

    /// How many claims there are, and what is wrong with those that can't be read: each is read.
    pub fn read_each(&self) -> Result<(usize, Vec<ClaimError>), ClaimError> {
        let rows = rows_of(&self.database, "SELECT id, slug, state, record FROM claims", &[]);
        let rows = rows.map_err(|source| self.wrap(source))?;
        let unreadable = rows.iter().filter_map(|row| row.claim().err());
        Ok((rows.len(), unreadable.collect()))
    }

    /// What SQLite finds wrong with the file; nothing if all is well.
    pub fn damage(&self) -> Result<Vec<String>, ClaimError> {
        let collect = || {
            let mut statement = self.database.prepare("PRAGMA quick_check(10)")?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        let found = collect().map_err(|source| self.wrap(source))?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    pub(super) fn database(&self) -> &Connection {
        &self.database
    }

    pub(super) fn database_mut(&mut self) -> &mut Connection {
        &mut self.database
    }

    pub(super) fn wrap(&self, source: rusqlite::Error) -> ClaimError {
        if self.marks {
            return store::wrap(&self.path, source);
        }
        ClaimError::Database { path: self.path.clone(), source }
    }
}

/// A copy in memory of what an earlier crabbox wrote, with the schema of this one.
fn brought_forward(old: &Connection, schema: i64) -> rusqlite::Result<Connection> {
    let mut database = Connection::open_in_memory()?;
    migrate_to(&mut database, schema)?;
    let columns = rows::columns(&database)?;
    let (found, _) = rows::read(old, &columns);
    rows::write(&database, &columns, &found)?;
    migrate(&mut database)?;
    Ok(database)
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;
    use std::fs;

    fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        let mut found: Vec<_> = entries
            .map(|entry| (entry.path(), entry.metadata().expect("is there").len()))
            .collect();
        found.sort();
        found
    }

    #[test]
    fn looking_creates_nothing_with_and_without_a_log() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("odd %?# name");
        assert!(Reader::open(&state).expect("looks").is_none());
        assert!(!state.exists());
        drop(Store::open(&state).expect("opens"));
        let before = files(&state);
        let look = || {
            let reader = Reader::open(&state).expect("looks").expect("is there");
            assert!(reader.live().expect("reads").is_empty());
            assert!(reader.damage().expect("reads").is_empty());
        };
        look();
        assert_eq!(files(&state), before);
        // Beside a writer.
        let writer = Store::open(&state).expect("opens");
        look();
        drop(writer);
        // As after a copy of the folder without the log's index.
        let _ = fs::remove_file(state.join("claims.db-shm"));
        fs::write(state.join("claims.db-wal"), "").expect("a file");
        let before = files(&state);
        let _ = Reader::open(&state);
        assert_eq!(files(&state), before);
    }

    #[test]
    fn damage_is_an_error_or_is_named() {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::write(folder.path().join("claims.db"), "no database at all ".repeat(1000))
            .expect("a file");
        assert!(Reader::open(folder.path()).is_err());
    }
}
