//! One run, from its beginning to its record. All of it is in memory until the exit code is settled; then there is one
//! insert. If that never comes, a small file says that it has begun.

use super::begun::Sign;
use super::error::HistoryError;
use super::folder;
use super::id::RunId;
use super::log::{Cut, OutputLog};
use super::record::RunRecord;
use super::retention::{Retention, prune_if_due};
use super::store::Store;
use crate::log::phases;
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// So many warnings are kept, and so much of each: some are a box's.
const WARNINGS: usize = 20;
const LONGEST: usize = 2000;

/// A run that will be recorded. Every copy is the same one: whoever leaves early records it, too.
#[derive(Clone, Debug)]
pub struct Recording(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: PathBuf,
    retention: Retention,
    began: Instant,
    /// `None`: it is recorded.
    record: Mutex<Option<RunRecord>>,
    sign: Mutex<Sign>,
    log: OutputLog,
}

/// What couldn't be kept. The run is what it was.
#[derive(Debug)]
pub enum Trouble {
    /// Of its output.
    Log(Cut),
    /// The record.
    Record(HistoryError),
    /// What was recorded before was damaged, and is in this folder now.
    PutAside(PathBuf),
}

impl Recording {
    /// Begins one. What is left of it if it is killed is made beside it. `log_size`: how much of the output is kept, in
    /// bytes.
    #[must_use]
    pub fn begin(state: PathBuf, retention: Retention, log_size: u64, record: RunRecord) -> Self {
        let record = record.without_secrets();
        let log = OutputLog::new(folder(&state, &record.id), log_size);
        let sign = Mutex::new(Sign::leave(&state, &record));
        let (began, record) = (Instant::now(), Mutex::new(Some(record)));
        Self(Arc::new(Inner { state, retention, began, record, sign, log }))
    }

    /// Where its output is kept.
    #[must_use]
    pub fn log(&self) -> &OutputLog {
        &self.0.log
    }

    /// The folder of its files, below the state folder. It may not be there yet.
    #[must_use]
    pub fn folder(&self, run: &RunId) -> PathBuf {
        folder(&self.0.state, run)
    }

    /// Notes something of it.
    pub fn note(&self, change: impl FnOnce(&mut RunRecord)) {
        if let Some(record) = &mut *self.lock() {
            change(record);
        }
    }

    /// It was no run: nothing is recorded of it.
    pub fn give_up(&self) {
        *self.lock() = None;
        self.sign().take_away();
    }

    fn sign(&self) -> MutexGuard<'_, Sign> {
        self.0.sign.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records it, once; gives back what was recorded. Whoever comes second waits for that. What couldn't be kept is for its
    /// user to know, and nothing else.
    #[must_use]
    pub fn finish(&self) -> Option<(RunRecord, Vec<Trouble>)> {
        let mut slot = self.lock();
        let mut record = slot.take()?.without_secrets();
        let Inner { state, retention, began, log, .. } = &*self.0;
        let mut troubles = Vec::new();
        let (kept, cut) = log.finish();
        record.log = kept;
        record.ended = Timestamp::now();
        record.total_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        record.phases = phases();
        record.phases.sort_by_key(|phase| phase.start_ms);
        record.error = record.error.as_deref().map(shortened);
        record.warnings =
            record.warnings.iter().take(WARNINGS).map(|text| shortened(text)).collect();
        troubles.extend(cut.map(Trouble::Log));
        match Store::record(state, &record) {
            Ok((store, aside)) => {
                self.sign().take_away();
                troubles.extend(aside.map(Trouble::PutAside));
                // What can't be forgotten now is forgotten later.
                let _ = prune_if_due(&store, state, retention);
            }
            Err(error) => {
                self.sign().let_go(record.outcome.exit);
                troubles.push(Trouble::Record(error));
            }
        }
        Some((record, troubles))
    }

    fn lock(&self) -> MutexGuard<'_, Option<RunRecord>> {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept of somebody's words, at most so many characters.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_words_is_short() {
        assert_eq!(shortened(&"ü".repeat(10_000_000)).chars().count(), LONGEST + 1);
    }
}
