//! `crabbox stop`

use super::Shared;
use super::bounds::Deletion;
use super::config::warn;
use super::interrupts::Interrupts;
use super::list::to_json;
use crate::claims::Claim;
use crate::config::{Flags, Settings};
use crate::lease::{Desk, End};
use crate::output::{CommandError, Exit, to_type};
use clap::Args;
use serde_json::json;
use tracing::info_span;

/// Let go of a box: park it, or delete it
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox stop amber-crab
  crabbox stop amber-crab --delete --yes")]
pub(super) struct Stop {
    /// The lease: its id, its slug, `@last` or `@repo`
    id: String,
    /// Delete it, whatever was settled when it was leased
    #[arg(long)]
    delete: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Lets go of a lease's box for somebody who asks for that now.
pub(super) fn let_go(
    shared: &Shared,
    settings: &Settings,
    desk: &mut Desk,
    claim: &Claim,
    deletion: Option<&Deletion>,
) -> Result<(Claim, End), CommandError> {
    if let Some(deletion) = deletion.filter(|_| !claim.state().is_final()) {
        // Nobody is asked about what can't be done.
        drop(desk.hold_free(claim)?);
        deletion.agree(shared, settings, claim)?;
    }
    let delete = deletion.is_some();
    let again = ["stop", &claim.slug, "--delete", "--yes"];
    let again = to_type(if delete { &again } else { &again[..2] });
    let interrupts = Interrupts::listen(shared.printer, desk.working(), again)?;
    let handed = &settings.provider_settings.handed;
    let stopped = info_span!("release").in_scope(|| desk.stop(claim.id.as_str(), delete, handed));
    stopped.map_err(|error| interrupts.explain(error))
}

impl Stop {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        let flags = Flags { of_lease: true, ..shared.flags() };
        let settings = Settings::load(flags.clone(), None, &places)?;
        let mut desk = shared.desk(&places, &settings)?;
        let claim = desk.find(&self.id).map_err(|error| match error.kind() {
            // It may be the name of a box. Nothing is done to one without a claim.
            Exit::NotFound => error.hint(to_type(&["adopt", &self.id, "--provider", "NAME"])),
            _ => error,
        })?;
        let flags = Flags { provider: Some(claim.provider.clone()), ..flags };
        let settings = Settings::for_provider(flags, Some(&claim.repository), &places)?;
        warn(shared.printer, &settings.warnings);
        let deletion = self.delete.then_some(Deletion { word: "`--delete`", yes: self.yes });
        let (claim, end) = let_go(shared, &settings, &mut desk, &claim, deletion.as_ref())?;
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
            End::Parked | End::Ready | End::Lingers if claim.has_failed() => {
                let never = "a lease that failed is never used again";
                let line = to_type(&["stop", slug, "--delete"]);
                shared.printer.advice(&format!("{slug} is parked; {never}"), &line);
            }
            End::LetGo => {
                shared.printer.phase(&format!("{slug} is let go of: its box stays as it is"));
            }
            End::WasLetGo => {
                let name = claim.made().map(|made| made.name).unwrap_or_default();
                let line = to_type(&["adopt", &name, "--provider", &claim.provider]);
                let said = format!("{slug} is over already; its box stayed as it was");
                shared.printer.advice(&said, &line);
            }
            End::Parked | End::Ready | End::Lingers => {
                shared.printer.phase(&format!("{slug} is parked"));
            }
        }
        Ok(())
    }
}
