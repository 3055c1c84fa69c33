//! What a command spends its time with: the spans right below its own, measured once for the log and for whoever
//! asks for them in the end.

use crate::events::{self, Event, State};
use crate::history::Phase;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// More than any command has: a box is asked for again a few times at most.
const MOST: usize = 64;

static ENDED: Mutex<Vec<Phase>> = Mutex::new(Vec::new());

/// Those that have ended, in that order.
pub(crate) fn phases() -> Vec<Phase> {
    ENDED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// One begins.
pub(super) fn began(name: &str) {
    events::tell(&Event::Phase { name, state: State::Began, ms: None });
}

/// This one has: it began `since`, in a command that began at `begun`.
pub(super) fn ended(name: &str, begun: Instant, since: Instant, took: Duration) {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let start_ms = ms(since.saturating_duration_since(begun));
    let took = ms(took);
    events::tell(&Event::Phase { name, state: State::Ended, ms: Some(took) });
    let phase = Phase { name: name.to_owned(), start_ms, ms: took };
    let mut ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
    if ended.len() < MOST {
        ended.push(phase);
    }
}
