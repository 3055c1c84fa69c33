//! What is said of a run that came to its end.

use super::brought;
use super::summary::{Part, Room, Summary};
use super::tested::Tested;
use crate::claims::{Claim, Ending};
use crate::cli::order::{Done, changed};
use crate::cli::{parked, results};
use crate::lease::End;
use crate::log::phases;
use crate::output::{Printer, Screen, Typed, human, to_type};
use crate::redact::REDACTED;
use crate::run::{CRABBOX_FAILED, Ended, Origin, Outcome};
use serde_json::{Value, json};
use signal_hook::low_level::signal_name;
use std::time::Duration;

/// A shorter phase isn't worth a word, in milliseconds.
const WORTH_SAYING: u64 = 5;

/// Output is long if a screen doesn't hold so much of it in each of its lines, in bytes; and so many lines whoever reads it
/// elsewhere has seen, though they may have kept its end alone.
const LINE: u64 = 40;
const ROWS: usize = 24;

/// A run that came to its end.
#[derive(Clone, Copy)]
pub(super) struct Report<'a> {
    pub(super) done: &'a Done,
    pub(super) ended: Ended,
    pub(super) outcome: Outcome,
    pub(super) tested: Option<&'a Tested>,
    /// It can be looked at later.
    pub(super) is_remembered: bool,
}

impl Report<'_> {
    /// Tells of it. Returns the exit code: the program's, unless whoever asked for the document would
    /// take a run without one for a success.
    pub(super) fn show(self, room: Room, printer: Printer) -> u8 {
        let Self { done, ended, outcome, tested, .. } = self;
        let mut exit = outcome.exit;
        if printer.json {
            if let Err(error) = printer.document(&to_json(done, ended, outcome, tested)) {
                printer.explain(&error);
                exit = if exit == 0 { CRABBOX_FAILED } else { exit };
            }
        } else if !printer.is_quiet() {
            self.summary(room).show(room, printer);
        }
        if let Some(collected) = &done.finished.collected {
            let run = done.claim.run.as_ref().map(|run| (run.id.as_str(), &*done.claim.slug));
            brought::warn(collected, run, printer);
        }
        if let Err(unreleased) = &done.end {
            unreleased.show(printer);
        }
        exit
    }

    fn summary(self, room: Room) -> Summary {
        let Self { done, tested, .. } = self;
        let mut summary = Summary::default();
        summary.say(Part::Verdict, [verdict(done, self.ended, self.outcome)]);
        let more = self.more(room.screen);
        let again = tested.and_then(|_| Typed::again());
        if let Some(tested) = tested {
            let found = tested.results();
            summary.say(Part::Verdict, [results::counts(found)]);
            let left = summary.left(room, [more.as_ref(), again.as_ref()]);
            let failed = results::Failed::of(found, tested.compared(), room.width());
            summary.say(Part::Failed, failed.within(left, |line| room.said(line)));
            summary.say(Part::Changes, results::changes(found, tested.compared()));
            summary.say(Part::Slowest, results::slowest(found));
        }
        summary.say(Part::Files, done.finished.collected.iter().flat_map(brought::lines));
        summary.say(Part::Phases, tested.and_then(|_| time_spent()));
        if matches!(done.end, Ok(End::Lingers)) {
            let (line, hint) = lingering(&done.claim).unzip();
            summary.say(Part::Box, line);
            summary.hint(Part::Box, hint);
        }
        let (line, hint) = parked::told(done.parked).unzip();
        summary.say(Part::Box, line);
        summary.hint(Part::Box, hint);
        summary.hint(Part::More, more);
        summary.hint(Part::Printed, self.printed_by_a_test(room.screen));
        summary.hint(Part::Again, again);
        summary
    }

    /// The line that shows all of what went wrong, where it isn't here to see.
    fn more(self, screen: Option<Screen>) -> Option<String> {
        let run = self.done.claim.run.as_ref().filter(|_| self.is_remembered)?;
        if self.tested.is_some_and(|tested| tested.results().failed().next().is_some()) {
            return Some(to_type(&["results", &run.id, "--failed"]));
        }
        (self.outcome.exit != 0 && self.is_out_of_sight(screen))
            .then(|| to_type(&["logs", &run.id]))
    }

    /// The line that finds in much output what belongs to the first test that failed.
    fn printed_by_a_test(self, screen: Option<Screen>) -> Option<String> {
        let run = self.done.claim.run.as_ref().filter(|_| self.is_remembered)?;
        let tested = self.tested?;
        let case = tested.results().causes_with_new_first(tested.compared()).first()?.id();
        let can_be_typed = !case.contains(char::is_control) && results::parse_name(&case).is_ok();
        // In the log, a secret is covered in another way.
        let can_be_found = can_be_typed && !case.contains(REDACTED);
        (can_be_found && self.is_out_of_sight(screen))
            .then(|| to_type(&["logs", &run.id, "--test", &case]))
    }

    fn is_out_of_sight(self, screen: Option<Screen>) -> bool {
        let rows = screen.map_or(ROWS, |screen| screen.rows);
        self.ended.printed > LINE.saturating_mul(rows as u64)
    }
}

