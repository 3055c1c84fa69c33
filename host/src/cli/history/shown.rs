//! One run, with all that is remembered of it.

use super::{repository, unknown};
use crate::cli::{Shared, ago};
use crate::history::{
    HistoryError, LAST_FAILED, Leased, Log, LogKept, Phase, Reader, ReferenceError, RunRecord,
    folder, resolve,
};
use crate::output::{CommandError, human, to_type, visible, wrap};
use crate::results::Totals;
use crabbox_wire::message::Facts;
use serde_json::json;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// What every reference by id begins with.
const OF_A_RUN: &str = "run_";

/// What a reference stands for.
pub(in crate::cli) enum Meant {
    /// A run, with its record.
    Run(Box<Remembered>),
    /// A run without one, or with one that can't be read, and why. The claim of a lease may name it, too.
    Unrecorded(HistoryError),
    /// A lease, if anything.
    Lease,
}

/// A run that is remembered.
pub(in crate::cli) struct Remembered {
    run: RunRecord,
    folder: PathBuf,
}

impl Remembered {
    /// The one that `reference` stands for, if it is one to a run, and not to a lease.
    pub(in crate::cli) fn find(shared: &Shared, reference: &str) -> Result<Meant, CommandError> {
        let word = reference.trim().to_lowercase();
        let by_id = word.starts_with(OF_A_RUN);
        if !by_id && word != LAST_FAILED {
            return Ok(Meant::Lease);
        }
        let state = shared.places()?.state;
        let found = Reader::open(&state).map_err(ReferenceError::from).and_then(|reader| {
            let repository = repository().unwrap_or_default();
            let id = resolve(&reader, &repository, &word)?;
            let run = reader.get(&id)?.ok_or_else(|| unknown(&reader, &id))?;
            Ok(Self { folder: folder(&state, &run.id), run })
        });
        match found {
            Err(ReferenceError::History(
                error @ (HistoryError::GoesOn(_)
                | HistoryError::NoRecord(_)
                | HistoryError::Unwritten { .. }
                | HistoryError::Unreadable { .. }),
            )) if by_id => Ok(Meant::Unrecorded(error)),
            // The claim of a lease names its last run, too.
            Err(ReferenceError::Unknown(_) | ReferenceError::History(_)) if by_id => {
                Ok(Meant::Lease)
            }
            found => Ok(Meant::Run(Box::new(found?))),
        }
    }

    pub(in crate::cli) fn show(&self, shared: &Shared) -> Result<(), CommandError> {
        let printer = shared.printer;
        if printer.json {
            let files = self.folder.is_dir().then(|| self.folder.to_string_lossy());
            return printer
                .document(&json!({ "schema_version": 1, "run": self.run, "files": files }));
        }
        printer.data(&self.describe(printer.columns()))?;
        if Log::of(&self.folder).is_there() {
            printer.advice("what it printed is kept", &to_type(&["logs", self.run.id.as_str()]));
        }
        Ok(())
    }

    fn describe(&self, terminal: Option<usize>) -> String {
        let run = &self.run;
        let mut text = format!("{}\n", run.id);
        let mut line = |name: &str, value: &str| {
            let value = wrap(&visible(value), 15, terminal);
            let _ = writeln!(text, "  {name:<12} {value}");
        };
        line("command", &run.command.to_string());
        let exit = run.outcome.exit;
        line(
            "exit",
            &run.error.as_ref().map_or_else(|| exit.to_string(), |why| format!("{exit}: {why}")),
        );
        line(
            "began",
            &format!("{} ({})", run.began.strftime("%Y-%m-%d %H:%M:%SZ"), ago(run.began)),
        );
        line("took", &human::duration(Duration::from_millis(run.total_ms)));
        line("repository", &run.repository);
        let names = [
            ("directory", Some(run.directory.clone()).filter(|one| !one.is_empty())),
            ("branch", run.branch.clone()),
            ("commit", of_commit(run)),
            ("tree", run.tree.clone()),
        ];
        for (name, value) in names {
            if let Some(value) = value {
                line(name, &value);
            }
        }
        match &run.lease {
            Some(lease) => line("lease", &of_lease(lease, &run.provider)),
            None => line("provider", &run.provider),
        }
        if let Some(facts) = &run.facts {
            line("box", &of_box(facts));
        }
        if !run.environment.is_empty() {
            line("variables", &run.environment.join(", "));
        }
        if let Some(Totals { passed, failed, skipped, flaky, .. }) = run.tests {
            line(
                "tests",
                &format!("{failed} failed, {passed} passed, {flaky} flaky, {skipped} skipped"),
            );
        }
        for artifact in &run.artifacts {
            line("artifact", &format!("{} ({})", artifact.path, human::bytes(artifact.bytes)));
        }
        match run.log {
            Some(LogKept { bytes, cut: 0 }) => line("output", &human::bytes(bytes)),
            Some(LogKept { bytes, cut }) => {
                line(
                    "output",
                    &format!("{}, of which {} aren't kept", human::bytes(bytes), human::bytes(cut)),
                );
            }
            None => {}
        }
        for warning in &run.warnings {
            line("warning", warning);
        }
        text.push_str("\nWhere the time went\n");
        for Phase { name, start_ms, ms } in &run.phases {
            let [at, took] = [start_ms, ms].map(|ms| human::duration(Duration::from_millis(*ms)));
            let _ = writeln!(text, "  {:<12} {took:>8}  from {at}", visible(name));
        }
        text
    }
}

fn of_commit(run: &RunRecord) -> Option<String> {
    let with = match run.dirty {
        Some(true) => ", with changes",
        Some(false) => ", without changes",
        None => "",
    };
    run.commit.as_ref().map(|commit| format!("{commit}{with}"))
}

fn of_lease(lease: &Leased, provider: &str) -> String {
    let Leased { id, slug, end } = lease;
    let end = end.as_ref().map_or_else(String::new, |end| format!(", {end} at its end"));
    format!("{slug} ({id}) of {provider}{end}")
}

fn of_box(facts: &Facts) -> String {
    let Facts { arch, kernel, system, cpus, memory } = facts;
    let cpus = human::count(u64::from(*cpus), "processor");
    let known = [system.clone(), arch.clone(), kernel.clone(), cpus, human::bytes(*memory)];
    let known: Vec<String> = known.into_iter().filter(|one| !one.is_empty()).collect();
    known.join(", ")
}
