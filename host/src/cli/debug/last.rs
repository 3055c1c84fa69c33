//! `crabbox debug last`

use super::{all, to_json};
use crate::cli::Shared;
use crate::log::Record;
use crate::output::{CommandError, Exit, to_type, visible};
use clap::Args;
use serde_json::json;

/// Show the log of the last command, or of an earlier one
///
/// What was typed, by which version, where and when; then every step with its time, and the exit
/// code. A log is kept of each command that leases, uses or releases a box, without secrets and
/// without what the program printed. The last 20 are kept.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox debug last
  crabbox debug last 2
  crabbox debug last --path")]
pub(in crate::cli) struct Last {
    /// Which: 1 is the last one, 2 the one before
    #[arg(value_name = "N", default_value = "1", hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..))]
    number: u8,
    /// Show where it is instead
    #[arg(long)]
    path: bool,
}

impl Last {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let number = usize::from(self.number);
        let records = all(shared)?;
        let record = records.get(number - 1).ok_or_else(|| none(records.len()))?;
        let text = text(record)?;
        if shared.printer.json {
            let lines: Vec<&str> = text.lines().collect();
            let document =
                json!({ "schema_version": 1, "log": to_json(number, record), "lines": lines });
            return shared.printer.document(&document);
        }
        if self.path {
            return shared.printer.data(&format!("{}\n", record.path.display()));
        }
        // It is a file of ours, which anybody may have changed.
        let lines: Vec<_> = text.lines().map(visible).collect();
        shared.printer.data(&format!("{}\n", lines.join("\n")))?;
        if record.exit.is_none() {
            shared.printer.phase("there is no end: it was killed, or still runs");
        }
        Ok(())
    }
}

fn none(count: usize) -> CommandError {
    let message = match count {
        0 => "no log was kept yet".to_owned(),
        1 => "only one log is kept".to_owned(),
        count => format!("only {count} logs are kept"),
    };
    CommandError::new(Exit::NotFound, message).hint(to_type(&["debug", "list"]))
}

fn text(record: &Record) -> Result<String, CommandError> {
    record.text().map_err(|error| {
        let path = record.path.display();
        CommandError::failed(format!("`{path}` can't be read")).because(error)
    })
}
