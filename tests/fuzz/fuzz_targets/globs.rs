//! A pattern and a path, parted by a NUL.

#![no_main]

use crabbox_copy::glob::Globs;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (glob, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Ok(globs) = Globs::new([glob]) {
        let _ = globs.matched_path(path);
    }
});
