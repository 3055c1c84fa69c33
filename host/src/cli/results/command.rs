//! `crabbox results`

use super::case::describe;
use super::lines::lines;
use super::name::parse_name;
use crate::cli::{Shared, history};
use crate::history::{Filter, Reader, RunId, RunRecord, folder};
use crate::output::{CommandError, Exit, Table, to_type};
use crate::results::compare::{Seen, Unreliable, unreliable};
use crate::results::{self, Case, Compared, compare};
use crate::run::Origin;
use clap::Args;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// So many runs before one are looked at for tests to compare with.
const LOOKED_BACK: u32 = 50;

/// So many runs are looked at for unreliable tests.
const LOOKED_AT: u32 = 100;

/// Show what the tests of a run came to
///
/// From the reports that the run brought back; nothing is asked of its box.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox results
  crabbox results @last-failed --failed
  crabbox results --test connects
  crabbox results --flaky")]
pub(in crate::cli) struct Results {
    /// The run: its id or the beginning of it, `@last` or `@last-failed`
    #[arg(default_value = "@last", hide_default_value = true)]
    run: String,
    /// All that the tests said which failed
    #[arg(long)]
    failed: bool,
    /// All that is known of the tests whose names hold this
    #[arg(long, value_name = "NAME", value_parser = parse_name, allow_hyphen_values = true, conflicts_with = "failed")]
    test: Option<String>,
    /// Tests that came out now so, now so, with one tree
    #[arg(long, conflicts_with_all = ["failed", "test", "run"])]
    flaky: bool,
}

/// A test, and the path of the report that it stands in.
type Reported<'a> = (Option<&'a str>, &'a Case);

impl Results {
    pub(in crate::cli) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        if self.flaky {
            return show_unreliable(shared);
        }
        let (reader, run) = history::find(shared, &self.run)?;
        let record = reader.get(&run);
        let Some(found) = kept(&reader, &run)? else {
            // Nobody knows what one without a record would have brought.
            let unknown = || history::unknown(&reader, &run).into();
            return Err(record?.map_or_else(unknown, |_| none(&run)));
        };
        let record = record.unwrap_or_else(|error| {
            shared.printer.warning(&error.to_string());
            None
        });
        let since = record.and_then(|record| compared(&reader, &record, &found));
        history::tell_of_unreadable(shared, &reader);
        let chosen = self.chosen(&found, &run)?;
        if shared.printer.json {
            return shared.printer.document(&to_json(&run, &found, since.as_ref(), &chosen));
        }
        let text = if self.failed || self.test.is_some() {
            let alike = called_alike(&found);
            let described = chosen.iter().map(|(report, case)| {
                describe(case, report.filter(|_| alike.contains(&case.id())))
            });
            described.collect::<Vec<_>>().join("\n")
        } else {
            let lines = lines(&found, since.as_ref().map(|(_, compared)| compared));
            let shown = lines.iter().map(|line| format!("{}\n", crate::output::visible(line)));
            shown.collect()
        };
        shared.printer.data(&text)
    }

    fn chosen<'a>(
        &self,
        found: &'a results::Results,
        run: &RunId,
    ) -> Result<Vec<Reported<'a>>, CommandError> {
        let reported = found.reported().map(|(report, case)| (report.map(|one| &*one.path), case));
        let Some(name) = &self.test else {
            let wanted = |(_, case): &Reported<'_>| !self.failed || case.status.is_failure();
            return Ok(reported.filter(wanted).collect());
        };
        let chosen: Vec<_> = reported.filter(|(_, case)| case.id().contains(name)).collect();
        if chosen.is_empty() {
            let message = format!("no test of {run} has `{name}` in its name");
            return Err(CommandError::new(Exit::NotFound, message).hint(to_type(&[
                "results",
                run.as_str(),
                "--json",
            ])));
        }
        Ok(chosen)
    }
}

/// The names that tests of several reports have.
fn called_alike(found: &results::Results) -> HashSet<String> {
    let mut first = HashMap::new();
    let mut alike = HashSet::new();
    for (report, case) in found.reported() {
        let (id, report) = (case.id(), report.map(|one| &*one.path));
        if *first.entry(id.clone()).or_insert(report) != report {
            alike.insert(id);
        }
    }
    alike
}

