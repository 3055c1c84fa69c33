//! `crabbox list`

mod lease;
mod page;
mod refresh;

pub(super) use self::lease::{Lease, standing, to_json};
use self::page::Page;
pub(super) use self::page::shown_state;
use self::refresh::Answers;
use super::standing::Standings;
use super::{Shared, parked};
use crate::claims::{ClaimError, Reader};
use crate::config::{Flags, Settings};
use crate::output::{CommandError, Printer};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error as _;

/// List leases, from local records
///
/// What stands under SLUG, ID and LAST RUN is understood by every command that takes a lease.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox list
  crabbox list --all --json
  crabbox list --refresh")]
pub(super) struct List {
    /// Also those that are over
    #[arg(long)]
    all: bool,
    /// Ask the providers, too, what has become of the boxes
    #[arg(long)]
    refresh: bool,
}

impl List {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        let store = shared.look(&places)?;
        let answers = if self.refresh {
            let (claims, _) = store.all(false)?;
            Some(refresh::ask(shared, &places, &claims)?)
        } else {
            None
        };
        // Whoever looks at leases needn't have right settings.
        let flags = Flags { of_lease: true, ..shared.flags() };
        let settings = Settings::load(flags, None, &places).ok();
        let standings = Standings::under(settings.as_ref(), shared);
        if shared.printer.json {
            return self.document(shared, &store, standings, answers.as_ref());
        }
        let mut page = Page::new(&store, standings, answers.as_ref());
        store.list(self.all, |lease| page.add(lease))?;
        warn_of(&store.unreadable(self.all)?, shared.printer);
        if page.is_empty() {
            shared.printer.phase("no leases");
            return Ok(());
        }
        shared.printer.table(&page.table)?;
        page.explain(shared.printer);
        if let Some(settings) = &settings {
            parked::tell_of(shared.printer, &store, settings);
        }
        Ok(())
    }

    fn document(
        &self,
        shared: &Shared,
        store: &Reader,
        mut standings: Standings,
        answers: Option<&Answers>,
    ) -> Result<(), CommandError> {
        let (mut leases, mut unreadable) = (Vec::new(), Vec::new());
        store.each(self.all, |claim| match claim {
            Ok(claim) => leases.push(Lease::looked_at(claim, store, &mut standings)),
            Err(error) => unreadable.push(error),
        })?;
        warn_of(&unreadable, shared.printer);
        let answers = answers.map(BTreeMap::values).into_iter().flatten();
        let answers: Vec<Value> = answers.map(refresh::to_json).collect();
        shared.printer.document(&Document { answers, leases, schema_version: 1 })
    }
}

/// What `--json` shows.
#[derive(Serialize)]
struct Document {
    answers: Vec<Value>,
    leases: Vec<Lease>,
    schema_version: u32,
}

/// Claims that can't be read: one that is damaged stands beside the others.
pub(super) fn warn_of(unreadable: &[ClaimError], printer: Printer) {
    for error in unreadable {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        printer.warning(&format!("{error}{cause}"));
        error.hints().iter().for_each(|hint| printer.hint(hint));
    }
}
