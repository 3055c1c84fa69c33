//! `crabbox extend`

use super::bounds;
use super::caretaker::look_after;
use super::config::warn;
use super::interrupts::Interrupts;
use super::list::to_json;
use super::{Shared, in_spite_of};
use crate::config::{Flags, Settings, parse_duration};
use crate::output::{CommandError, Typed, human};
use clap::Args;
use serde_json::json;
use std::time::Duration;

/// Let a box stay for longer, used or not
///
/// One that is in use stays ready until then when its run ends, too. None is made to end earlier;
/// `crabbox stop` does that.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox extend amber-crab 2h
  crabbox extend amber-crab 90m --json")]
pub(super) struct Extend {
    /// The lease: its id, its slug, `@last` or `@repo`
    id: String,
    /// For how long from now at least, such as 90m or 8h
    #[arg(value_name = "DURATION", value_parser = parse_duration)]
    time: Duration,
}

impl Extend {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        let flags = Flags { of_lease: true, ..shared.flags() };
        let settings = Settings::load(flags, None, &places)?;
        shared.check_state(&places)?;
        let mut desk = shared.desk(&places, &settings)?;
        let claim = desk.find(&self.id)?;
        bounds::check_provider(&settings, &claim)?;
        // A box that stays is used on: all that holds for a run holds for it.
        let provider = Some(claim.provider.clone());
        let flags = Flags { provider, of_existing: true, ..shared.flags() };
        let settings = in_spite_of(shared.printer, &flags, &claim.repository, &places)?;
        warn(shared.printer, &settings.warnings);
        bounds::check_ttl(&settings, self.time)?;
        let handed = &settings.provider_settings.handed;
        let again = Typed::here().to_string();
        let interrupts = Interrupts::listen(shared.printer, desk.working(), again)?;
        let _asking = shared.printer.progress(format!("extending {}", claim.slug));
        let extended = desk.extend(claim.id.as_str(), self.time, handed);
        let claim = extended.map_err(|error| interrupts.explain(error))?;
        look_after(shared.printer, &places, &settings, &desk.registry, &claim);
        if shared.printer.json {
            let document = json!({ "schema_version": 1, "lease": to_json(&claim) });
            return shared.printer.document(&document);
        }
        if let Some(ends) = claim.ends() {
            let left = human::left(ends.left().unwrap_or_default());
            let at = ends.wall.strftime("%Y-%m-%d %H:%M:%SZ");
            let slug = &claim.slug;
            shared
                .printer
                .phase(&format!("{slug} stays for {left} at least, used or not: until {at}"));
        }
        Ok(())
    }
}
