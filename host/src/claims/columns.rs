//! What of a claim stands in columns of its own, beside the record: what a claim is looked for by, and
//! what a list shows. A list of thousands must not read their records.

use super::claim::Claim;
use super::error::ClaimError;
use super::stage::State;
use super::store::{Store, text};
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

/// For schema 2. Times are milliseconds since 1970. The last index holds all that a list shows.
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
    CREATE INDEX listing ON claims (used DESC, id, slug, state, provider, repository, created, ends,
        keep, run, resource_name, trouble) WHERE state NOT IN ('released', 'lost');
";

/// Writes a new claim. `false`: its id or slug is taken.
pub(super) fn insert(
    database: &Connection,
    claim: &Claim,
    record: String,
) -> rusqlite::Result<bool> {
    let mut statement = database.prepare(
        "INSERT OR IGNORE INTO claims (state, revision, updated, record, created, used, ends, keep,
                run, resource_name, resource_id, trouble, id, slug, provider, repository)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
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
                trouble = ?12
            WHERE id = ?13 AND revision = ?14",
    )?;
    let mut values = changing(claim, record);
    values.push(claim.id.to_string().into());
    values.push(revision.into());
    Ok(statement.execute(params_from_iter(values))? == 1)
}

/// What an event may change, in the order of both statements.
fn changing(claim: &Claim, record: String) -> Vec<Value> {
    let (name, id) = claim.made().map(|made| (made.name, made.id)).unzip();
    vec![
        claim.state().as_str().to_owned().into(),
        claim.revision.into(),
        claim.updated.to_string().into(),
        record.into(),
        claim.created.as_millisecond().into(),
        claim.used.as_millisecond().into(),
        claim.ends().map(|ends| ends.wall.as_millisecond()).into(),
        claim.keep.into(),
        claim.run.as_ref().map(|run| run.id.clone()).into(),
        name.into(),
        id.flatten().into(),
        claim.trouble.clone().into(),
    ]
}

/// What a list shows of a claim; also of one whose record can't be read.
#[derive(Clone, Debug)]
pub struct Listed {
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
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When its box is let go of at the latest.
    pub ends: Option<Timestamp>,
    /// Stays ready after a run.
    pub keep: bool,
    /// The last run on it.
    pub run: Option<String>,
    /// A resource was named.
    pub is_made: bool,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

impl Listed {
    /// Leasing it failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state == State::Failed.as_str()
    }

    /// Nothing of it is left.
    #[must_use]
    pub fn is_final(&self) -> bool {
        [State::Released, State::Lost].iter().any(|state| self.state == state.as_str())
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let time = |at| {
            row.get::<_, Option<i64>>(at)
                .map(|millis| millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
        };
        Ok(Self {
            id: text(row, 0)?,
            slug: text(row, 1)?,
            state: text(row, 2)?,
            provider: text(row, 3)?,
            repository: text(row, 4)?,
            created: time(5)?,
            ends: time(6)?,
            keep: row.get::<_, Option<bool>>(7)?.unwrap_or_default(),
            run: row.get(8)?,
            is_made: row.get::<_, Option<String>>(9)?.is_some(),
            trouble: row.get(10)?,
        })
    }
}

impl Store {
    /// The claims, or only those that aren't final, the last used first, without their records.
    pub fn list(&self, also_final: bool) -> Result<Vec<Listed>, ClaimError> {
        let shown = "SELECT id, slug, state, provider, repository, created, ends, keep, run,
            resource_name, trouble FROM claims";
        let query = if also_final {
            format!("{shown} ORDER BY used DESC")
        } else {
            format!("{shown} WHERE state NOT IN ('released', 'lost') ORDER BY used DESC")
        };
        let collect = || {
            let mut statement = self.database().prepare(&query)?;
            statement.query_map([], Listed::of)?.collect::<Result<Vec<_>, _>>()
        };
        collect().map_err(|source| self.wrap(source))
    }
}
