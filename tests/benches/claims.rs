//! What claims cost that a command has nothing to do with: ten of them, and ten thousand.

use crate::counts;
use crate::figures::{Figures, in_turn, time};
use crate::table::Table;
use crate::worlds::fill;
use crabbox::claims::{Claim, Event, LastRun, LeaseId, Made, Moment, Owned, Store, Way};
use crabbox_provider_api::payload::{Endpoint, Scope, Transport};
use crabbox_tests::{Built, World};
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

/// One a durable transition; SQLite syncs the folder of its log once a process, too.
const FSYNCS_OF_ONE: u64 = 2;

pub(crate) fn measure(crabbox: &Path, _: &Built, table: &mut Table) {
    let (few, many) = (with_claims(crabbox, 10), with_claims(crabbox, 10_000));
    let run = |world: &World, words: &[&str]| time(&mut world.command_of(crabbox, words));
    let [version] = in_turn(30, [&mut || run(&few, &["--version"])]);
    table.baseline("crabbox --version", &version);
    for words in [
        &["status", "@repo"][..],
        &["status", "run_000000000001"],
        &["run", "-q", "--", "true"],
        &["list"],
        &["list", "--json"],
    ] {
        let [of_few, of_many]: [Figures; 2] =
            in_turn(30, [&mut || run(&few, words), &mut || run(&many, words)]);
        let what = words.join(" ");
        table.ratio(&format!("{what}, 10 claims"), &of_few, "--version", &version);
        table.ratio(&format!("{what}, 10,000 claims"), &of_many, "10 claims", &of_few);
    }
    for (count, world) in [("10", &few), ("10,000", &many)] {
        let counts = counts::of_command(world, crabbox, &["extend", "@repo", "1h"]);
        let what = format!("fsyncs of one transition, {count} claims");
        table.count(&what, counts.map(|counts| counts.fsyncs), FSYNCS_OF_ONE);
        let counts = counts::of_command(world, crabbox, &["list"]);
        let what = format!("fsyncs of a list, {count} claims");
        table.count(&what, counts.map(|counts| counts.fsyncs), 0);
    }
}

/// A checkout with a kept box, and so many claims of others beside it.
fn with_claims(crabbox: &Path, count: usize) -> World {
    let world = fill(100);
    time(&mut world.command_of(crabbox, &["run", "-q", "--keep", "--", "true"]));
    let state = world.root().join("state/crabbox");
    let mut store = Store::open(&state).expect("opens");
    ready(&mut store);
    drop(store);
    copy(&state.join("claims.db"), count - 2);
    world
}

/// One of a box that stands ready, made as any is.
fn ready(store: &mut Store) {
    let mut claim = Claim::new(LeaseId::from_bits(0), "another-crab".to_owned());
    "local".clone_into(&mut claim.provider);
    claim.repository = "/home/somebody/projects/one".into();
    assert!(store.insert(&claim).expect("inserts"));
    let name = claim.id.to_string();
    let id = "523182ad390c57dc3416ee601e1c45e2".to_owned();
    let attributes = serde_json::Map::new();
    let owned = Owned { name, id, scope: Scope::default(), attributes, owner: None };
    let transport = Transport::Exec { prefix: Vec::new() };
    let endpoint = Endpoint { same_machine: true, ..Endpoint::new(transport, "~/crabbox") };
    let way = Way { endpoint, identity: None, machine: None, marker: None, login: None };
    let run = LastRun::new("run_0123456789ab".to_owned());
    let idle_until = Some(Moment::after(Duration::from_hours(1)));
    for event in [
        Event::Checkpoint(Made::from(owned.clone())),
        Event::Leased { owned, way, run: Some(run), deadline: None, ttl: None },
        Event::Free { keep: true, idle_until, run_is_over: true, deadline: None, idle: None },
    ] {
        store.transition(&mut claim, &event).expect("goes on");
    }
}

/// The same row so many times, each with an id, a slug and a box of its own, in a hundred checkouts.
fn copy(database: &Path, count: usize) {
    let database = Connection::open(database).expect("opens");
    let columns = "id, slug, state, revision, provider, repository, updated, record, created, used,
        ends, ends_boot, ends_since_boot, keep, run, resource_name, resource_id, trouble";
    let line = format!(
        "WITH RECURSIVE numbers (n) AS
                (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}),
            copies AS (SELECT printf('cbx_%012x', n * 7919) AS new, 'crab-' || n AS called,
                '/home/somebody/projects/' || (n % 100) AS place, n, claims.*
                FROM numbers, claims WHERE slug = 'another-crab')
        INSERT INTO claims ({columns})
            SELECT new, called, state, revision, provider, place, updated,
                json_set(record, '$.id', new, '$.slug', called, '$.repository', place,
                    '$.stage.owned.name', new, '$.stage.owned.id', printf('%032x', n)),
                created, used - n, ends, ends_boot, ends_since_boot, keep, printf('run_%012x', n),
                new, printf('%032x', n), trouble
            FROM copies"
    );
    assert_eq!(database.execute(&line, []).expect("copies"), count);
    database
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("writes the log back");
}
