//! What came of an order.

use crate::claims::Claim;
use crate::lease::End;
use crate::output::{Printer, human, to_type};
use crate::run::Finished;
use crabbox_wire::message::Synced;
use serde_json::{Value, json};
use std::time::Duration;

/// As much content is worth a word.
const WORTH_SAYING: u64 = 1024 * 1024;

/// An order that was carried out, with what surrounds it.
pub(in crate::cli) struct Done {
    pub(in crate::cli) finished: Finished,
    pub(in crate::cli) claim: Claim,
    /// The box stood ready before.
    pub(in crate::cli) was_ready: bool,
    pub(in crate::cli) end: Result<End, Unreleased>,
    /// Boxes of the checkout that are parked for long.
    pub(in crate::cli) parked: usize,
    /// Until the box was held.
    pub(in crate::cli) ready: Duration,
    pub(in crate::cli) total: Duration,
    /// What is wrong with the settings, for machines: people were told before.
    pub(in crate::cli) warnings: Vec<Value>,
}

/// A box that couldn't be let go of. The result stands, and is told first.
#[derive(Debug)]
pub(in crate::cli) struct Unreleased {
    pub(in crate::cli) slug: String,
    /// Why.
    pub(in crate::cli) error: String,
}

impl Unreleased {
    pub(in crate::cli) fn show(&self, printer: Printer) {
        let Self { slug, error } = self;
        printer.warning(&format!("{slug} wasn't released: {error}"));
        printer.hint(&to_type(&["stop", slug]));
    }
}

impl Done {
    /// What the sync did, for machines.
    pub(in crate::cli) fn sync_to_json(&self) -> Value {
        let Finished { synced, sent, .. } = &self.finished;
        let Synced { root, written, removed } = synced;
        json!({ "root": root, "written": written, "removed": removed, "bytes": sent })
    }

    pub(in crate::cli) fn ready_ms(&self) -> u64 {
        millis(self.ready)
    }

    pub(in crate::cli) fn total_ms(&self) -> u64 {
        millis(self.total)
    }
}

/// What the sync did, for people.
pub(in crate::cli) fn changed(finished: &Finished) -> String {
    let Finished { synced, sent, .. } = finished;
    let size = match *sent {
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
    use crate::history::BoxHeld;
    use crate::run::Met;
    use crabbox_wire::tree::Hash;

    #[test]
    fn what_the_sync_did_is_said_in_files() {
        let held = BoxHeld::AsBelieved;
        let met = Met { helper_sent: false, held, waited: Duration::ZERO };
        let said = |written, removed, sent| {
            let synced = Synced { root: Hash::of(b""), written, removed };
            let warnings = Vec::new();
            changed(&Finished { ended: None, synced, sent, collected: None, warnings, met })
        };
        assert_eq!(said(0, 0, 0), "tree unchanged");
        assert_eq!(said(1, 0, 12), "1 file sent");
        assert_eq!(said(0, 1, 0), "1 file removed");
        assert_eq!(said(1234, 2, 329_991_168), "1234 files sent (315 MiB), 2 removed");
    }
}
