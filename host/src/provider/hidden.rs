//! What this program is besides the command line that people type. That is told apart before anything is read: neither
//! the variables that a provider declares nor those of a tool are meant for this program.

use super::{child, keeper};
use std::env;
use std::process::ExitCode;

/// Does all that this process is for, if that is a hidden command, which is a single word.
pub(crate) fn answer() -> Option<ExitCode> {
    let words: Vec<_> = env::args_os().skip(1).take(2).collect();
    match words.as_slice() {
        [word] if word == keeper::COMMAND => Some(keeper::main()),
        [word] if word == child::COMMAND => Some(child::main()),
        _ => None,
    }
}
