//! What `history.db` looks like, and how an older one is brought there, forwards only.

use rusqlite::{Connection, TransactionBehavior};

/// The schema of this version; `PRAGMA user_version` holds a database's own.
pub(super) const SCHEMA: i64 = 2;

/// What is filtered by, and shown in lists, has a column; the rest is in the record. Who looks for the last run that failed
/// reads the index alone.
const CREATE: &str = "
    CREATE TABLE runs (
        id         TEXT PRIMARY KEY,
        began      INTEGER NOT NULL,
        repository TEXT NOT NULL,
        command    TEXT NOT NULL,
        exit       INTEGER NOT NULL,
        failed     INTEGER,
        total_ms   INTEGER NOT NULL,
        record     TEXT NOT NULL
    ) STRICT;
    CREATE INDEX by_repository ON runs (repository, began, exit);
    CREATE INDEX by_time ON runs (began, exit);
    CREATE TABLE housekeeping (
        done INTEGER NOT NULL
    ) STRICT;
";

/// The size of each run's files, in bytes, as far as that was measured. It has a table of its own: to write it must not move
/// the records.
const SIZES: &str = "
    CREATE TABLE sizes (
        id    TEXT PRIMARY KEY,
        bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// What is done to a database with the schema before: one step a schema.
const STEPS: [&str; 2] = [CREATE, SIZES];

/// Brings an older database, or a new one, to [`SCHEMA`]. `now`, in milliseconds since 1970: a new one has nothing to be
/// forgotten yet.
pub(super) fn migrate(database: &mut Connection, now: i64) -> rusqlite::Result<()> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another command may have done it while this one waited.
    let found = crate::sqlite::schema(&transaction)?;
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        transaction.execute_batch(step)?;
    }
    if found == 0 {
        transaction.execute("INSERT INTO housekeeping (done) VALUES (?1)", [now])?;
    }
    if found < SCHEMA {
        transaction.pragma_update(None, "user_version", SCHEMA)?;
    }
    transaction.commit()
}
