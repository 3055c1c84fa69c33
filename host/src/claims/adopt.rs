//! Claims of what was there before its lease, and of what another lease may have. No two claims may name one
//! resource: whoever adopts it, or is told its id, looks for another claim of it and stores its own in one
//! transaction.

use super::claim::{Claim, Made, Owned};
use super::columns;
use super::error::ClaimError;
use super::id::LeaseId;
use super::queries::{Stored, rows_of};
use super::store::{Store, encode, wrap};
use crate::fault;
use crabbox_provider_api::payload::Scope;
use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeSet;

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

    /// The names and ids of what other leases of this provider have that aren't over, and what another
    /// lease could be given, too: nobody else is given what is named after its lease. Of any scope: which
    /// it will be is known only when it is too late.
    pub fn taken(&self, provider: &str, lease: &LeaseId) -> Result<Vec<String>, ClaimError> {
        let query = "SELECT resource_name, resource_id FROM claims WHERE provider = ?1 AND id != ?2
            AND state NOT IN ('released', 'lost') AND resource_name IS NOT NULL
            AND instr(resource_name, substr(id, 5)) = 0 ORDER BY resource_name, id";
        let collect = || {
            let mut statement = self.database().prepare(query)?;
            let read =
                |row: &rusqlite::Row<'_>| Ok([row.get::<_, Option<String>>(0)?, row.get(1)?]);
            let found = statement.query_map([provider, lease.as_str()], read)?;
            found.collect::<Result<Vec<_>, _>>()
        };
        let mut all: Vec<_> = collect()
            .map_err(|source| self.wrap(source))?
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        let mut seen = BTreeSet::new();
        all.retain(|one| seen.insert(one.clone()));
        Ok(all)
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

/// The other lease that has the very id that this claim names.
pub(super) fn other_owner(
    database: &Connection,
    claim: &Claim,
) -> rusqlite::Result<Option<Claimant>> {
    let Some(Made { id: Some(id), scope, .. }) = claim.made() else {
        return Ok(None);
    };
    let rows = rows_of(
        database,
        "SELECT id, slug, state, record FROM claims WHERE resource_id = ?1 AND provider = ?2
            AND id != ?3 AND state NOT IN ('released', 'lost')",
        &[&id, &claim.provider, &claim.id.as_str()],
    )?;
    let deployment = |scope: Option<Scope>| scope.map(|scope| scope.deployment);
    let here = deployment(scope);
    let other = rows.into_iter().find_map(|row| {
        let read = row.claim();
        let there = read.as_ref().ok().and_then(|other| deployment(other.made()?.scope));
        let may_be = here.as_ref().zip(there.as_ref()).is_none_or(|(here, there)| here == there);
        let (is_readable, Stored { id, slug, .. }) = (read.is_ok(), row);
        may_be.then_some(Claimant { id, slug, is_readable })
    });
    Ok(other)
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
    use super::super::{Event, LastRun};
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
        let leased = Event::Leased {
            owned: owned("1"),
            way: way(),
            run: Some(run),
            deadline: None,
            ttl: None,
        };
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
    fn no_two_leases_have_one_resource_however_they_come_to_it() {
        let (_folder, mut store) = store();
        let mut first = adopted(1, owned("1"));
        assert_eq!(store.adopt(&first, &owned("1")).expect("adopts"), Adopted::Done);
        let leasing = |bits, name: &str| {
            let mut claim = Claim::new(LeaseId::from_bits(bits), format!("crab-{bits}"));
            "local".clone_into(&mut claim.provider);
            let made = Made { name: name.to_owned(), id: None, ..owned("1").into() };
            (claim, made)
        };
        let (mut second, named) = leasing(0xabc, "box-000000000abc");
        assert!(store.insert(&second).expect("inserts"));
        let refused = |came: Result<(), ClaimError>| match came {
            Err(ClaimError::Claimed(Claimant { slug, is_readable: true, .. })) => slug == "crab-1",
            _ => false,
        };
        let known = Made { id: Some("1".to_owned()), ..named.clone() };
        let checkpoint = |made: &Made| Event::Checkpoint(made.clone());
        assert!(refused(store.transition(&mut second, &checkpoint(&known))));
        store.transition(&mut second, &checkpoint(&named)).expect("its name alone is nobody's");
        assert!(refused(store.transition(&mut second, &checkpoint(&known))));
        let found = Owned { name: named.name.clone(), ..owned("1") };
        let leased = Event::Leased {
            owned: found.clone(),
            way: way(),
            run: None,
            deadline: None,
            ttl: None,
        };
        assert!(refused(store.transition(&mut second, &leased)));
        let action = crabbox_provider_api::payload::ReleaseAction::Delete;
        let release =
            Event::Release { found: Some(found), action, failed: true, run_is_over: true };
        assert!(refused(store.transition(&mut second, &release)));
        let elsewhere = Scope { deployment: "elsewhere".to_owned(), ..Scope::default() };
        let (mut third, named) = leasing(3, "box-000000000003");
        assert!(store.insert(&third).expect("inserts"));
        let there = Made { scope: Some(elsewhere), id: Some("1".to_owned()), ..named };
        store.transition(&mut third, &checkpoint(&there)).expect("that is another");
        store.transition(&mut first, &Event::LetGo).expect("is over");
        store.transition(&mut second, &checkpoint(&known)).expect("it is nobody's now");
    }

    #[test]
    fn what_is_taken_are_the_members_of_pools() {
        let (_folder, mut store) = store();
        let member = |id: &str| Owned { name: format!("machine-{id}"), ..owned(id) };
        for (bits, id) in [(1, "7"), (2, "8")] {
            let owned = member(id);
            store.adopt(&adopted(bits, owned.clone()), &owned).expect("adopts");
        }
        let named = Owned { name: "box-000000000003".to_owned(), ..owned("9") };
        store.adopt(&adopted(3, named.clone()), &named).expect("adopts");
        let taken =
            |provider, bits| store.taken(provider, &LeaseId::from_bits(bits)).expect("asks");
        assert_eq!(taken("local", 4), ["machine-7", "7", "machine-8", "8"]);
        assert_eq!(taken("local", 2), ["machine-7", "7"]);
        assert!(taken("desk", 4).is_empty());
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