/// The results that are kept of a run.
pub(in crate::cli) fn kept(
    reader: &Reader,
    run: &RunId,
) -> Result<Option<results::Results>, CommandError> {
    results::kept::read(&folder(reader.state(), run)).map_err(|error| {
        CommandError::failed(format!("the results of {run} can't be read")).because(error)
    })
}

/// What is new since the run of the same command before, and which one that was. `None`: it brought no results, or
/// isn't remembered.
pub(in crate::cli) fn compared(
    reader: &Reader,
    record: &RunRecord,
    now: &results::Results,
) -> Option<(RunId, Compared)> {
    let before = before(reader, record)?;
    let then = kept(reader, &before).ok()??;
    Some((before, compare(&then, now)))
}

/// The last run of the same command before this one that has tests to compare with. Of one that was broken off, nobody
/// knows what would have failed.
pub(in crate::cli) fn before(reader: &Reader, record: &RunRecord) -> Option<RunId> {
    let earlier = reader.up_to(record, LOOKED_BACK).ok()?;
    let can_be_compared = |run: &RunRecord| {
        run.id != record.id && run.tests.is_some() && run.outcome.origin == Origin::Program
    };
    earlier.into_iter().find(can_be_compared).map(|run| run.id)
}

fn none(run: &RunId) -> CommandError {
    CommandError::new(Exit::NotFound, format!("{run} brought back no reports of tests"))
        .note("reports are looked for in the usual places; `--junit GLOB` names others")
        .hint(to_type(&["run", "--junit", "reports/*.xml", "--", "COMMAND"]))
}

fn to_json(
    run: &RunId,
    found: &results::Results,
    since: Option<&(RunId, Compared)>,
    chosen: &[Reported<'_>],
) -> Value {
    let tests = chosen.iter().map(|(report, case)| {
        let mut test = json!(case);
        if let Some(report) = report {
            test["report"] = json!(report);
        }
        test
    });
    let since = since.map(|(before, compared)| {
        json!({
            "run": before,
            "newly_failing": compared.newly_failing,
            "newly_passing": compared.newly_passing,
        })
    });
    json!({
        "schema_version": 1,
        "run": run,
        "totals": found.totals(),
        "counted": found.counted.all(),
        "reports": found.files,
        "since": since,
        "tests": tests.collect::<Vec<_>>(),
    })
}

fn show_unreliable(shared: &Shared) -> Result<(), CommandError> {
    let reader = Reader::open(&shared.places()?.state)?;
    let repository = Some(history::repository()?);
    let records =
        reader.records(&Filter { repository, limit: Some(LOOKED_AT), ..Filter::default() })?;
    history::tell_of_unreadable(shared, &reader);
    let mut runs = Vec::new();
    for record in records.iter().filter(|record| record.tests.is_some()) {
        // What can't be read says nothing, and hides nothing of the others.
        if let Ok(Some(found)) = kept(&reader, &record.id) {
            let tree = record.tree.as_deref().unwrap_or(record.id.as_str());
            let code = format!("{tree} {} {}", record.directory, record.command);
            runs.push((record.id.to_string(), code, found));
        }
    }
    let seen = runs.iter().map(|(run, code, found)| Seen { run, code, cases: &found.cases });
    let found = unreliable(&seen.collect::<Vec<_>>());
    if shared.printer.json {
        let tests = found.iter().map(|one| {
            let Unreliable { test, runs, unwell, last } = one;
            json!({ "test": test, "runs": runs, "unwell": unwell, "last": last })
        });
        let tests: Vec<_> = tests.collect();
        return shared
            .printer
            .document(&json!({ "schema_version": 1, "runs": runs.len(), "tests": tests }));
    }
    if found.is_empty() {
        shared
            .printer
            .phase(&format!("no test was unreliable in {} runs with reports", runs.len()));
        return Ok(());
    }
    let mut table = Table::new(&["TEST", "UNWELL", "RUNS", "LAST"]);
    for Unreliable { test, runs, unwell, last } in &found {
        table.row([test, &unwell.to_string(), &runs.to_string(), last]);
    }
    shared.printer.table(&table)
}
