//! A report of tests: XML of a box.

#![no_main]

use crabbox::redact::Redactor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let report = crabbox::results::read(bytes, &Redactor::default());
    assert_eq!(report.cases.len(), report.elements.len());
});
