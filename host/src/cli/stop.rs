//! `crabbox stop`

use super::Shared;
use super::list::to_json;
use crate::config::Settings;
use crate::lease::End;
use crate::output::{CommandError, Exit};
use clap::Args;
use serde_json::json;
use std::io::{self, BufRead, IsTerminal};
use tracing::info_span;

/// Let go of a box: park it, or delete it
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox stop amber-crab
  crabbox stop amber-crab --delete --yes")]
pub(super) struct Stop {
    /// Its id or slug
    id: String,
    /// Delete it, whatever was settled when it was leased
    #[arg(long)]
    delete: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

impl Stop {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        let settings = Settings::load(shared.flags(), None, &places.config)?;
        let mut desk = shared.desk(&places, &settings)?;
        let claim = desk.find(&self.id)?;
        if self.delete && !self.yes {
            confirm(shared, &claim.slug)?;
        }
        let flags =
            crate::config::Flags { provider: Some(claim.provider.clone()), ..shared.flags() };
        let settings = Settings::load(flags, Some(&claim.repository), &places.config)?;
        let (claim, end) = info_span!("release")
            .in_scope(|| desk.stop(claim.id.as_str(), self.delete, &settings.provider_settings))?;
        if shared.printer.json {
            return shared
                .printer
                .document(&json!({ "schema_version": 1, "lease": to_json(&claim) }));
        }
        let slug = &claim.slug;
        match end {
            End::Deleted => shared.printer.phase(&format!("{slug} is deleted")),
            End::Closed => {
                shared.printer.phase(&format!("{slug} is closed: no box of it was ever made"));
            }
            End::Parked | End::Ready if claim.rolled_back => {
                let never = "a lease that failed is never used again";
                shared.printer.phase(&format!("{slug} is parked; {never}"));
                shared.printer.hint(&format!("crabbox stop {slug} --delete"));
            }
            End::Parked | End::Ready => shared.printer.phase(&format!("{slug} is parked")),
        }
        Ok(())
    }
}

/// Asks on a terminal; elsewhere the line with `--yes` is the question.
fn confirm(shared: &Shared, slug: &str) -> Result<(), CommandError> {
    let refuse = || {
        CommandError::new(Exit::Usage, format!("deleting `{slug}` must be confirmed"))
            .hint(format!("crabbox stop {slug} --delete --yes"))
    };
    if !io::stdin().is_terminal() || shared.printer.json {
        return Err(refuse());
    }
    shared.printer.ask(&format!("delete the box of `{slug}` with all that is on it? [y/N]"));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    match read {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(CommandError::usage(format!("`{slug}` is left as it is"))),
    }
}
