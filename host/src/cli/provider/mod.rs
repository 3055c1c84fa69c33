//! `crabbox provider …`

mod list;

use super::Shared;
use crate::output::CommandError;
use clap::Subcommand;

/// Providers: what is installed
#[derive(Debug, Subcommand)]
#[command(before_help = "Examples:
  crabbox provider list")]
pub(in crate::cli) enum Provider {
    List(list::List),
}

impl Provider {
    pub(in crate::cli) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        match self {
            Self::List(list::List) => list::List::execute(shared),
        }
    }
}
