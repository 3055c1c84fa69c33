//! `crabbox list`

mod document;
mod lease;
mod page;
mod refresh;

pub(super) use self::lease::{Lease, standing, to_json};
use self::page::Page;
pub(super) use self::page::shown_state;
use super::standing::Standings;
use super::{Shared, parked};
use crate::claims::ClaimError;
use crate::config::{Flags, Settings};
use crate::output::{CommandError, Printer};
use clap::Args;
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
            let printer = shared.printer;
            let all = document::print(printer, &store, self.all, standings, answers.as_ref());
            return all.map(|unreadable| warn_of(&unreadable, printer));
        }
        let mut page = Page::new(&store, standings, answers.as_ref(), store.owners()?);
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
}

/// Claims that can't be read: one that is damaged stands beside the others.
pub(super) fn warn_of(unreadable: &[ClaimError], printer: Printer) {
    for error in unreadable {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        printer.warning(&format!("{error}{cause}"));
        error.hints().iter().for_each(|hint| printer.hint(hint));
    }
}
