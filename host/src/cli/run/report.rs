//! What is said of a run that came to its end.

use crate::claims::Claim;
use crate::lease::End;
use crate::output::{Printer, human, to_type};
use crate::run::{CRABBOX_FAILED, Finished, Origin, Outcome};
use crabbox_wire::message::Synced;
use serde_json::{Value, json};
use signal_hook::low_level::signal_name;
use std::time::Duration;

/// As much content is worth a word.
const WORTH_SAYING: u64 = 1024 * 1024;

/// A run that came to its end, with what surrounds it.
pub(super) struct Report {
    pub(super) finished: Finished,
    pub(super) claim: Claim,
    pub(super) end: Result<End, Unreleased>,
    /// Until the box was held.
    pub(super) ready: Duration,
    pub(super) total: Duration,
    /// What is wrong with the settings, for machines: people were told before.
    pub(super) warnings: Vec<Value>,
}

/// A box that couldn't be let go of. The run's result stands, and is told first.
#[derive(Debug)]
pub(super) struct Unreleased {
    pub(super) slug: String,
    /// Why.
    pub(super) error: String,
}

impl Unreleased {
    pub(super) fn show(&self, printer: Printer) {
        let Self { slug, error } = self;
        printer.warning(&format!("{slug} wasn't released: {error}"));
        printer.hint(&to_type(&["stop", slug]));
    }
}

impl Report {
    /// Returns the exit code: the program's, unless whoever asked for the document would take a run
    /// without one for a success.
    pub(super) fn show(&self, printer: Printer) -> u8 {
        let mut exit = self.finished.outcome.exit;
        if printer.json {
            if let Err(error) = printer.document(&self.to_json()) {
                printer.explain(&error);
                exit = if exit == 0 { CRABBOX_FAILED } else { exit };
            }
        } else {
            printer.phase(&self.summary());
        }
        if let Err(unreleased) = &self.end {
            unreleased.show(printer);
        }
        exit
    }

    fn to_json(&self) -> Value {
        let Finished { outcome, synced, sent, wall_ms } = &self.finished;
        let end = self.end.as_ref().ok().map(|end| end.as_str());
        let trouble = self.end.as_ref().err().map(|unreleased| &unreleased.error);
        json!({
            "schema_version": 1,
            "outcome": outcome,
            "lease": {
                "id": self.claim.id,
                "slug": self.claim.slug,
                "end": end,
                "trouble": trouble,
            },
            "run": self.claim.run.as_ref().map(|run| &run.id),
            "sync": { "root": synced.root, "written": synced.written, "removed": synced.removed, "bytes": sent },
            "ready_ms": millis(self.ready),
            "wall_ms": wall_ms,
            "total_ms": millis(self.total),
            "warnings": self.warnings,
        })
    }

    /// The exit code first: it is what a reader of a log looks for.
    fn summary(&self) -> String {
        let Finished { outcome, synced, sent, wall_ms } = &self.finished;
        let end = self.end.as_ref().map_or("not released", |end| end.as_str());
        format!(
            "{} in {} ({} in all) · {} · {} {end}",
            ended(*outcome),
            human::duration(Duration::from_millis(*wall_ms)),
            human::duration(self.total),
            changed(synced, *sent),
            self.claim.slug,
        )
    }
}

fn ended(outcome: Outcome) -> String {
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

fn changed(synced: &Synced, sent: u64) -> String {
    let size = match sent {
        0..WORTH_SAYING => String::new(),
        large => format!(" ({})", human::bytes(large)),
    };
    match (synced.written, synced.removed) {
        (0, 0) => "tree unchanged".to_owned(),
        (0, removed) => format!("{} removed", human::count(removed, "file")),
        (written, 0) => format!("{} sent{size}", human::count(written, "file")),
        (written, removed) => {
            format!("{} sent{size}, {removed} removed", human::count(written, "file"))
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_wire::message;
    use crabbox_wire::tree::Hash;

    #[test]
    fn the_end_is_said_by_its_code() {
        let said = |outcome| ended(Outcome::of(outcome));
        assert_eq!(said(message::Outcome::Exited(7)), "exit 7");
        assert_eq!(said(message::Outcome::Signaled(9)), "exit 137 (SIGKILL)");
        assert_eq!(said(message::Outcome::Signaled(40)), "exit 168 (signal 40)");
        assert_eq!(said(message::Outcome::TimedOut), "exit 124 (time limit)");
    }

    #[test]
    fn what_the_sync_did_is_said_in_files() {
        let said = |written, removed, sent| {
            changed(&Synced { root: Hash::of(b""), written, removed }, sent)
        };
        assert_eq!(said(0, 0, 0), "tree unchanged");
        assert_eq!(said(1, 0, 12), "1 file sent");
        assert_eq!(said(0, 1, 0), "1 file removed");
        assert_eq!(said(1234, 2, 329_991_168), "1234 files sent (315 MiB), 2 removed");
    }
}
