//! `crabbox list`

use super::{Shared, ago};
use crate::claims::{Claim, Made, State};
use crate::output::{CommandError, Printer, Table, to_type};
use clap::Args;
use serde_json::{Value, json};
use std::error::Error as _;

/// List leases, from local records only
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox list
  crabbox list --all --json")]
pub(super) struct List {
    /// Also those that are over
    #[arg(long)]
    all: bool,
}

impl List {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let store = shared.store(&shared.places()?)?;
        let (claims, unreadable) = store.all(self.all)?;
        for error in unreadable {
            let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            shared.printer.warning(&format!("{error}{cause}"));
            error.hints().iter().for_each(|hint| shared.printer.hint(hint));
        }
        if shared.printer.json {
            let leases: Vec<Value> = claims.iter().map(to_json).collect();
            return shared.printer.document(&json!({ "schema_version": 1, "leases": leases }));
        }
        if claims.is_empty() {
            shared.printer.phase("no leases");
            return Ok(());
        }
        let mut table = Table::new(&["SLUG", "STATE", "PROVIDER", "USED", "ID", "REPOSITORY"])
            .paths(5)
            .optional(4);
        for claim in &claims {
            table.row([
                claim.slug.clone(),
                state(claim),
                claim.provider.clone(),
                ago(claim.updated),
                claim.id.to_string(),
                claim.repository.display().to_string(),
            ]);
        }
        shared.printer.table(&table)?;
        let told = if shared.printer.is_quiet() { &[] } else { &*claims };
        for claim in told {
            explain(claim, shared.printer);
        }
        Ok(())
    }
}

/// What is wrong with a lease, and what to do about it.
fn explain(claim: &Claim, printer: Printer) {
    let slug = &claim.slug;
    match (claim.state(), &claim.trouble) {
        (State::Released | State::Lost, _) => {}
        (State::Failed, trouble) => {
            let trouble = trouble.as_deref().unwrap_or("leasing it failed");
            printer.phase(&format!("{slug} failed: {trouble}"));
            let line = ["stop", slug, "--delete"];
            let is_made = claim.made().is_some();
            printer.hint(&to_type(if is_made { &line } else { &line[..2] }));
        }
        (_, Some(trouble)) => {
            printer.phase(&format!("{slug} may be out of reach: {trouble}"));
            printer.hint(&to_type(&["stop", slug]));
        }
        (_, None) => {}
    }
}

fn state(claim: &Claim) -> String {
    let state = claim.state();
    if claim.keep { format!("{state} (kept)") } else { state.to_string() }
}

/// A lease as every command's `--json` shows it.
pub(super) fn to_json(claim: &Claim) -> Value {
    let made = claim.made();
    json!({
        "id": claim.id,
        "slug": claim.slug,
        "state": claim.state(),
        "provider": claim.provider,
        "resource": made.as_ref().map(Made::resource).unwrap_or_default(),
        "scope": made.as_ref().map(|made| &made.scope),
        "release": claim.ending,
        "keep": claim.keep,
        "repository": claim.repository.to_string_lossy(),
        "created": claim.created,
        "updated": claim.updated,
        "deadline": claim.deadline.as_ref().map(|end| end.wall),
        "idle_deadline": claim.idle_until().map(|end| end.wall),
        "run": claim.run.as_ref().map(|run| &run.id),
        "trouble": claim.trouble,
    })
}
