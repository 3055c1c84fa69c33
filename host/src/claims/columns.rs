//! What of a claim stands in columns of its own, beside the record: what a claim is looked for by, and
//! what a list shows. A list of thousands must not read their records.

use super::claim::{Claim, Made};
use super::moment::Moment;
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

/// A claim can be read only if its record holds all this, and is the row's. Kept to what SQLite sees at once: it says so of
/// every record that is written, whoever writes it.
macro_rules! suspect {
    () => {
        "CASE WHEN json_valid(record) THEN
            json_type(record, '$.slug') IS NOT 'text' OR json_type(record, '$.revision') IS NOT 'integer'
            OR json_type(record, '$.provider') IS NOT 'text'
            OR json_type(record, '$.created') IS NOT 'text'
            OR json_type(record, '$.updated') IS NOT 'text'
            OR json_type(record, '$.used') IS NOT 'text'
            OR json_type(record, '$.ending') IS NOT 'text'
            OR json_extract(record, '$.id') IS NOT id
            OR json_extract(record, '$.slug') IS NOT slug AND slug IS NOT id
            OR json_extract(record, '$.stage.state') IS NOT state
        ELSE 1 END"
    };
}

/// The claims of which that isn't so, from an index of their own: those of one crabbox are read at once,
/// however many others there are.
pub(super) const SUSPECTS: &str = concat!(
    "SELECT id, slug, state, record FROM claims INDEXED BY suspects WHERE (",
    suspect!(),
    ") AND (?1 OR state NOT IN ('released', 'lost')) ORDER BY id"
);

/// For schema 2. Times are milliseconds since 1970.
pub(super) const ADD: &str = "
    ALTER TABLE claims ADD COLUMN created INTEGER;
    ALTER TABLE claims ADD COLUMN used INTEGER;
    ALTER TABLE claims ADD COLUMN ends INTEGER;
    ALTER TABLE claims ADD COLUMN keep INTEGER;
    ALTER TABLE claims ADD COLUMN run TEXT;
    ALTER TABLE claims ADD COLUMN resource_name TEXT;
    ALTER TABLE claims ADD COLUMN resource_id TEXT;
    ALTER TABLE claims ADD COLUMN trouble TEXT;
    CREATE INDEX by_slug ON claims (slug);
    CREATE INDEX by_run ON claims (run);
    CREATE INDEX by_resource_name ON claims (resource_name);
    CREATE INDEX by_resource_id ON claims (resource_id);
    CREATE INDEX by_use ON claims (used);
";

/// For schema 3: a deadline by its other clock, which is milliseconds since this boot.
pub(super) const ADD_CLOCK: &str = concat!(
    "
    DROP INDEX IF EXISTS listing;
    ALTER TABLE claims ADD COLUMN ends_boot TEXT;
    ALTER TABLE claims ADD COLUMN ends_since_boot INTEGER;
    CREATE INDEX listing ON claims (used DESC, id, slug, state, provider, repository, created, ends,
        ends_boot, ends_since_boot, keep, run, resource_name, trouble)
        WHERE state NOT IN ('released', 'lost');
    CREATE INDEX suspects ON claims (id) WHERE ",
    suspect!(),
    ";"
);

/// For schema 4: the machine that a lease has a place on. The index holds all that a list shows.
pub(super) const ADD_HOST: &str = "
    DROP INDEX IF EXISTS listing;
    ALTER TABLE claims ADD COLUMN host TEXT;
    CREATE INDEX listing ON claims (used DESC, id, slug, state, provider, repository, created, ends,
        ends_boot, ends_since_boot, keep, run, resource_name, trouble, host)
        WHERE state NOT IN ('released', 'lost');
";

/// Writes a new claim. `false`: its id or slug is taken.
pub(super) fn insert(
    database: &Connection,
    claim: &Claim,
    record: String,
) -> rusqlite::Result<bool> {
    let mut statement = database.prepare(
        "INSERT OR IGNORE INTO claims (state, revision, updated, record, created, used, ends, keep,
                run, resource_name, resource_id, trouble, ends_boot, ends_since_boot, host, id,
                slug, provider, repository)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                ?18, ?19)",
    )?;
    let mut values = changing(claim, record);
    values.push(claim.id.to_string().into());
    values.push(claim.slug.clone().into());
    values.push(claim.provider.clone().into());
    values.push(claim.repository.to_string_lossy().into_owned().into());
    Ok(statement.execute(params_from_iter(values))? == 1)
}

/// Writes what has become of the claim whose revision was this. `false`: it has another by now.
pub(super) fn update(
    database: &Connection,
    claim: &Claim,
    record: String,
    revision: i64,
) -> rusqlite::Result<bool> {
    let mut statement = database.prepare(
        "UPDATE claims SET state = ?1, revision = ?2, updated = ?3, record = ?4, created = ?5,
                used = ?6, ends = ?7, keep = ?8, run = ?9, resource_name = ?10, resource_id = ?11,
                trouble = ?12, ends_boot = ?13, ends_since_boot = ?14, host = ?15
            WHERE id = ?16 AND revision = ?17",
    )?;
    let mut values = changing(claim, record);
    values.push(claim.id.to_string().into());
    values.push(revision.into());
    Ok(statement.execute(params_from_iter(values))? == 1)
}

/// When the claim was used, so that it was the last of all: the clock may have been set back since another
/// was. To the millisecond, as the column says it.
pub(super) fn used_last(database: &Connection, claim: &Claim) -> rusqlite::Result<Timestamp> {
    let query = "SELECT used FROM claims WHERE id != ?1 ORDER BY used DESC LIMIT 1";
    let last = database
        .query_row(query, [claim.id.as_str()], |row| row.get::<_, Option<i64>>(0))
        .optional()?;
    let next =
        last.flatten().and_then(|last| Timestamp::from_millisecond(last.saturating_add(1)).ok());
    Ok(next.map_or(claim.used, |next| next.max(claim.used)))
}

/// What an event may change, in the order of both statements.
fn changing(claim: &Claim, record: String) -> Vec<Value> {
    let made = claim.made();
    let host = made.as_ref().and_then(Made::host).map(str::to_owned);
    let (name, id) = made.map(|made| (made.name, made.id)).unzip();
    let ends = claim.ends();
    let (boot, since_boot) = ends.as_ref().and_then(Moment::since_boot).unzip();
    vec![
        claim.state().as_str().to_owned().into(),
        claim.revision.into(),
        claim.updated.to_string().into(),
        record.into(),
        claim.created.as_millisecond().into(),
        claim.used.as_millisecond().into(),
        ends.as_ref().map(|ends| ends.wall.as_millisecond()).into(),
        claim.keep.into(),
        claim.run.as_ref().map(|run| run.id.clone()).into(),
        name.into(),
        id.flatten().into(),
        claim.trouble.clone().into(),
        boot.map(str::to_owned).into(),
        since_boot.into(),
        host.into(),
    ]
}
