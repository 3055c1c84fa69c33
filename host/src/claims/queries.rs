//! What is asked of the claims. One that can't be read hides no other.

use super::claim::Claim;
use super::columns::SUSPECTS;
use super::error::ClaimError;
use super::holder::Holder;
use super::id::LeaseId;
use super::reader::Reader;
use super::record;
use jiff::Timestamp;
use rusqlite::Connection;
use std::borrow::Cow;
use std::io;
use std::path::Path;

impl Reader {
    /// The claim with this id.
    pub fn get(&self, id: &LeaseId) -> Result<Option<Claim>, ClaimError> {
        let query = "SELECT id, slug, state, record FROM claims WHERE id = ?1";
        self.rows(query, &[&id.as_str()])?.first().map(Stored::claim).transpose()
    }

    /// The claim that has this slug, of those that aren't final.
    pub fn named(&self, slug: &str) -> Result<Option<Claim>, ClaimError> {
        let query = "SELECT id, slug, state, record FROM claims
            WHERE slug = ?1 AND state NOT IN ('released', 'lost')";
        self.rows(query, &[&slug])?.first().map(Stored::claim).transpose()
    }

    /// The claims of a checkout with this provider that aren't final, most
    /// recently used first. Those that can't be read are left out: one bad row
    /// must not keep anybody from working.
    pub fn of_repository(
        &self,
        repository: &Path,
        provider: &str,
    ) -> Result<Vec<Claim>, ClaimError> {
        let rows = self.rows(
            "SELECT id, slug, state, record FROM claims WHERE repository = ?1 AND provider = ?2
                AND state NOT IN ('released', 'lost') ORDER BY used DESC",
            &[&repository.to_string_lossy(), &provider],
        )?;
        let claims = rows.iter().filter_map(|row| row.claim().ok());
        // Two paths that aren't text may look alike in the column.
        Ok(claims.filter(|claim: &Claim| claim.repository == repository).collect())
    }

    /// All claims, or only those that aren't final, the last used first, and the ids of those
    /// that can't be read.
    pub fn all(&self, also_final: bool) -> Result<(Vec<Claim>, Vec<ClaimError>), ClaimError> {
        let (mut claims, mut unreadable) = (Vec::new(), Vec::new());
        self.each(also_final, |claim| match claim {
            Ok(claim) => claims.push(claim),
            Err(error) => unreadable.push(error),
        })?;
        Ok((claims, unreadable))
    }

    /// The same one after the other, for whoever keeps little of each: there may be thousands.
    pub fn each(
        &self,
        also_final: bool,
        mut show: impl FnMut(Result<Claim, ClaimError>),
    ) -> Result<(), ClaimError> {
        let query = "SELECT id, slug, state, record FROM claims
            WHERE ?1 OR state NOT IN ('released', 'lost') ORDER BY used DESC";
        let mut read = || {
            let mut statement = self.database().prepare(query)?;
            let mut rows = statement.query([also_final])?;
            while let Some(row) = rows.next()? {
                let (id, slug, state) = (cow(row, 0)?, cow(row, 1)?, cow(row, 2)?);
                let claim = record::read(row.get_ref(3)?.as_bytes()?, &id, &slug, &state);
                show(claim.map_err(|source| ClaimError::Unreadable {
                    id: id.into_owned(),
                    slug: slug.into_owned(),
                    source,
                }));
            }
            Ok(())
        };
        read().map_err(|source| self.wrap(source))
    }

    /// What is wrong with those that can't be read, of all or only of those that aren't final: told without
    /// reading the others. One whose record has every part and nonsense in it is seen by [`Self::all`].
    pub fn unreadable(&self, also_final: bool) -> Result<Vec<ClaimError>, ClaimError> {
        let rows = self.rows(SUSPECTS, &[&also_final])?;
        Ok(rows.iter().filter_map(|row| row.claim().err()).collect())
    }

    /// Those that stand ready. The others aren't even read, of which there may be many.
    pub fn ready(&self) -> Result<Vec<Claim>, ClaimError> {
        let rows =
            self.rows("SELECT id, slug, state, record FROM claims WHERE state = 'ready'", &[])?;
        Ok(rows.iter().filter_map(|row| row.claim().ok()).collect())
    }

    /// Those of a checkout that are parked.
    pub fn parked(&self, repository: &Path) -> Result<Vec<Claim>, ClaimError> {
        let rows = self.rows(
            "SELECT id, slug, state, record FROM claims WHERE repository = ?1 AND state = 'parked'",
            &[&repository.to_string_lossy()],
        )?;
        Ok(rows.iter().filter_map(|row| row.claim().ok()).collect())
    }

