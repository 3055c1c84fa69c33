//! Reads the rows of a table of which parts can't be read, and writes them as they are.

use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};
use std::collections::BTreeMap;

/// How many numbers of rows are tried beyond those that were found.
const BEYOND: i64 = 10_000;

/// How many are tried at all.
const TRIED: i64 = 1_000_000;

/// Rows by their numbers.
pub(super) type Rows = BTreeMap<i64, Vec<Value>>;

/// The columns of the claims.
pub(super) fn columns(database: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = database.prepare("SELECT name FROM pragma_table_info('claims')")?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

/// Everything that can be read: from the beginning and from the end until something can't be, and each
/// row between and behind for itself. `true`: that is all there was.
pub(super) fn read(database: &Connection, columns: &[String]) -> (Rows, bool) {
    let mut rows = Rows::new();
    let all = format!("SELECT rowid, {} FROM claims NOT INDEXED ", columns.join(", "));
    let forwards = database.prepare(&format!("{all} ORDER BY rowid"));
    if forwards.is_ok_and(|mut query| scan(&mut query, None, &mut rows).is_ok()) {
        return (rows, true);
    }
    // What can't be read is what this is about: no error is looked at.
    if let Ok(mut backwards) = database.prepare(&format!("{all} ORDER BY rowid DESC")) {
        let _ = scan(&mut backwards, None, &mut rows);
    }
    if let Ok(mut one) = database.prepare(&format!("{all} WHERE rowid = ?1")) {
        let last = rows.keys().next_back().copied().unwrap_or(0);
        for number in 1..=last.saturating_add(BEYOND).min(TRIED) {
            if !rows.contains_key(&number) {
                let _ = scan(&mut one, Some(number), &mut rows);
            }
        }
    }
    (rows, false)
}

/// Reads as far as it gets.
fn scan(query: &mut Statement<'_>, number: Option<i64>, rows: &mut Rows) -> rusqlite::Result<()> {
    let columns = query.column_count();
    let mut found = query.query(params_from_iter(number))?;
    while let Some(row) = found.next()? {
        let values = (1..columns).map(|column| row.get(column));
        rows.insert(row.get(0)?, values.collect::<Result<_, _>>()?);
    }
    Ok(())
}

/// Writes them, and returns how many. A slug that is taken gives way to the lease's id: no claim is
/// lost for its name.
pub(super) fn write(
    database: &Connection,
    columns: &[String],
    rows: &Rows,
) -> rusqlite::Result<usize> {
    let marks = vec!["?"; columns.len()].join(", ");
    let insert = format!("INSERT INTO claims ({}) VALUES ({marks})", columns.join(", "));
    let mut statement = database.prepare(&insert)?;
    let place = |name: &str| columns.iter().position(|column| column == name);
    let (id, slug) = (place("id"), place("slug"));
    let mut count = 0;
    for row in rows.values() {
        let mut row = row.clone();
        for _ in 0..2 {
            match statement.execute(params_from_iter(&row)) {
                Ok(_) => {
                    count += 1;
                    break;
                }
                Err(error) if is_about_the_row(&error) => {}
                Err(error) => return Err(error),
            }
            if let (Some(id), Some(slug)) = (id, slug) {
                row[slug] = row[id].clone();
            }
        }
    }
    Ok(count)
}

/// It isn't what a row of this table may be: garbage, or there twice.
fn is_about_the_row(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
        || error.sqlite_error_code() == Some(rusqlite::ErrorCode::TypeMismatch)
}
