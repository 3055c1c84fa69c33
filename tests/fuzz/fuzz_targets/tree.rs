//! The manifest of a tree: what can be read is written the same again.

#![no_main]

use crabbox_wire::tree;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(found) = tree::decode(bytes) {
        assert_eq!(tree::decode(&tree::encode(&found)).expect("reads again").root(), found.root());
    }
});
