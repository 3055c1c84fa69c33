//! What is remembered of runs: what is [`recorded`], [`listed`] and [`printed`], and that [`of_test`] alone, whether a tree was [`dirty`], what is
//! [`forgotten`], what is said of [`unfinished`] ones, what recording [`spared`] a run, and the [`trouble`] with all that,
//! which is never the run's.

mod dirty;
mod forgotten;
mod listed;
mod of_test;
mod printed;
mod recorded;
mod spared;
mod trouble;
mod unfinished;

use crabbox_tests::{Ran, World};
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// The records of all runs, the latest first.
fn all(world: &World) -> Vec<Value> {
    let ran = world.crabbox(&["history", "--all", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    json(&ran)["runs"].as_array().expect("a list").clone()
}

/// The record of the last one.
fn last(world: &World) -> Value {
    all(world).first().expect("a run").clone()
}

/// Which runs a list shows, the latest first.
fn ids(ran: &Ran) -> Vec<String> {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let first = ran.stdout.lines().skip(1).filter_map(|line| line.split(' ').next());
    first.map(str::to_owned).collect()
}

fn state(world: &World) -> PathBuf {
    world.root().join("state/crabbox")
}

fn database(world: &World) -> Connection {
    Connection::open(state(world).join("history.db")).expect("opens")
}

/// The runs of which there are files.
fn folders(world: &World) -> Vec<String> {
    let entries = fs::read_dir(state(world).join("runs")).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
