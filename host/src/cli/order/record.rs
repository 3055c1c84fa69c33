//! What the history remembers of an order. Nothing here writes anything but memory: what is noted is recorded once, when all
//! else is done.

use super::explain::Failed;
use super::{Done, Order};
use crate::events::{self, Event};
use crate::history::{
    Command, Had, Leased, Recording, RunIdError, RunRecord, Synced, Trouble, Way,
};
use crate::lease::Held;
use crate::output::Printer;
use crate::run::Met;
use jiff::Timestamp;
use std::time::Duration;

impl Order {
    /// Begins to remember what is run; nothing of a warm-up.
    pub(in crate::cli) fn recording(&self) -> Option<Recording> {
        let record = self.record()?.ok()?;
        let settings = &self.settings;
        let state = self.places.state.clone();
        Some(Recording::begin(state, settings.history, settings.log_size, record))
    }

    fn record(&self) -> Option<Result<RunRecord, RunIdError>> {
        let program = self.program.as_ref()?;
        let now = Timestamp::now();
        let names = program.environment.0.keys().map(ToString::to_string);
        Some(program.run.parse().map(|id| RunRecord {
            directory: program.directory.to_string(),
            repository: self.source.root.to_string_lossy().into_owned(),
            environment: names.collect(),
            way: Way { variables_sent: !program.environment.0.is_empty(), ..Way::default() },
            ..RunRecord::begun(id, Command::of(&program.command), &self.settings.provider, now)
        }))
    }
}

/// On whose box it runs; `ready`: how long that took.
pub(super) fn note_lease(recording: &Recording, held: &Held, ready: Option<Duration>) {
    let Held { claim, how, .. } = held;
    let (lease, slug) = (claim.id.as_str(), claim.slug.as_str());
    recording.note(|run| {
        if run.lease.as_ref().is_none_or(|known| known.id != lease) {
            events::tell(&Event::Lease { lease, slug, provider: &claim.provider });
        }
        run.lease = Some(Leased { id: claim.id.to_string(), slug: claim.slug.clone(), end: None });
        run.provider.clone_from(&claim.provider);
        run.way.had = Some(Had::from(*how));
        run.ready_ms = ready.map(millis).or(run.ready_ms);
    });
}

/// What came of it.
pub(super) fn note_end(recording: &Recording, result: &Result<Done, Failed>) {
    recording.note(|run| match result {
        Ok(done) => {
            let finished = &done.finished;
            run.outcome = finished.outcome();
            run.wall_ms = finished.ended.map(|ended| ended.wall_ms);
            run.tree = Some(finished.synced.root.to_string());
            run.sync = Some(Synced {
                written: finished.synced.written,
                removed: finished.synced.removed,
                bytes: finished.sent,
            });
            let Met { helper_sent, held, waited } = finished.met;
            run.way.waited_ms += millis(waited);
            (run.way.helper_sent, run.way.held) = (helper_sent, Some(held));
            let end = done.end.as_ref().ok().map(|end| end.as_str().to_owned());
            run.lease = run.lease.take().map(|lease| Leased { end, ..lease });
            run.warnings.extend(finished.warnings.iter().cloned());
            run.warnings.extend(done.end.as_ref().err().map(|left| left.error.clone()));
        }
        Err(failed) => {
            run.outcome = failed.outcome;
            run.error = Some(failed.error.in_one_line());
            run.warnings.extend(failed.unreleased.as_ref().map(|left| left.error.clone()));
        }
    });
}

/// Writes down what was run, and gives it back. What can't be kept is said, and changes nothing else.
pub(in crate::cli) fn remember(recording: &Recording, printer: Printer) -> Option<RunRecord> {
    let (record, troubles) = recording.finish()?;
    for trouble in troubles {
        match trouble {
            Trouble::Log(cut) => printer.warning(&cut.in_one_line()),
            Trouble::Record(error) => {
                printer.warning(&format!("this run isn't in the history: {}", error.in_one_line()));
                error.hint().iter().for_each(|line| printer.hint(line));
            }
            Trouble::PutAside(folder) => {
                let folder = folder.display();
                printer.warning(&format!(
                    "the history was damaged, and begins anew; what there was is kept in `{folder}`"
                ));
            }
        }
    }
    Some(record)
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
