//! Brings a database of an earlier crabbox to the schema of this one, forwards only. What each earlier
//! one wrote is kept beside this file, and tested.

use super::claim::{Claim, Ending, LastRun, Machine, Made, Owned, Way, path};
use super::columns;
use super::id::LeaseId;
use super::moment::Moment;
use super::queries::rows_of;
use super::stage::{Stage, State};
use crabbox_provider_api::payload::{
    Attributes, Endpoint, Identity, ReleaseAction, Resource, Scope,
};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::Deserialize;
use std::path::PathBuf;

/// The schema of this version; `PRAGMA user_version` holds a database's own.
pub(super) const SCHEMA: i64 = 4;

const CREATE: &str = "
    CREATE TABLE claims (
        id         TEXT PRIMARY KEY,
        slug       TEXT NOT NULL,
        state      TEXT NOT NULL,
        revision   INTEGER NOT NULL,
        provider   TEXT NOT NULL,
        repository TEXT NOT NULL,
        updated    TEXT NOT NULL,
        record     TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX live_slugs ON claims (slug) WHERE state NOT IN ('released', 'lost');
    CREATE INDEX by_repository ON claims (repository, provider, state);
";

/// What is done to a database with the schema before: one step a schema.
const STEPS: [fn(&Transaction<'_>) -> rusqlite::Result<()>; 4] = [
    |new| new.execute_batch(CREATE),
    |second| second.execute_batch(columns::ADD),
    |third| third.execute_batch(columns::ADD_CLOCK),
    |fourth| fourth.execute_batch(columns::ADD_HOST).and_then(|()| fill(fourth)),
];

/// Brings an older database, or a new one, to [`SCHEMA`].
pub(super) fn migrate(database: &mut Connection) -> rusqlite::Result<()> {
    migrate_to(database, SCHEMA)
}

/// The same, to this one.
pub(super) fn migrate_to(database: &mut Connection, schema: i64) -> rusqlite::Result<()> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another command may have done it while this one waited.
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let count = |schema: i64| usize::try_from(schema).unwrap_or(usize::MAX);
    for step in STEPS.iter().take(count(schema)).skip(count(found)) {
        step(&transaction)?;
    }
    if found < schema {
        transaction.pragma_update(None, "user_version", schema)?;
    }
    transaction.commit()
}

/// Fills the columns, and brings each claim of schema 1 to what it holds now, which follows from where
/// it stands. One that held what couldn't be stays as it is, and can't be read: it is named, and used for
/// nothing.
fn fill(database: &Transaction<'_>) -> rusqlite::Result<()> {
    for row in rows_of(database, "SELECT id, slug, state, record FROM claims", &[])? {
        let (claim, before) = if let Ok(claim) = serde_json::from_slice::<Claim>(&row.record) {
            let before = claim.revision;
            (claim, before)
        } else if let Some(claim) = of_schema_1(&row.record) {
            let before = claim.revision;
            // With another revision: a crabbox of before that is at work finds its claim changed, and
            // leaves it.
            (Claim { revision: before + 1, ..claim }, before)
        } else {
            continue;
        };
        if claim.id.as_str() == row.id
            && let Ok(record) = serde_json::to_string(&claim)
        {
            columns::update(database, &claim, record, before)?;
        }
    }
    Ok(())
}

/// A claim of schema 1; also one that a crabbox of before, still at work, has added since.
pub(super) fn of_schema_1(record: &[u8]) -> Option<Claim> {
    serde_json::from_slice::<First>(record).ok().and_then(First::convert)
}

/// A claim of schema 1.
#[derive(Deserialize)]
struct First {
    id: LeaseId,
    slug: String,
    state: State,
    revision: i64,
    provider: String,
    provider_version: String,
    scope: Option<Scope>,
    resource: Resource,
    #[serde(default)]
    attributes: Attributes,
    endpoint: Option<Endpoint>,
    identity: Option<Identity>,
    machine: Option<Machine>,
    marker: Option<String>,
    release: ReleaseAction,
    #[serde(default)]
    keep: bool,
    #[serde(default)]
    rolled_back: bool,
    #[serde(with = "path")]
    repository: PathBuf,
    profile: String,
    created: Timestamp,
    updated: Timestamp,
    idle_deadline: Option<Timestamp>,
    run: Option<String>,
    trouble: Option<String>,
}

impl First {
    /// `None`: it holds what can't be.
    fn convert(self) -> Option<Claim> {
        let made = Some(&self.resource.name).filter(|name| !name.is_empty()).map(|name| Made {
            name: name.clone(),
            id: self.resource.id.clone(),
            scope: self.scope.clone(),
            attributes: self.attributes.clone(),
            owner: None,
            asked: (self.state == State::Leasing).then(|| Moment::from(self.updated)),
            planned: None,
        });
        let owned = || {
            let made = made.clone()?;
            let (id, scope) = (made.id?, made.scope?);
            Some(Owned { name: made.name, id, scope, attributes: made.attributes, owner: None })
        };
        let way = self.endpoint.map(|endpoint| Way {
            endpoint,
            identity: self.identity,
            machine: self.machine,
            marker: self.marker,
            login: None,
        });
        let stage = match self.state {
            State::Leasing => Stage::Leasing { made },
            State::Ready => Stage::Ready {
                owned: owned()?,
                way,
                idle_until: self.idle_deadline.map(Moment::from),
            },
            State::Busy => match way {
                Some(way) => Stage::Busy { owned: owned()?, way },
                None => Stage::Ready {
                    owned: owned()?,
                    way,
                    idle_until: self.idle_deadline.map(Moment::from),
                },
            },
            State::Releasing => Stage::Releasing { owned: owned()?, failed: self.rolled_back },
            State::Parked if self.rolled_back => Stage::Failed { made },
            State::Parked => Stage::Parked { owned: owned()?, since: self.updated.into() },
            State::Released => Stage::Released { made },
            State::Lost => Stage::Lost { made },
            State::Failed => Stage::Failed { made },
        };
        let over = !matches!(self.state, State::Busy);
        Some(Claim {
            id: self.id,
            slug: self.slug,
            revision: self.revision,
            provider: self.provider,
            provider_version: self.provider_version,
            name: String::new(),
            ending: Ending::from(self.release),
            keep: self.keep,
            repository: self.repository,
            profile: self.profile,
            owner: None,
            created: self.created,
            updated: self.updated,
            used: self.updated,
            deadline: None,
            stays_until: None,
            idle: None,
            ttl: None,
            run: self.run.map(|id| LastRun { id, over }),
            trouble: self.trouble,
            stage,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Listed, Reader, Store};
    use super::*;
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    const FIRST: &str = include_str!("migrations/schema-1.sql");
    const SECOND: &str = include_str!("migrations/schema-2.sql");
    const THIRD: &str = include_str!("migrations/schema-3.sql");

    fn old(state: &Path, schema: &str) -> Connection {
        fs::create_dir_all(state).expect("a folder");
        let database = Connection::open(state.join("claims.db")).expect("opens");
        database.execute_batch(schema).expect("fills");
        database
    }

    fn listed(reader: &Reader) -> Vec<String> {
        let mut found = Vec::new();
        let show = |one: &Listed<'_>| {
            let made = if one.created.is_some() { "made" } else { "?" };
            let left = if one.left.is_some() { "ends" } else { "-" };
            found.push(format!("{} {} {made} {left}", one.slug, one.state));
        };
        reader.list(true, show).expect("lists");
        found.sort();
        found
    }

    #[test]
    fn a_claim_of_schema_2_is_as_it_was_and_its_deadline_is_known_by_both_clocks() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("state");
        drop(old(&state, SECOND));
        let store = Store::open(&state).expect("opens");
        let (claims, unreadable) = store.all(true).expect("lists");
        assert!(unreadable.is_empty(), "{unreadable:?}");
        let claims: Vec<_> =
            claims.iter().map(|one| format!("{} {}", one.slug, one.revision)).collect();
        assert_eq!(claims, ["coral-tern 9", "lilac-narwhal 6", "mauve-oyster 7"]);
        let expected = [
            "coral-tern released made -",
            "lilac-narwhal ready made ends",
            "mauve-oyster parked made -",
        ];
        assert_eq!(listed(&store), expected);
        let query = "SELECT ends_boot FROM claims WHERE slug = 'lilac-narwhal'";
        let boot: String =
            store.database().query_row(query, [], |row| row.get(0)).expect("is there");
        assert_eq!(boot, "00000000-0000-4000-8000-000000000def");
    }

    #[test]
    fn a_claim_of_schema_3_is_as_it_was_and_a_list_says_which_machine_its_place_is_on() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("state");
        drop(old(&state, THIRD));
        let store = Store::open(&state).expect("opens");
        let (claims, unreadable) = store.all(true).expect("lists");
        assert!(unreadable.is_empty(), "{unreadable:?}");
        let mut claims: Vec<_> =
            claims.iter().map(|one| format!("{} {}", one.slug, one.revision)).collect();
        claims.sort();
        assert_eq!(claims, ["bronze-seal 6", "golden-pelican 7", "red-eel 9", "teal-urchin 6"]);
        let mut hosts = Vec::new();
        let show = |one: &Listed<'_>| {
            hosts.extend(one.host.as_ref().map(|host| format!("{} {host}", one.slug)));
        };
        store.list(true, show).expect("lists");
        assert_eq!(hosts, ["teal-urchin ann@desk:2222"]);
    }

    #[test]
    fn every_claim_of_schema_1_is_there_with_all_that_it_held() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("state");
        drop(old(&state, FIRST));
        let (claims, unreadable) = Store::open(&state).expect("opens").all(true).expect("lists");
        assert!(unreadable.is_empty(), "{unreadable:?}");
        let claims: BTreeMap<_, _> =
            claims.iter().map(|claim| (claim.slug.as_str(), claim)).collect();
        let states = claims.iter().map(|(slug, claim)| format!("{slug} {}", claim.state()));
        assert_eq!(
            states.collect::<Vec<_>>(),
            [
                "beige-barnacle releasing",
                "beige-krill released",
                "bronze-whale leasing",
                "crimson-narwhal leasing",
                "green-pelican ready",
                "grey-cod failed",
                "indigo-limpet failed",
                "lime-seal busy",
                "mauve-turtle released",
                "red-lobster parked",
                "teal-manta lost",
            ]
        );
        let kept = claims["green-pelican"];
        assert!(kept.keep && kept.way().is_some_and(|way| way.marker.is_some()));
        assert_eq!(kept.repository, Path::new("/home/ann/project"));
        let idle_until = kept.idle_until().map(|until| until.wall);
        assert_eq!(idle_until, "2026-11-26T00:04:00.209335002Z".parse().ok());
        assert!(kept.run.as_ref().is_some_and(|run| run.over));
        assert!(claims["lime-seal"].run.as_ref().is_some_and(|run| !run.over));
        let made = claims["bronze-whale"].made().expect("a box was named");
        assert!(made.id.is_some() && made.scope.is_some());
        assert_eq!(claims["crimson-narwhal"].made(), None);
        assert!(claims["beige-barnacle"].to_release().is_some());
        assert!(claims["indigo-limpet"].has_failed() && claims["indigo-limpet"].trouble.is_some());
        let store = Store::open(&state).expect("opens");
        let listed = listed(&store);
        assert!(
            listed.len() == 11 && listed.iter().all(|one| one.contains(" made ")),
            "{listed:?}"
        );
        let name = &claims["lime-seal"].made().expect("a box").name;
        assert_eq!(store.search(name).expect("looks")[0].slug, "lime-seal");
    }

    #[test]
    fn a_box_that_was_parked_by_the_clock_on_the_wall_alone_is_so_still() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("state");
        drop(old(&state, FIRST));
        let store = Store::open(&state).expect("opens");
        let parked = || store.named("red-lobster").expect("reads").expect("is there");
        let before = parked();
        let shorten = "UPDATE claims SET record =
            json_set(record, '$.stage.since', json_extract(record, '$.stage.since.wall'))
            WHERE slug = 'red-lobster'";
        assert_eq!(store.database().execute(shorten, []).expect("writes it as before"), 1);
        assert_eq!(parked(), before);
    }

    #[test]
    fn a_row_that_cannot_be_converted_is_kept_and_named() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("state");
        let database = old(&state, FIRST);
        let bad = r#"{"no":"claim"}"#;
        let damage = "UPDATE claims SET record = ?1 WHERE slug = 'lime-seal'";
        database.execute(damage, [bad]).expect("damages");
        drop(database);
        let (claims, unreadable) = Store::open(&state).expect("opens").all(true).expect("lists");
        assert_eq!((claims.len(), unreadable.len()), (10, 1));
        let database = Connection::open(state.join("claims.db")).expect("opens");
        let query = "SELECT record FROM claims WHERE slug = 'lime-seal'";
        let record: String = database.query_row(query, [], |row| row.get(0)).expect("is there");
        assert_eq!(record, bad);
    }

    #[test]
    fn whoever_only_looks_leaves_an_old_database_old_and_sees_all_of_it() {
        for (schema, version) in [(FIRST, 1), (SECOND, 2), (THIRD, 3)] {
            let folder = tempfile::tempdir().expect("temporary folder");
            let state = folder.path().join("state");
            let database = old(&state, schema);
            let seen = Reader::open(&state).expect("opens").expect("is there");
            let found = |reader: &Reader| {
                let (claims, unreadable) = reader.all(true).expect("reads");
                assert!(unreadable.is_empty(), "{unreadable:?}");
                (claims, listed(reader))
            };
            let before = found(&seen);
            let pragma = |name| {
                let read = database.query_row(name, [], |row| row.get::<_, i64>(0));
                read.expect("reads")
            };
            assert_eq!(pragma("PRAGMA user_version"), version);
            drop(database);
            assert_eq!(before, found(&Store::open(&state).expect("brings it forward")));
        }
    }
}
