//! `crabbox debug list`

use super::{all, started, to_json};
use crate::cli::{Shared, ago};
use crate::output::{CommandError, Table};
use clap::Args;
use serde_json::{Value, json};

/// List the logs that are kept, the last one first
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox debug list
  crabbox debug list --json")]
pub(in crate::cli) struct List;

impl List {
    pub(super) fn execute(shared: &Shared) -> Result<(), CommandError> {
        let records = all(shared)?;
        let numbered = || (1..).zip(&records);
        if shared.printer.json {
            let logs: Vec<Value> =
                numbered().map(|(number, record)| to_json(number, record)).collect();
            return shared.printer.document(&json!({ "schema_version": 1, "logs": logs }));
        }
        if records.is_empty() {
            shared.printer.phase("no log was kept yet");
            return Ok(());
        }
        let mut table =
            Table::new(&["N", "STARTED", "EXIT", "COMMAND", "FOLDER"]).paths(4).texts(3);
        for (number, record) in numbered() {
            table.row([
                number.to_string(),
                started(record).map_or_else(|| "-".to_owned(), ago),
                // It was killed, or still runs.
                record.exit.map_or_else(|| "-".to_owned(), |exit| exit.to_string()),
                record.command.clone(),
                record.folder.clone(),
            ]);
        }
        shared.printer.table(&table)
    }
}
