//! What is said of a run that came to its end.

use super::brought;
use super::tested::Tested;
use crate::claims::{Claim, Ending};
use crate::cli::order::{Done, changed};
use crate::cli::parked;
use crate::lease::End;
use crate::log::phases;
use crate::output::{Printer, Typed, human, to_type};
use crate::run::{CRABBOX_FAILED, Ended, Origin, Outcome};
use serde_json::{Value, json};
use signal_hook::low_level::signal_name;
use std::time::Duration;

/// A shorter phase isn't worth a word, in milliseconds.
const WORTH_SAYING: u64 = 5;

/// So many lines of a summary aren't about tests.
const AROUND: usize = 8;

/// Where there is room for fewer lines, there is none for where the time went and for what to type next.
const NARROW: usize = 20;

/// Tells of a run whose command ended so. Returns the exit code: the program's, unless whoever asked
/// for the document would take a run without one for a success.
pub(super) fn show(
    done: &Done,
    ended: Ended,
    tested: Option<&Tested>,
    outcome: Outcome,
    room: usize,
    printer: Printer,
) -> u8 {
    let mut exit = outcome.exit;
    if printer.json {
        if let Err(error) = printer.document(&to_json(done, ended, outcome, tested)) {
            printer.explain(&error);
            exit = if exit == 0 { CRABBOX_FAILED } else { exit };
        }
    } else if !printer.is_quiet() {
        printer.phase(&summary(done, ended, outcome));
        let around = if room < NARROW { 1 } else { AROUND };
        let tests = tested.map(|tested| tested.lines(room.saturating_sub(around)));
        for line in tests.iter().flatten() {
            printer.phase(line);
        }
        if let Some(collected) = &done.finished.collected {
            brought::show(collected, printer);
        }
        if tested.is_some() && room >= NARROW {
            show_ways_on(done, printer);
        }
        if matches!(done.end, Ok(End::Lingers)) {
            show_lingering(&done.claim, printer);
        }
        parked::tell(printer, done.parked);
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

/// Where the time went, and what to type to see more, or to run the same again.
fn show_ways_on(done: &Done, printer: Printer) {
    let took = |ms| human::duration(Duration::from_millis(ms));
    let phases = phases().into_iter().filter(|phase| phase.ms >= WORTH_SAYING);
    let phases = phases.map(|phase| format!("{} {}", phase.name, took(phase.ms)));
    printer.phase(&format!("phases: {}", phases.collect::<Vec<_>>().join(", ")));
    if done.finished.outcome().exit != 0
        && let Some(run) = &done.claim.run
    {
        printer.hint(&to_type(&["results", &run.id, "--failed"]));
        printer.hint(&Typed::here().to_string());
    }
}

/// Until when the next run finds the box ready, and how it would be ready for longer.
fn show_lingering(claim: &Claim, printer: Printer) {
    let Some(end) = claim.ends() else {
        return;
    };
    let left = human::duration(end.left().unwrap_or_default());
    let then = if claim.ending == Ending::Delete { "deleted" } else { "parked" };
    printer.phase(&format!("{} stays ready for {left}, and is {then} then", claim.slug));
    printer.hint(&to_type(&["warmup"]));
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
fn summary(done: &Done, ended: Ended, outcome: Outcome) -> String {
    let end = done.end.as_ref().map_or("not released", |end: &End| end.as_str());
    format!(
        "{} in {} ({} in all) · {} · {} {end}",
        match outcome {
            outcome if outcome == ended.outcome => said(outcome),
            outcome => format!("exit {} (the command: {})", outcome.exit, said(ended.outcome)),
        },
        human::duration(Duration::from_millis(ended.wall_ms)),
        human::duration(done.total),
        changed(&done.finished),
        done.claim.slug,
    )
}

fn said(outcome: Outcome) -> String {
    let Outcome { exit, origin, signal } = outcome;
    match (signal, origin) {
        (Some(signal), _) => match signal_name(signal) {
            Some(name) => format!("exit {exit} ({name})"),
            None => format!("exit {exit} (signal {signal})"),
        },
        (None, Origin::Program) => format!("exit {exit}"),
        (None, _) => format!("exit {exit} (time limit)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_wire::message;

    #[test]
    fn the_end_is_said_by_its_code() {
        let said = |outcome| said(Outcome::of(outcome));
        assert_eq!(said(message::Outcome::Exited(7)), "exit 7");
        assert_eq!(said(message::Outcome::Signaled(9)), "exit 137 (SIGKILL)");
        assert_eq!(said(message::Outcome::Signaled(40)), "exit 168 (signal 40)");
        assert_eq!(said(message::Outcome::TimedOut), "exit 124 (time limit)");
    }
}
