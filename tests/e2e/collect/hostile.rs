//! A box that sends what nobody asked it for, once a run on it has ended.

use super::{document, files, folder};
use crate::hostile_box::Turncoat;
use crabbox_wire::collect::Collected;
use crabbox_wire::copy::Record;
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::{Ended, Outcome, Synced};
use crabbox_wire::tree::Hash;

const ROOT: Record<'_> = Record::Folder { name: b"", mode: 0o755 };

/// A run that ends with 3, and what the box sends of its artifacts then.
fn sends(records: &[Record<'_>], ends: bool) -> (Turncoat, crabbox_tests::Ran) {
    let turncoat = Turncoat::new();
    let ran = turncoat.crabbox(&["run", "--json", "--keep", "--", "true"]);
    let root = document(&ran)["sync"]["root"].as_str().expect("a hash").parse().expect("a hash");
    let synced = Synced { root, written: 0, removed: 0 };
    let ended = Ended { outcome: Outcome::Exited(3), wall_ms: 1, output: 0, warnings: Vec::new() };
    let mut frames = vec![ToHost::Synced(synced), ToHost::Ended(ended)];
    let mut blocks = Vec::new();
    for record in records {
        let mut block = Vec::new();
        record.encode(&mut block);
        blocks.push(block);
    }
    // Reports come first: there are none.
    let mut none = Vec::new();
    Record::End.encode(&mut none);
    frames.extend([ToHost::Copy(&none), ToHost::Collected(Collected::default())]);
    frames.extend(blocks.iter().map(|block| ToHost::Copy(block)));
    if ends {
        frames.push(ToHost::Collected(Collected::default()));
    }
    turncoat.says(&frames, true);
    let mut command = turncoat.command(&["run", "--json", "--artifact", "out", "--", "true"]);
    command.env("CRABBOX_FAULT", "<1000");
    let ran = crabbox_tests::Ran::of(command.env("CRABBOX_ARTIFACTS_MAX_SIZE", "1KiB"));
    (turncoat, ran)
}

fn file(name: &[u8], size: u64) -> Record<'_> {
    Record::File { name, mode: 0o644, size, key: None }
}

#[test]
fn a_box_that_sends_more_than_it_was_asked_for_is_stopped() {
    let content = [0; 1025];
    let whole = Record::Whole { hash: Hash::of(&content), grew: false };
    let (_, ran) = sends(&[ROOT, file(b"f", 1025), Record::Data(&content), whole], false);
    assert_eq!(ran.code, 3, "{ran:?}");
    let broke_off = &document(&ran)["artifacts"]["broke_off"];
    assert_eq!(broke_off, "the box sends more than it was asked for");
}

#[test]
fn a_box_that_does_not_keep_to_the_protocol_changes_no_exit_code() {
    let hash = Hash::of(b"");
    let all = [
        ROOT,
        file(b".git", 0),
        Record::Whole { hash, grew: false },
        Record::Folder { name: b".GIT", mode: 0o755 },
        file(b"hook", 0),
        Record::Whole { hash, grew: false },
        Record::Leave,
        file(b"fine", 0),
        Record::Whole { hash, grew: false },
        Record::Leave,
        Record::End,
    ];
    let (turncoat, ran) = sends(&all, true);
    assert_eq!(ran.code, 3, "{ran:?}");
    let done = document(&ran);
    assert_eq!(files(&folder(&turncoat.world, &done)), ["fine"]);
    assert_eq!(done["artifacts"]["left_out_count"], 2, "{done}");
    // An end before the end, and a second tree.
    let (_, ran) = sends(&[ROOT], true);
    let broke_off = |ran| document(ran)["artifacts"]["broke_off"].clone();
    assert_eq!(broke_off(&ran), "the remote helper doesn't keep to the protocol", "{ran:?}");
    let (_, ran) = sends(&[ROOT, Record::Leave, Record::End, Record::End], false);
    assert_eq!(broke_off(&ran), "the remote helper doesn't keep to the protocol", "{ran:?}");
}

#[test]
fn a_box_that_falls_silent_is_not_waited_for() {
    let (_, ran) = sends(&[ROOT], false);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(document(&ran)["artifacts"]["broke_off"].is_string(), "{ran:?}");
}
