//! What crabbox costs, each figure beside a baseline of the same sitting.
//!
//! `cargo bench -p crabbox-tests [-- TOPIC…]`, with the topics `start`, `warm`, `first`, `output`,
//! `crowd`, `provider`, `claims`, `history`, `ssh`, `ssh-first`, `copies`. Prints one table and writes it as JSON to
//! `target/measured.json`. Ends with 1 when a *count* (processes, fsyncs, memory) is over its budget, never for
//! a time: machines differ.

#![expect(clippy::print_stdout, reason = "a benchmark's table is its output")]

mod claims;
mod copies;
mod counts;
mod crowd;
mod figures;
mod first;
mod history;
mod output;
mod provider;
mod results;
mod ssh;
mod start;
mod table;
mod warm;
mod worlds;

use crabbox_tests::{Built, Profile};
use std::path::Path;
use std::process::ExitCode;
use table::Table;

/// A topic: what it is called, and what measures it.
type Topic = (&'static str, fn(&Path, &Built, &mut Table));

const TOPICS: &[Topic] = &[
    ("start", start::measure),
    ("warm", warm::measure),
    ("first", first::measure),
    ("output", output::measure),
    ("crowd", crowd::measure),
    ("provider", provider::measure),
    ("claims", claims::measure),
    ("history", history::measure),
    ("results", results::measure),
    ("ssh", ssh::measure),
    ("ssh-first", ssh::measure_first),
    ("copies", copies::measure),
];

fn main() -> ExitCode {
    crabbox_tests::on_disk();
    let built = Built::make(Profile::Release);
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut table = Table::default();
    for (name, measure) in TOPICS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            measure(&built.crabbox, &built, &mut table);
        }
    }
    table.print();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/measured.json");
    std::fs::write(&file, table.json()).expect("the target folder can be written");
    if table.over_budget() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
