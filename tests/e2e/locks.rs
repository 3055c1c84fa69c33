//! A state folder on a network: refused where its locks keep nobody out, before anything is recorded or leased, and used
//! without what two machines can't share where they do.

use crate::state::says;
use crabbox_tests::{Ran, World};
use rusqlite::Connection;
use std::fs;

fn with(world: &World, fault: &str, words: &[&str]) -> Ran {
    Ran::of(world.command(words).env("CRABBOX_FAULT", fault))
}

#[test]
fn where_locks_keep_nobody_out_no_box_is_leased_and_the_line_to_type_works() {
    let world = World::new();
    let folder = world.root().join("state/crabbox");
    let ran = with(&world, "~locks.unseen", &["run", "--", "true"]);
    let said = format!("the state folder `{}` can't be used", folder.display());
    says(&ran, 125, &[&said, "because: it lies on ", "where a lock keeps nobody out"]);
    says(&ran, 125, &["note: without them, two commands could take one box"]);
    assert!(!folder.join("claims.db").exists());
    assert_eq!(world.boxes().len(), 0);
    let hint = |of: &str| {
        let line = ran.stderr.lines().find_map(|line| line.split_once(of));
        line.expect("a hint").1.to_owned()
    };
    let line = hint("hint: crabbox ");
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(world.crabbox(&words).code, 0, "{line}");
    let lasting = hint("hint: export CRABBOX_STATE_DIR=");
    assert!(line.contains(&format!("--state-dir {lasting} ")), "{line}");
}

#[test]
fn doctor_says_that_locks_keep_nobody_out() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let ran = with(&world, "~locks.unseen", &["doctor"]);
    assert!(ran.stdout.contains("where a lock keeps nobody out"), "{}", ran.stdout);
}

#[test]
fn where_they_do_on_a_network_the_claims_share_no_memory() {
    let world = World::new();
    let folder = world.root().join("state/crabbox");
    // Made on a disk, which was moved to the network. A caretaker would still take it for one.
    let command = |words: &[&str]| {
        let mut command = world.command(words);
        command.env("CI", "true");
        command
    };
    assert_eq!(Ran::of(&mut command(&["run", "--keep", "--", "true"])).code, 0);
    let journal = || -> String {
        let database = Connection::open(folder.join("claims.db")).expect("opens");
        database.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("asks")
    };
    assert_eq!(journal(), "wal");
    let mut run = command(&["run", "--", "cat", "hello.txt"]);
    let ran = Ran::of(run.env("CRABBOX_FAULT", "~locks.network"));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    assert_eq!(journal(), "delete");
    assert!(!fs::exists(folder.join("claims.db-shm")).expect("looks"));
    let list = with(&world, "~locks.network", &["list", "--json"]);
    assert!(list.stdout.contains(r#""state": "ready""#), "{}", list.stdout);
    assert_eq!(world.boxes().len(), 1);
}
