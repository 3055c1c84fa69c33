//! Opens a database to work with, or for a look alone.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// No page of SQLite's is smaller, in bytes.
const SMALLEST_PAGE: u64 = 512;

/// Makes a connection ready to write. `busy`: how long another one is waited for; `synchronous`: what SQLite calls it.
/// Where a file system can't do WAL, SQLite stays with its journal. The index of a WAL is memory that is shared: on a network
/// two machines would each have their own, and take the other's writes for damage.
pub(crate) fn prepare(
    database: &Connection,
    busy: Duration,
    synchronous: &str,
    is_on_network: bool,
) -> rusqlite::Result<()> {
    database.busy_timeout(busy)?;
    let journal = if is_on_network { "delete" } else { "wal" };
    patiently(busy, || {
        database.pragma_update_and_check(None, "journal_mode", journal, |_| Ok(()))
    })?;
    database.pragma_update(None, "synchronous", synchronous)?;
    // Closing the last connection would checkpoint: an fsync more for each command.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(drop)
}

/// Which schema it has; 0: none yet.
pub(crate) fn schema(database: &Connection) -> rusqlite::Result<i64> {
    database.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Opens one without writing, locking out or creating anything.
pub(crate) fn to_look_at(path: &Path, busy: Duration) -> rusqlite::Result<(Connection, i64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(uri(path), flags)?;
    database.busy_timeout(busy)?;
    let found = schema(&database)?;
    // SQLite takes what is shorter than a page for an empty one where it only reads.
    if found == 0 && fs::metadata(path).is_ok_and(|file| (1..SMALLEST_PAGE).contains(&file.len())) {
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOTADB), None));
    }
    Ok((database, found))
}

/// Does another connection hold it?
fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Where two change the journal of a new database at once, one is refused without any wait, lest
/// they wait for each other. Nothing is held between these attempts: waiting is safe.
fn patiently(
    longest: Duration,
    mut attempt: impl FnMut() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let end = Instant::now() + longest;
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && Instant::now() < end => {
                thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
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
