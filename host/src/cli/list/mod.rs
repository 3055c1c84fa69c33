//! `crabbox list`

mod refresh;

use self::refresh::Answers;
use super::{Shared, age, left, parked};
use crate::claims::{Claim, ClaimError, Listed, Made, Store};
use crate::output::{CommandError, Printer, Table, human, to_type};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error as _;

/// The records of so many claims are read, too, only to tell which of them can't be: of more,
/// `crabbox doctor` tells.
const FEW: usize = 200;

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
        let store = shared.store(&places)?;
        let answers = if self.refresh {
            let (claims, _) = store.all(false)?;
            Some(refresh::ask(shared, &places, &claims)?)
        } else {
            None
        };
        if shared.printer.json {
            return self.document(shared, &store, answers.as_ref());
        }
        let listed = store.list(self.all)?;
        let mut few = Vec::new();
        if listed.len() <= FEW {
            let (claims, unreadable) = store.all(self.all)?;
            warn_of(&unreadable, shared.printer);
            few = claims;
        }
        if listed.is_empty() {
            shared.printer.phase("no leases");
            return Ok(());
        }
        shared.printer.table(&table(&listed, answers.as_ref()))?;
        explain(&listed, shared.printer);
        parked::tell_of(shared.printer, &few, shared.flags(), &places);
        Ok(())
    }

    fn document(
        &self,
        shared: &Shared,
        store: &Store,
        answers: Option<&Answers>,
    ) -> Result<(), CommandError> {
        let (claims, unreadable) = store.all(self.all)?;
        warn_of(&unreadable, shared.printer);
        let leases: Vec<Value> = claims.iter().map(to_json).collect();
        let answers = answers.map(BTreeMap::values).into_iter().flatten();
        let answers: Vec<Value> = answers.map(refresh::to_json).collect();
        let document = json!({ "schema_version": 1, "leases": leases, "answers": answers });
        shared.printer.document(&document)
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

fn table(listed: &[Listed], answers: Option<&Answers>) -> Table {
    let mut headings = vec!["SLUG", "STATE"];
    headings.extend(answers.map(|_| "PROVIDER SAYS"));
    headings.extend(["PROVIDER", "AGE", "LEFT", "KEEP", "REPOSITORY", "LAST RUN", "ID"]);
    let at = headings.len() - 1;
    let mut table = Table::new(&headings).paths(at - 2).optional(at).optional(at - 1);
    if answers.is_some() {
        table = table.texts(2);
    }
    let now = Timestamp::now();
    let dash = || "-".to_owned();
    for lease in listed {
        let mut row = vec![lease.slug.clone(), lease.state.clone()];
        if let Some(answers) = answers {
            row.push(answers.get(&lease.id).map_or_else(dash, |answer| answer.words.clone()));
        }
        row.extend([
            lease.provider.clone(),
            lease.created.map_or_else(dash, |created| age(created, now)),
            lease.ends.filter(|_| !lease.is_final()).map_or_else(dash, |ends| left(ends, now)),
            if lease.keep { "yes".to_owned() } else { dash() },
            lease.repository.clone(),
            lease.run.clone().unwrap_or_else(dash),
            lease.id.clone(),
        ]);
        table.row(row);
    }
    table
}

/// What is wrong with leases, and what to do about it.
fn explain(listed: &[Listed], printer: Printer) {
    let failed: Vec<&Listed> = listed.iter().filter(|lease| lease.has_failed()).collect();
    match failed.as_slice() {
        [] => {}
        [lease] => {
            let slug = &lease.slug;
            let trouble = lease.trouble.as_deref().unwrap_or("leasing it failed");
            let line = ["stop", slug, "--delete"];
            let line = to_type(if lease.is_made { &line } else { &line[..2] });
            printer.advice(&format!("{slug} failed: {trouble}"), &line);
        }
        several => {
            let count = human::count(several.len() as u64, "lease");
            let line = format!("{count} failed; this closes them with what is left of their boxes");
            printer.advice(&line, &to_type(&["cleanup"]));
        }
    }
    let others = listed.iter().filter(|lease| !lease.has_failed() && !lease.is_final());
    for (slug, trouble) in others.filter_map(|lease| Some((&lease.slug, lease.trouble.as_ref()?))) {
        let line = format!("{slug} may be out of reach: {trouble}");
        printer.advice(&line, &to_type(&["stop", slug]));
    }
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
        "used": claim.used,
        "deadline": claim.deadline.as_ref().map(|end| end.wall),
        "idle_deadline": claim.idle_until().map(|end| end.wall),
        "run": claim.run.as_ref().map(|run| &run.id),
        "run_is_over": claim.run.as_ref().map(|run| run.over),
        "trouble": claim.trouble,
    })
}
