//! The picture of a lease's states is the table in the code.

use crabbox::claims::{Event, State};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
    for from in State::ALL {
        for event in Event::ALL {
            if let Some(to) = from.after(event) {
                let name = event.as_str().replace('_', " ");
                real.insert(format!("{from} --> {to}: {name}"));
            }
        }
    }
    assert_eq!(drawn, real);
}
