//! Claims that are dropped, whether they can be read or not: the only way to be rid of one that can't.

use super::claim::Claim;
use super::error::ClaimError;
use super::id::LeaseId;
use super::queries::text;
use super::record;
use super::store::Store;
use crate::fault;
use rusqlite::{OptionalExtension, params};

/// A claim as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The lease's id, as it should be.
    pub id: String,
    /// Its name for people.
    pub slug: String,
    /// Where it stands.
    pub state: String,
    /// The provider's name.
    pub provider: String,
    /// What the claim holds; at most this is shown of one that can't be read.
    pub record: Vec<u8>,
    revision: i64,
}

impl Stored {
    /// `None`: it can't be read.
    #[must_use]
    pub fn claim(&self) -> Option<Claim> {
        record::read(&self.record, &self.id, &self.slug, &self.state).ok()
    }

    /// `None`: nobody can hold a lease whose id is none.
    #[must_use]
    pub fn lease(&self) -> Option<LeaseId> {
        self.id.parse().ok()
    }
}

impl Store {
    /// The claim with this id or, among those that aren't final, this slug, as it is stored.
    pub fn stored(&self, reference: &str) -> Result<Option<Stored>, ClaimError> {
        let query = "SELECT id, slug, state, provider, record, revision FROM claims WHERE id = ?1
            OR (slug = ?1 AND state NOT IN ('released', 'lost'))
            ORDER BY id = ?1 DESC LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Stored {
                id: text(row, 0)?,
                slug: text(row, 1)?,
                state: text(row, 2)?,
                provider: text(row, 3)?,
                record: row.get_ref(4)?.as_bytes()?.to_owned(),
                revision: row.get(5)?,
            })
        };
        let stored = self.database().query_row(query, [reference], read).optional();
        stored.map_err(|source| self.wrap(source))
    }

    /// Drops a claim. `false`: it isn't as it was read any more.
    pub fn forget(&mut self, stored: &Stored) -> Result<bool, ClaimError> {
        fault::point("claim.before.forget");
        let deleted = self.database().execute(
            "DELETE FROM claims WHERE id = ?1 AND revision = ?2 AND CAST(record AS BLOB) = ?3",
            params![stored.id, stored.revision, stored.record],
        );
        let deleted = deleted.map_err(|source| self.wrap(source))? == 1;
        if deleted {
            fault::point("claim.after.forget");
        }
        Ok(deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::super::life::tests::{claim, owned};
    use super::super::{Event, Stage};
    use super::*;

    #[test]
    fn a_claim_is_dropped_as_it_was_read_or_not_at_all() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut store = Store::open(&folder.path().join("state")).expect("opens");
        let mut one = claim(Stage::Leasing { made: Some(owned("1").into()) });
        assert!(store.insert(&one).expect("inserts"));
        let read = store.stored("amber-crab").expect("reads").expect("is there");
        assert_eq!(read.claim(), Some(one.clone()));
        store.transition(&mut one, &Event::Checkpoint(owned("1").into())).expect("changes");
        assert!(!store.forget(&read).expect("asks"), "it has changed");
        let read = store.stored(one.id.as_str()).expect("reads").expect("is there");
        assert!(store.forget(&read).expect("forgets"));
        assert!(store.insert(&one).expect("its slug is free"));
        for damage in ["'{'", "CAST(x'ff00' AS TEXT)"] {
            let damage = format!("UPDATE claims SET record = {damage}");
            store.database().execute(&damage, []).expect("damages");
            let read = store.stored("amber-crab").expect("reads").expect("is there");
            assert_eq!(read.claim(), None);
            assert!(store.forget(&read).expect("forgets"));
            assert!(store.insert(&one).expect("its slug is free"));
        }
    }
}
