//! `crabbox cleanup`: [`ask`] goes to all providers at once, [`report`] says what came of it, [`timer`] has
//! it done by the clock.

mod ask;
mod report;
mod timer;

use super::Shared;
use super::confirm::Question;
use super::interrupts::Interrupts;
use crate::claims::{Claim, Moment};
use crate::config::{Flags, Layers, Settings};
use crate::lease::{Facts, Order, RunSeen, Verdict, Why, Working, forget_old_ways, verdict};
use crate::output::{CommandError, Exit, Typed, to_type};
use ask::Group;
use clap::Args;
use crabbox_provider_api::payload::ReleaseAction;
use report::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::iter;
use std::time::Duration;

/// Let go of boxes that nobody looks after
///
/// Ends what was left undone: boxes whose deadline has passed, boxes of commands that were killed,
/// releases that weren't finished, leases that failed. Only leases of this machine's records are touched,
/// and none that a command works with. Boxes that look like crabbox's and have no record are told of. Exits with
/// 6 if something is left to try again.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(before_help = "Examples:
  crabbox cleanup --dry-run
  crabbox cleanup
  crabbox cleanup --delete-parked --yes")]
pub(super) struct Cleanup {
    /// Say what would be done, and why, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Only boxes whose deadline has passed
    #[arg(long)]
    expired: bool,
    /// Delete boxes parked longer than `lease.parked_ttl`
    #[arg(long)]
    delete_parked: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    /// Write units for systemd that do it each hour
    #[arg(long, conflicts_with_all = ["dry_run", "expired", "delete_parked"])]
    install_timer: bool,
    /// Only these leases
    #[arg(long = "lease", value_name = "ID", hide = true)]
    leases: Vec<String>,
}

/// So many boxes are named in a question: nobody reads more.
const NAMED: usize = 10;

/// What these are called, or the first of them.
fn names(slugs: &[&str]) -> String {
    let named = slugs[..slugs.len().min(NAMED)].join(", ");
    match slugs.len() - slugs.len().min(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The boxes that are deleted since they are parked for long.
fn to_delete<'a>(claims: &'a [Claim], order: &Order) -> Vec<&'a str> {
    let facts = Facts { now: Moment::now(), held: false, run: RunSeen::Unasked };
    let deletes = Verdict::Release(Why::LongParked, ReleaseAction::Delete);
    let due = claims.iter().filter(|claim| verdict(claim, &facts, order) == deletes);
    due.map(|claim| &*claim.slug).collect()
}

impl Cleanup {
    /// Is there anything for it to change? One that is done each hour and finds nothing must not push
    /// away the logs of what is looked for.
    pub(super) fn changes(&self, shared: &Shared) -> bool {
        if self.dry_run || self.install_timer {
            return false;
        }
        let order = Order {
            expired: self.expired,
            delete_parked: self.delete_parked,
            // The settings aren't read yet: rather a log too many.
            parked_ttl: Duration::ZERO,
        };
        let facts = Facts { now: Moment::now(), held: false, run: RunSeen::Unasked };
        let is_work = |claim: &Claim| {
            !matches!(verdict(claim, &facts, &order), Verdict::Leave | Verdict::Report(_))
        };
        let claims = shared.places().and_then(|places| Ok(shared.store(&places)?.all(false)?));
        claims.map_or(true, |(claims, _)| claims.iter().any(is_work))
    }

    pub(super) fn execute(self, shared: &Shared) -> Result<Exit, CommandError> {
        if self.install_timer {
            return timer::install(shared).map(|()| Exit::Ok);
        }
        let places = shared.places()?;
        let flags = Flags { of_lease: true, ..shared.flags() };
        let settings = Settings::load(flags.clone(), None, &places)?;
        let order = Order {
            expired: self.expired,
            delete_parked: self.delete_parked,
            parked_ttl: settings.parked_ttl,
        };
        let (claims, unreadable) = if self.dry_run {
            shared.look(&places)?.all(false)?
        } else {
            let store = shared.store(&places)?;
            forget_old_ways(&store);
            store.all(false)?
        };
        if self.delete_parked && !self.dry_run {
            self.agree(shared, &settings, &to_delete(&claims, &order))?;
        }
        for error in &unreadable {
            let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            shared.printer.warning(&format!("{error}{cause}"));
            error.hints().iter().for_each(|hint| shared.printer.hint(hint));
        }
        let (layers, _) = Layers::read(flags.clone(), None, &places);
        let others: BTreeSet<String> = if self.expired {
            BTreeSet::new()
        } else {
            let configured = layers.configured_providers().map(str::to_owned);
            configured.chain(iter::once(settings.provider.clone())).collect()
        };
        let groups = self.groups(claims, others);
        let workings: Vec<_> = groups.iter().map(|_| Working::default()).collect();
        let again = Typed::here().to_string();
        let interrupts = Interrupts::listen_to_all(shared.printer, workings.clone(), again)?;
        let (places, settings, dry_run) = (&places, &settings, self.dry_run);
        let asking = ask::Asking { shared, places, settings, flags, order, dry_run };
        let report = Report { dry_run, answers: asking.all(groups, &workings) };
        if let Some(error) = interrupts.broken_off("the rest isn't cleaned up") {
            // There is one document.
            if !shared.printer.json {
                report.show(shared.printer)?;
            }
            return Err(error);
        }
        report.show(shared.printer)?;
        Ok(if report.again() { Exit::TryAgain } else { Exit::Ok })
    }

    /// What is deleted is gone with its caches.
    fn agree(
        &self,
        shared: &Shared,
        settings: &Settings,
        slugs: &[&str],
    ) -> Result<(), CommandError> {
        if let Some(enforcement) = &settings.no_deletion {
            let message = format!("`--delete-parked` can't be: for `lease.release`, {enforcement}");
            return Err(CommandError::usage(message).code("enforced"));
        }
        if self.yes || slugs.is_empty() {
            return Ok(());
        }
        let names = names(slugs);
        let boxes =
            if slugs.len() == 1 { "1 box".to_owned() } else { format!("{} boxes", slugs.len()) };
        Question {
            ask: format!(
                "delete {boxes} parked for long, with all that is on them: {names}? [y/N]"
            ),
            refused: format!("deleting {boxes} must be confirmed: {names}"),
            line: to_type(&["cleanup", "--delete-parked", "--yes"]),
            left: "all is left as it is".to_owned(),
        }
        .put(shared)
    }

    /// The claims of each provider, and providers that may have boxes without one.
    fn groups(&self, claims: Vec<Claim>, others: BTreeSet<String>) -> Vec<Group> {
        let mut groups: BTreeMap<String, Vec<Claim>> =
            others.into_iter().map(|name| (name, Vec::new())).collect();
        let is_wanted = |claim: &Claim| {
            let names = [claim.id.as_str(), &claim.slug];
            self.leases.is_empty() || self.leases.iter().any(|lease| names.contains(&&**lease))
        };
        for claim in claims.into_iter().filter(is_wanted) {
            groups.entry(claim.provider.clone()).or_default().push(claim);
        }
        let group = |(provider, claims)| Group { provider, claims, lists: !self.expired };
        groups.into_iter().map(group).collect()
    }
}
