//! Claims of what was there before its lease. No two claims may name one resource: whoever adopts it
//! looks for another claim of it and stores its own in one transaction.

use super::claim::{Claim, Owned};
use super::columns;
use super::error::ClaimError;
use super::queries::{Stored, rows_of};
use super::store::{Store, encode, wrap};
use crate::fault;
use rusqlite::{Connection, TransactionBehavior};

/// The lease whose claim names a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub slug: String,
    /// Its claim can be read. If not, it only seems to name the resource.
    pub is_readable: bool,
}

/// What came of storing the claim of an adopted resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// It is stored.
    Done,
    /// Another lease has its id or slug.
    NameTaken,
    /// Another claim names the resource.
    Claimed(Claimant),
}

impl Store {
    /// The lease that isn't over and whose claim names this resource, or may name it.
    pub fn claimant(&self, provider: &str, owned: &Owned) -> Result<Option<Claimant>, ClaimError> {
        claimant(self.database(), provider, owned).map_err(|source| self.wrap(source))
    }

    /// Stores the claim of a resource that `claim` names, unless another claim does.
    pub fn adopt(&mut self, claim: &Claim, owned: &Owned) -> Result<Adopted, ClaimError> {
        let record = encode(claim)?;
        fault::point("claim.before.insert");
        let path = self.path().to_owned();
        let wrap = |source| wrap(&path, source);
        let behavior = TransactionBehavior::Immediate;
        let transaction =
            self.reader.database_mut().transaction_with_behavior(behavior).map_err(wrap)?;
        if let Some(other) = claimant(&transaction, &claim.provider, owned).map_err(wrap)? {
            return Ok(Adopted::Claimed(other));
        }
        if !columns::insert(&transaction, claim, record).map_err(wrap)? {
            return Ok(Adopted::NameTaken);
        }
        transaction.commit().map_err(wrap)?;
        fault::point("claim.after.insert");
        Ok(Adopted::Done)
    }
}

fn claimant(
    database: &Connection,
    provider: &str,
    owned: &Owned,
) -> rusqlite::Result<Option<Claimant>> {
    let rows = rows_of(
        database,
        "SELECT id, slug, state, record FROM claims
            WHERE provider = ?1 AND state NOT IN ('released', 'lost')",
        &[&provider],
    )?;
    let named = rows.into_iter().find_map(|row| {
        let claim = row.claim();
        let names = claim.as_ref().map_or_else(|_| mentions(&row, owned), |it| names(it, owned));
        let (is_readable, Stored { id, slug, .. }) = (claim.is_ok(), row);
        names.then_some(Claimant { id, slug, is_readable })
    });
    Ok(named)
}

/// Is it the claim's? One that was made under its name, and whose id isn't known yet, may be. Ids
/// are unique within a deployment.
fn names(claim: &Claim, owned: &Owned) -> bool {
    claim.made().is_some_and(|made| {
        let elsewhere = |scope: &_| *scope != owned.scope.deployment;
        let deployment = made.scope.as_ref().map(|scope| &scope.deployment);
        let may_be = made.id.as_ref().map_or(made.name == owned.name, |id| *id == owned.id);
        may_be && !deployment.is_some_and(elsewhere)
    })
}

/// Whatever a record that can't be read has to say: where it holds the id, it may be about it.
fn mentions(row: &Stored, owned: &Owned) -> bool {
    let id = serde_json::to_string(&owned.id).unwrap_or_default();
    row.record.windows(id.len().max(1)).any(|part| part == id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::life::tests::{owned, way};
    use super::super::{Event, LastRun, LeaseId, Made};
    use super::*;
    use std::thread;

    fn adopted(bits: u64, owned: Owned) -> Claim {
        let slug = format!("crab-{bits}");
        let mut claim = Claim::adopted(LeaseId::from_bits(bits), slug, owned, None);
        "local".clone_into(&mut claim.provider);
        claim
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let store = Store::open(&folder.path().join("state")).expect("opens");
        (folder, store)
    }

    #[test]
    fn of_many_at_once_one_has_it() {
        let (folder, store) = store();
        drop(store);
        let state = folder.path().join("state");
        let all: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (1..=16)
                .map(|bits| {
                    let state = &state;
                    scope.spawn(move || {
                        let mut store = Store::open(state).expect("opens");
                        store.adopt(&adopted(bits, owned("1")), &owned("1")).expect("asks")
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
        });
        assert_eq!(all.iter().filter(|came| **came == Adopted::Done).count(), 1);
        let others = all.iter().filter(|came| matches!(came, Adopted::Claimed(_)));
        assert_eq!(others.count(), 15);
    }

    #[test]
    fn a_resource_is_known_by_its_id_and_deployment_and_until_it_has_one_by_its_name() {
        let (_folder, mut store) = store();
        let mut made = Claim::new(LeaseId::from_bits(1), "amber-crab".to_owned());
        "local".clone_into(&mut made.provider);
        store.insert(&made).expect("inserts");
        assert_eq!(store.claimant("local", &owned("1")).expect("asks"), None);
        let named = Made { id: None, ..owned("1").into() };
        store.transition(&mut made, &Event::Checkpoint(named)).expect("names");
        assert!(store.claimant("local", &owned("1")).expect("asks").is_some());
        assert_eq!(store.claimant("desk", &owned("1")).expect("asks"), None);
        let run = LastRun::new("run_1".to_owned());
        let leased =
            Event::Leased { owned: owned("1"), way: way(), run: Some(run), deadline: None };
        store.transition(&mut made, &leased).expect("leases");
        assert!(store.claimant("local", &owned("1")).expect("asks").is_some());
        assert_eq!(store.claimant("local", &owned("2")).expect("asks"), None);
        let mut elsewhere = owned("1");
        elsewhere.scope.deployment.push_str("elsewhere");
        assert_eq!(store.claimant("local", &elsewhere).expect("asks"), None);
        let damage = "UPDATE claims SET record = substr(record, 2)";
        store.database().execute(damage, []).expect("damages");
        let seeming = store.claimant("local", &owned("1")).expect("asks").expect("seems so");
        assert!(!seeming.is_readable);
        assert_eq!(store.claimant("local", &owned("2")).expect("asks"), None);
    }

    #[test]
    fn what_is_over_claims_nothing() {
        let (_folder, mut store) = store();
        let mut claim = adopted(1, owned("1"));
        assert_eq!(store.adopt(&claim, &owned("1")).expect("adopts"), Adopted::Done);
        let other = adopted(1, owned("2"));
        assert_eq!(store.adopt(&other, &owned("2")).expect("asks"), Adopted::NameTaken);
        store.transition(&mut claim, &Event::LetGo).expect("lets go");
        assert_eq!(
            store.adopt(&adopted(2, owned("1")), &owned("1")).expect("adopts"),
            Adopted::Done
        );
    }
}
