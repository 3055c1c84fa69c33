//! What is said of a run that came to its end.

use crate::claims::Claim;
use crate::lease::End;
use crate::output::Printer;
use crate::run::{Finished, Origin};
use serde_json::json;
use std::time::Duration;

/// A run that came to its end, with what surrounds it.
pub(super) struct Report {
    pub(super) finished: Finished,
    pub(super) claim: Claim,
    pub(super) end: Option<End>,
    /// Until the box was held.
    pub(super) ready: Duration,
    pub(super) total: Duration,
}

impl Report {
    pub(super) fn show(&self, printer: Printer) {
        let Finished { outcome, synced, sent, wall_ms } = &self.finished;
        if printer.json {
            // A failed write can't change the program's result.
            let _ = printer.document(&json!({
                "schema_version": 1,
                "outcome": outcome,
                "lease": { "id": self.claim.id, "slug": self.claim.slug, "end": self.end.map(End::as_str) },
                "run": self.claim.run,
                "sync": { "root": synced.root, "written": synced.written, "removed": synced.removed, "bytes": sent },
                "ready_ms": millis(self.ready),
                "wall_ms": wall_ms,
                "total_ms": millis(self.total),
            }));
            return;
        }
        let ended = match (outcome.signal, outcome.origin) {
            (Some(signal), _) => format!("ended by signal {signal}"),
            (None, Origin::Program) => format!("exit {}", outcome.exit),
            (None, _) => "ended at the time limit".to_owned(),
        };
        let sync = match (synced.written, synced.removed) {
            (0, 0) => "tree unchanged".to_owned(),
            (written, 0) => format!("{written} sent"),
            (written, removed) => format!("{written} sent, {removed} removed"),
        };
        let end = self.end.map_or("not released", End::as_str);
        printer.phase(&format!(
            "{ended} in {} ({} with all) · {sync} · {} {end}",
            seconds(Duration::from_millis(*wall_ms)),
            seconds(self.total),
            self.claim.slug,
        ));
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(duration: Duration) -> String {
    format!("{:.2}s", duration.as_secs_f64())
}
