//! Keeps what is written down on this machine quick to open, beside a run.

use crate::{claims, history};
use std::path::Path;
use std::thread;
use tracing::debug;

/// Shortens the logs of the databases in `state` where they are long. It isn't waited for: a run that ends before leaves it to
/// the next.
pub(super) fn settle_beside(state: &Path) {
    let state = state.to_owned();
    thread::spawn(move || {
        let note = |error: &dyn std::error::Error| debug!("a log isn't shortened: {error}");
        claims::Store::settle(&state).unwrap_or_else(|error| note(&error));
        history::Store::settle(&state).unwrap_or_else(|error| note(&error));
    });
}
