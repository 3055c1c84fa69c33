//! A line of shell, from which secrets are taken out before it is remembered.

#![no_main]

use crabbox::history::Command;
use crabbox_wire::message;
use crabbox_wire::text::Text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = Text(bytes.to_vec());
    let _ = Command::of(&message::Command::Shell(text.clone())).to_string();
    let _ = Command::of(&message::Command::Argv(vec![text.clone(), text])).to_string();
});
