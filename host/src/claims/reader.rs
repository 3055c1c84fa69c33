//! Looks into `claims.db` without writing, locking out or creating anything: for shell completion
//! and `crabbox doctor`, which must work on a store that is damaged, foreign or not there.

use super::error::ClaimError;
use super::migrations::SCHEMA;
use super::stage::State;
use super::store::{rows_of, text};
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for a writer: a moment, since somebody is looking at the prompt.
const BUSY: Duration = Duration::from_millis(200);

/// The claims of one state folder, to be looked at.
#[derive(Debug)]
pub struct Reader {
    database: Connection,
    path: PathBuf,
    /// An earlier crabbox wrote it.
    is_old: bool,
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
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let wrap = |source| ClaimError::Database { path: path.clone(), source };
        let database = Connection::open_with_flags(uri(&path), flags).map_err(wrap)?;
        database.busy_timeout(BUSY).map_err(wrap)?;
        let found: i64 =
            database.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(wrap)?;
        match found {
            // Made, and not yet filled.
            0 => Ok(None),
            found if found > SCHEMA => Err(ClaimError::Newer { path, found }),
            _ => Ok(Some(Self { database, path, is_old: found < SCHEMA })),
        }
    }

    /// The claims that aren't final, the most recently used first.
    pub fn live(&self) -> Result<Vec<Row>, ClaimError> {
        let collect = || {
            let query = format!(
                "SELECT id, slug, state, provider, repository FROM claims
                    WHERE state NOT IN ('released', 'lost') ORDER BY {} DESC LIMIT 1000",
                self.by_use()
            );
            let mut statement = self.database.prepare(&query)?;
            statement.query_map([], Row::of)?.collect::<Result<Vec<_>, _>>()
        };
        collect().map_err(|source| self.wrap(source))
    }

    /// How many claims there are, and what is wrong with those that can't be read. Those of an earlier
    /// crabbox are read when the next command brings them to the schema of this one.
    pub fn unreadable(&self) -> Result<(usize, Vec<ClaimError>), ClaimError> {
        let rows = rows_of(&self.database, "SELECT id, slug, record FROM claims", &[]);
        let rows = rows.map_err(|source| self.wrap(source))?;
        let unreadable = rows.iter().filter(|_| !self.is_old).filter_map(|row| row.claim().err());
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

    pub(super) fn is_old(&self) -> bool {
        self.is_old
    }

    /// The column that says when a claim was used, as far as an earlier crabbox knows.
    pub(super) fn by_use(&self) -> &'static str {
        if self.is_old { "updated" } else { "used" }
    }

    pub(super) fn wrap(&self, source: rusqlite::Error) -> ClaimError {
        ClaimError::Database { path: self.path.clone(), source }
    }
}

/// Without a log beside it, the file is all there is: it is read as it stands, since SQLite
/// would make files of its own for a database in WAL mode. With one, its index is read, never written.
fn uri(path: &Path) -> String {
    let beside = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        Path::new(&name).metadata().is_ok_and(|found| found.len() > 0)
    };
    let mode = if beside("-wal") || beside("-journal") { "readonly_shm=1" } else { "immutable=1" };
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    format!("{uri}?mode=ro&{mode}")
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
