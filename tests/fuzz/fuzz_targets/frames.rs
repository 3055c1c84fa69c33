//! What the two ends of a session send each other.

#![no_main]

use crabbox_wire::frame::{ToHelper, ToHost};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut buffer = Vec::new();
    let mut input = bytes;
    while let Ok(Some(_)) = ToHost::read(&mut input, &mut buffer) {}
    let mut input = bytes;
    while let Ok(Some(_)) = ToHelper::read(&mut input, &mut buffer) {}
});
