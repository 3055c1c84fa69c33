//! Keeps the log of a database short. Whoever opens one that nobody else has open reads its log from one end to the
//! other: a millisecond for each MiB or so, of every command.

use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A log is long from here on, in bytes: that of eight runs.
const LONG: u64 = 512 * 1024;

/// Is it time for [`settle`]?
pub(crate) fn is_due(path: &Path) -> bool {
    fs::metadata(path.with_extension("db-wal")).is_ok_and(|log| log.len() >= LONG)
}

/// Brings what was written into the database itself, and empties the log unless somebody uses it right now. The last that a
/// connection is for: it waits for nobody any more.
pub(crate) fn settle(database: &Connection) -> rusqlite::Result<()> {
    database.busy_timeout(Duration::ZERO)?;
    // All of the work without keeping a writer waiting; emptying takes a moment.
    for mode in ["PASSIVE", "TRUNCATE"] {
        database.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?;
    }
    Ok(())
}
