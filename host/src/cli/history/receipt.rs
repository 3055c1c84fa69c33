//! `crabbox history receipt`

use super::{find, unknown};
use crate::cli::{Shared, results};
use crate::history::{Reader, RunId};
use crate::output::CommandError;
use crate::receipt::Receipt;
use clap::Args;

/// Print the receipt of a run
///
/// Which tree, which command, on which box, and what came of it; names of variables and none of their values. What
/// wasn't committed is named in it only if the run was asked for its receipt, with `run --receipt`.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox history receipt @last > receipt.json
  crabbox verify receipt.json")]
pub(in crate::cli) struct PrintReceipt {
    /// The run: its id or the beginning of it, `@last` or `@last-failed`
    #[arg(default_value = "@last", hide_default_value = true)]
    run: String,
}

impl PrintReceipt {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let (reader, run) = find(shared, &self.run)?;
        let receipt = of(&reader, &run)?.to_json();
        let unwritable = || CommandError::failed("the receipt can't be written");
        shared.printer.finished(&receipt.map_err(|error| unwritable().because(error))?)
    }
}

/// That of a run that is recorded.
fn of(reader: &Reader, run: &RunId) -> Result<Receipt, CommandError> {
    let record = reader.get(run)?.ok_or_else(|| unknown(reader, run))?;
    let found = results::kept(reader, run)?;
    Ok(Receipt::of(&record, found.as_ref()))
}
