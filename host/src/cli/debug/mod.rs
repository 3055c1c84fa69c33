//! `crabbox debug …`

mod last;
mod list;

use super::Shared;
use crate::log::{Record, records};
use crate::output::CommandError;
use clap::Subcommand;
use jiff::Timestamp;

/// Logs of the last commands
#[derive(Debug, Subcommand)]
#[command(before_help = "Examples:
  crabbox debug list
  crabbox debug last
  crabbox debug last 2 --path")]
pub(in crate::cli) enum Debug {
    Last(last::Last),
    List(list::List),
}

impl Debug {
    pub(in crate::cli) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        match self {
            Self::Last(last) => last.execute(shared),
            Self::List(list::List) => list::List::execute(shared),
        }
    }
}

/// The logs, the latest first.
fn all(shared: &Shared) -> Result<Vec<Record>, CommandError> {
    Ok(records(&shared.places()?.state))
}

/// A log as every document shows it; `number` counts from 1, the latest.
pub(super) fn to_json(number: usize, record: &Record) -> serde_json::Value {
    serde_json::json!({
        "number": number,
        "path": record.path.to_string_lossy(),
        "command": record.command,
        "version": record.version,
        "folder": record.folder,
        "started": started(record),
        "exit": record.exit,
    })
}

/// `None`: the file is damaged.
fn started(record: &Record) -> Option<Timestamp> {
    record.started.parse().ok()
}
