//! The records of a copy: no name of theirs leads away.

#![no_main]

use crabbox_wire::copy::{Record, is_name};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut block = bytes;
    while let Ok(record) = Record::take(&mut block) {
        if let Record::File { name, .. } | Record::Folder { name, .. } | Record::Link { name, .. } =
            record
        {
            assert!(name.is_empty() || is_name(name));
        }
        if block.is_empty() {
            break;
        }
    }
});
