//! What was run, and what came of it: one record a run, kept on this machine, and the output beside it.
//!
//! A [`recording`] gathers a [`record`] while a run goes on, and writes it once, when its exit code is settled: nothing of
//! this is worth a run that fails or waits. Until then a file says that it has [`begun`](mod@begun). [`store`] keeps records
//! in SQLite, with a [`schema`]; [`query`] asks for them, and [`reference`](mod@reference) tells which run was meant.
//! [`retention`] forgets the old ones: how much [`room`] they take, and the [`removal`] of their files, each within a
//! [`budget`]. [`command`] is what was run without the secrets in it, [`way`] how it came to its box, [`facts`] what a box
//! says of itself, [`id`] what a run is called, [`mod@log`] what it printed, and [`error`] why all that can't be had.
//!
//! It is disposable: a database that is damaged is put aside, and a new one begun.

mod begun;
mod budget;
mod command;
mod error;
mod facts;
mod id;
mod log;
mod query;
mod record;
mod recording;
mod reference;
mod removal;
mod retention;
mod room;
mod schema;
mod store;
mod way;

pub use begun::Unfinished;
pub use command::Command;
pub use error::HistoryError;
pub use facts::cleaned;
pub use id::{RunId, RunIdError};
pub use log::{Cut, Log, OutputLog, Piece};
pub use query::{Filter, Reader, Row};
pub use record::{Artifact, Leased, LogKept, Phase, RunRecord, SCHEMA_VERSION, Synced};
pub use recording::{Recording, Trouble};
pub use reference::{LAST, LAST_FAILED, ReferenceError, resolve};
pub use removal::Stuck;
pub use retention::{Pruned, Retention, prune};
pub use store::Store;
pub use way::{BoxHeld, Had, Way};

use std::path::{Path, PathBuf};

/// Where the files of this run are, below the state folder.
#[must_use]
pub fn folder(state: &Path, run: &RunId) -> PathBuf {
    runs(state).join(run.as_str())
}

/// Where the files of runs are that have no record yet.
fn begun(state: &Path) -> PathBuf {
    state.join("begun")
}

/// Where the files of all runs are.
fn runs(state: &Path) -> PathBuf {
    state.join("runs")
}
