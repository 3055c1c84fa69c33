//! What machines are told of a run beside its phases: its beginning, what came of it, its end.

use super::tested::Tested;
use crate::cli::order::{Done, Failed, Order};
use crate::events::{self, Event};
use crate::history::Command;
use crate::output::Printer;
use crate::run::{CRABBOX_FAILED, Origin, Outcome};
use std::time::Duration;

/// The run begins.
pub(super) fn begin(order: &Order) {
    let Some(program) = order.program.as_ref().filter(|_| events::is_wanted()) else { return };
    if let Ok(run) = program.run.parse() {
        let command = Command::of(&program.command);
        let repository = &order.source.root.to_string_lossy();
        events::tell(&Event::Run { run: &run, command, repository });
    }
}

/// Its tests, one by one, and the files that are here now.
pub(super) fn tell_what_came(done: &Done, tested: Option<&Tested>) {
    if !events::is_wanted() {
        return;
    }
    for case in tested.iter().flat_map(|tested| &tested.results().cases) {
        let problem = case.shown();
        events::tell_late(&Event::Test {
            test: &case.id(),
            status: case.status,
            ms: case.ms,
            message: problem.map(|_| case.telling()).as_deref(),
            place: problem.and_then(|problem| problem.place.as_ref()),
        });
    }
    let collected = done.finished.collected.iter();
    for file in collected.flat_map(|all| all.artifacts.iter().chain(&all.downloads)) {
        events::tell_late(&Event::Artifact {
            path: &file.path.to_string_lossy(),
            local_path: &file.local.to_string_lossy(),
            bytes: file.bytes,
            digest: &file.digest.to_string(),
        });
    }
}

/// How it ended.
pub(super) struct End {
    outcome: Outcome,
    wall_ms: Option<u64>,
    error: Option<String>,
}

impl End {
    pub(super) fn of(result: &Result<Done, Failed>) -> Self {
        match result {
            Ok(done) => {
                let wall_ms = done.finished.ended.map(|ended| ended.wall_ms);
                Self { outcome: done.finished.outcome(), wall_ms, error: None }
            }
            Err(failed) => {
                let error = Some(failed.error.in_one_line());
                Self { outcome: failed.outcome, wall_ms: None, error }
            }
        }
    }

    /// Something of ours has failed since: that is the outcome, unless the command failed anyway.
    pub(super) fn fail(&mut self) {
        if self.outcome.exit == 0 {
            self.outcome = Outcome::failure(Origin::Crabbox);
        }
    }

    /// How this program ends.
    pub(super) fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The last event. What couldn't be told is said.
    pub(super) fn tell(&self, exit: u8, total: Duration, printer: Printer) {
        // Its document couldn't be written.
        let is_ours = exit == CRABBOX_FAILED && self.outcome.exit == 0;
        let outcome = if is_ours { Outcome::failure(Origin::Crabbox) } else { self.outcome };
        let last = Event::Exit {
            outcome,
            wall_ms: self.wall_ms,
            total_ms: u64::try_from(total.as_millis()).unwrap_or(u64::MAX),
            error: self.error.as_deref(),
        };
        if let Some(why) = events::finish(&last) {
            printer.warning(&format!("not all events were told: {why}"));
        }
    }
}
