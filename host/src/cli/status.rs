//! `crabbox status`

use super::list::to_json;
use super::{Shared, ago};
use crate::claims::Claim;
use crate::output::{CommandError, Exit, to_type, visible, wrap};
use clap::Args;
use serde_json::json;
use std::fmt::Write as _;

/// Show one lease, from local records only
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox status amber-crab
  crabbox status cbx_0123456789ab --json")]
pub(super) struct Status {
    /// Its id or slug
    id: String,
}

impl Status {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let store = shared.store(&shared.places()?)?;
        let found = match store.find(&self.id)? {
            // One that is over leaves its slug to the next one.
            None => store.all(true)?.0.into_iter().find(|claim| claim.slug == self.id),
            found => found,
        };
        let claim = found.ok_or_else(|| {
            CommandError::new(Exit::NotFound, format!("there is no lease `{}`", self.id))
                .hint(to_type(&["list"]))
        })?;
        if shared.printer.json {
            return shared
                .printer
                .document(&json!({ "schema_version": 1, "lease": to_json(&claim) }));
        }
        shared.printer.data(&describe(&claim, shared.printer.columns()))
    }
}

fn describe(claim: &Claim, terminal: Option<usize>) -> String {
    let mut text = format!("{} ({})\n", visible(&claim.slug), claim.id);
    let mut line = |name: &str, value: &str| {
        let value = wrap(&visible(value), 14, terminal);
        let _ = writeln!(text, "  {name:<11} {value}");
    };
    line("state", claim.state().as_str());
    line("provider", &format!("{} {}", claim.provider, claim.provider_version));
    if let Some(made) = claim.made() {
        line("resource", &made.name);
    }
    line("repository", &claim.repository.display().to_string());
    line("used", &ago(claim.updated));
    line("keep", if claim.keep { "yes" } else { "no" });
    if let Some(deadline) = claim.idle_until() {
        line("idle until", &deadline.wall.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    }
    if let Some(run) = &claim.run {
        line("last run", &run.id);
    }
    if let Some(trouble) = &claim.trouble {
        line("trouble", trouble);
    }
    text
}