    /// Those that are parked and that nobody has used since then.
    pub fn parked_before(&self, then: Timestamp) -> Result<Vec<Claim>, ClaimError> {
        let rows = self.rows(
            "SELECT id, slug, state, record FROM claims
                WHERE state = 'parked' AND state NOT IN ('released', 'lost') AND used < ?1",
            &[&then.as_millisecond()],
        )?;
        Ok(rows.iter().filter_map(|row| row.claim().ok()).collect())
    }

    /// Who works with the lease right now, if anybody does. Nothing is made or written.
    pub fn holder(&self, lease: &LeaseId) -> Result<Option<String>, ClaimError> {
        let holders = self.holders();
        let folder =
            |source: io::Error| ClaimError::Folder { path: holders.clone(), source: source.into() };
        Holder::look(&holders, lease).map_err(folder)
    }

    /// Whoever works with the lease lets go of its box; nothing is known of that where nobody does.
    pub fn is_let_go(&self, lease: &LeaseId) -> Result<bool, ClaimError> {
        let holders = self.holders();
        let looked = Holder::is_let_go(&holders, lease);
        looked.map_err(|source| ClaimError::Folder { path: holders, source: source.into() })
    }

    pub(super) fn rows(
        &self,
        query: &str,
        parameters: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<Stored>, ClaimError> {
        rows_of(self.database(), query, parameters).map_err(|source| self.wrap(source))
    }
}

/// A claim as it is stored: one that can't be read must not hide the others.
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) state: String,
    pub(super) record: Vec<u8>,
}

impl Stored {
    pub(super) fn claim(&self) -> Result<Claim, ClaimError> {
        let Self { id, slug, state, record } = self;
        record::read(record, id, slug, state).map_err(|source| ClaimError::Unreadable {
            id: self.id.clone(),
            slug: self.slug.clone(),
            source,
        })
    }
}

/// What a query finds that asks for id, slug, state and record.
pub(super) fn rows_of(
    database: &Connection,
    query: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<Stored>> {
    let mut statement = database.prepare(query)?;
    let rows = statement.query_map(parameters, |row| {
        let record = row.get_ref(3)?.as_bytes()?.to_owned();
        Ok(Stored { id: text(row, 0)?, slug: text(row, 1)?, state: text(row, 2)?, record })
    })?;
    rows.collect()
}

/// A column that should be text: SQLite doesn't hold whoever damages it to that.
pub(super) fn text(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(cow(row, column)?.into_owned())
}

/// The same, as long as the row is looked at.
pub(super) fn cow<'a>(row: &'a rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Cow<'a, str>> {
    Ok(String::from_utf8_lossy(row.get_ref(column)?.as_bytes()?))
}

#[cfg(test)]
mod tests {
    use super::super::life::tests::{claim as any, owned};
    use super::super::{Stage, Store};
    use super::*;

    #[test]
    fn those_that_can_not_be_read_are_found_without_reading_the_others() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut store = Store::open(&folder.path().join("state")).expect("opens");
        for bits in 1..=300 {
            let (id, slug) = (LeaseId::from_bits(bits), format!("crab-{bits}"));
            let made = Some(owned("1").into());
            let claim = Claim { id, slug, ..any(Stage::Leasing { made }) };
            assert!(store.insert(&claim).expect("inserts"));
        }
        assert!(store.unreadable(true).expect("looks").is_empty());
        for (slug, damage) in [
            ("crab-7", "'{'"),
            ("crab-8", r#"'{"no":"claim"}'"#),
            ("crab-9", "json_set(record, '$.stage', 'on fire')"),
            ("crab-10", "CAST(x'ff00' AS TEXT)"),
            // One that lacks what it need not have.
            ("crab-11", "json_remove(record, '$.deadline')"),
        ] {
            let damage = format!("UPDATE claims SET record = {damage} WHERE slug = '{slug}'");
            assert_eq!(store.database().execute(&damage, []).expect("damages"), 1);
        }
        let over = "UPDATE claims SET state = 'lost' WHERE slug = 'crab-8'";
        store.database().execute(over, []).expect("damages");
        for also_final in [true, false] {
            let found = store.unreadable(also_final).expect("looks");
            let each = store.all(also_final).expect("reads").1;
            let (mut found, mut each) = (
                found.iter().map(ToString::to_string).collect::<Vec<_>>(),
                each.iter().map(ToString::to_string).collect::<Vec<_>>(),
            );
            found.sort();
            each.sort();
            assert_eq!(found, each);
            assert_eq!(found.len(), if also_final { 4 } else { 3 });
        }
        let explain = format!("EXPLAIN QUERY PLAN {SUSPECTS}");
        let plan: String =
            store.database().query_row(&explain, [true], |row| row.get(3)).expect("explains");
        assert_eq!(plan, "SCAN claims USING INDEX suspects", "no record of the others is read");
    }
}