/// Where the time went, as far as that is worth a word.
fn time_spent() -> Option<String> {
    let took = |ms| human::duration(Duration::from_millis(ms));
    let phases = phases();
    let least = phases.iter().map(|phase| phase.ms).max()?.min(WORTH_SAYING);
    let phases = phases.iter().filter(|phase| phase.ms >= least);
    let phases: Vec<_> = phases.map(|phase| format!("{} {}", phase.name, took(phase.ms))).collect();
    Some(format!("phases: {}", phases.join(", ")))
}

/// Until when the next run finds the box ready, and how it would be ready for longer.
fn lingering(claim: &Claim) -> Option<(String, String)> {
    let end = claim.ends()?;
    let left = human::duration(end.left().unwrap_or_default());
    let then = if claim.ending == Ending::Delete { "deleted" } else { "parked" };
    let line = format!("{} stays ready for {left}, and is {then} then", claim.slug);
    Some((line, to_type(&["warmup"])))
}

fn to_json(done: &Done, ended: Ended, outcome: Outcome, tested: Option<&Tested>) -> Value {
    let Done { claim, end, warnings, .. } = done;
    let trouble = end.as_ref().err().map(|unreleased| &unreleased.error);
    json!({
        "schema_version": 1,
        "outcome": outcome,
        "program": ended.outcome,
        "lease": {
            "id": claim.id,
            "slug": claim.slug,
            "end": end.as_ref().ok().map(|end| end.as_str()),
            "trouble": trouble,
        },
        "run": claim.run.as_ref().map(|run| &run.id),
        "sync": done.sync_to_json(),
        "results": tested.map(Tested::to_json),
        "artifacts": done.finished.collected.as_ref().map(brought::to_json),
        "ready_ms": done.ready_ms(),
        "wall_ms": ended.wall_ms,
        "total_ms": done.total_ms(),
        "warnings": warnings,
    })
}

/// The exit code first: it is what a reader of a log looks for.
fn verdict(done: &Done, ended: Ended, outcome: Outcome) -> String {
    let end = done.end.as_ref().map_or("not released", |end: &End| end.as_str());
    format!(
        "{} in {} ({} in all) · {} · {} {end}",
        match outcome {
            outcome if outcome == ended.outcome => said(outcome),
            Outcome { exit, origin, .. } => {
                format!("exit {exit} ({}; the command: {})", origin.as_str(), said(ended.outcome))
            }
        },
        human::duration(Duration::from_millis(ended.wall_ms)),
        human::duration(done.total),
        changed(&done.finished),
        done.claim.slug,
    )
}

/// The code, and whose it is; of one that all is well by, nobody asks.
fn said(outcome: Outcome) -> String {
    let Outcome { exit, origin, signal } = outcome;
    let why = match (signal, origin) {
        (Some(signal), _) => match signal_name(signal) {
            Some(name) => format!(": {name}"),
            None => format!(": signal {signal}"),
        },
        (None, Origin::Program) if exit == 0 => return "exit 0".to_owned(),
        (None, Origin::Program) => String::new(),
        (None, _) => ": time limit".to_owned(),
    };
    format!("exit {exit} ({}{why})", origin.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_wire::message;

    #[test]
    fn the_end_is_said_by_its_code_and_whose_that_is() {
        let said = |outcome| said(Outcome::of(outcome));
        assert_eq!(said(message::Outcome::Exited(0)), "exit 0");
        assert_eq!(said(message::Outcome::Exited(7)), "exit 7 (program)");
        assert_eq!(said(message::Outcome::Signaled(9)), "exit 137 (program: SIGKILL)");
        assert_eq!(said(message::Outcome::Signaled(40)), "exit 168 (program: signal 40)");
        assert_eq!(said(message::Outcome::TimedOut), "exit 124 (crabbox: time limit)");
    }
}
