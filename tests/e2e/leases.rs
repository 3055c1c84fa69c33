//! The picture of a lease's states is the table in the code.

use crabbox::claims::{Event, State};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const STATES: [State; 8] = [
    State::Leasing,
    State::Ready,
    State::Busy,
    State::Releasing,
    State::Parked,
    State::Released,
    State::Lost,
    State::Failed,
];

const EVENTS: [(Event, &str); 10] = [
    (Event::Checkpoint, "checkpoint"),
    (Event::Leased, "leased"),
    (Event::LeaseFailed, "lease failed"),
    (Event::Take, "take"),
    (Event::Note, "note"),
    (Event::Free, "free"),
    (Event::Release, "release"),
    (Event::Parked, "parked"),
    (Event::Deleted, "deleted"),
    (Event::Gone, "gone"),
];

#[test]
fn the_picture_shows_every_transition_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/explanation/leases.md");
    let document = fs::read_to_string(path).expect("reads");
    let drawn: BTreeSet<String> = document
        .lines()
        .map(str::trim)
        .filter(|line| line.contains(" --> ") && line.contains(": "))
        .map(str::to_owned)
        .collect();
    let mut real = BTreeSet::new();
    for from in STATES {
        for (event, name) in EVENTS {
            if let Some(to) = from.after(event) {
                real.insert(format!("{from} --> {to}: {name}"));
            }
        }
    }
    assert_eq!(drawn, real);
}
