//! The command line: one file a command.
//!
//! [`line`](mod@line) is what was typed, [`shared`] what the options of every command come to, [`dispatch`] leads to the command and from it to an
//! exit code; [`mod@age`] is how long ago something was, wherever that is shown.

mod adopt;
mod age;
mod artifacts;
mod bounds;
mod bug;
mod bundle;
mod caretaker;
mod claims;
mod cleanup;
mod completions;
mod config;
mod confirm;
mod cp;
mod debug;
mod dispatch;
mod doctor;
mod early;
mod extend;
mod forget;
mod help;
mod history;
mod init;
mod inspect;
mod interrupts;
mod line;
mod list;
mod logs;
mod onlooker;
mod order;
mod parked;
mod printed;
mod provider;
mod report;
mod results;
mod run;
mod settings;
mod shared;
mod slow;
mod ssh;
mod standing;
mod status;
mod stay;
mod stop;
mod tunnel;
mod usage;
mod verify;
mod version;
mod visit;
mod warmup;
mod whole;

pub use dispatch::main;
pub use line::command;

use age::{age, ago, in_short};
use shared::{Shared, in_spite_of};
