//! From whoever has something to tell to whoever reads it. A thread of its own writes; the run never waits for it, but at
//! its end, for a moment.

use super::event::{Event, SCHEMA_VERSION};
use super::target::Target;
use crate::redact;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// So many lines wait for a slow reader.
const WAITING: usize = 4096;

/// So many of these only for what isn't passing.
const RESERVED: usize = WAITING / 2;

/// How long the end of a run waits for its reader.
const PATIENCE: Duration = Duration::from_secs(2);

static SINK: OnceLock<Sink> = OnceLock::new();

struct Sink {
    begun: Instant,
    state: Mutex<Waiting>,
}

struct Waiting {
    /// `None`: it is over.
    lines: Option<SyncSender<String>>,
    writer: Option<JoinHandle<io::Result<()>>>,
    /// So many lines are on their way.
    sent: usize,
    taken: Arc<AtomicUsize>,
    dropped: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    schema_version: u32,
    /// Since events are told, in milliseconds.
    at_ms: u64,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

/// Begins, once in a process.
pub fn begin(target: &Target) -> io::Result<()> {
    let file = target.open()?;
    let (lines, received) = sync_channel(WAITING);
    let taken = Arc::default();
    let counted = Arc::clone(&taken);
    let writer = thread::spawn(move || write_all(file, &received, &counted));
    let waiting = Waiting { lines: Some(lines), writer: Some(writer), sent: 0, taken, dropped: 0 };
    let sink = Sink { begun: Instant::now(), state: Mutex::new(waiting) };
    SINK.set(sink).map_err(|_| io::Error::other("events are told already"))
}

/// Does anybody listen?
#[must_use]
pub fn is_wanted() -> bool {
    SINK.get().is_some()
}

/// Tells it, if anybody listens. Where the reader is slow, what is passing is counted and left out.
pub fn tell(event: &Event<'_>) {
    let Some(sink) = SINK.get() else { return };
    let Some(line) = sink.line(event) else { return };
    let mut state = sink.state.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = state.taken.load(Ordering::Relaxed);
    let is_crowded = state.sent.saturating_sub(taken) >= RESERVED;
    if is_crowded && event.is_passing() {
        state.dropped += 1;
        return;
    }
    if state.dropped > 0 {
        let count = state.dropped;
        if sink.line(&Event::Dropped { count }).is_some_and(|line| state.send(line)) {
            state.dropped = 0;
        }
    }
    if !state.send(line) {
        state.dropped += 1;
    }
}

/// Tells the last one and ends; waits for the reader for a moment. Why not all could be written, if so.
pub fn finish(last: &Event<'_>) -> Option<String> {
    let sink = SINK.get()?;
    tell(last);
    let (writer, dropped) = {
        let mut state = sink.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(state.lines.take());
        (state.writer.take()?, state.dropped)
    };
    let until = Instant::now() + PATIENCE;
    while !writer.is_finished() && Instant::now() < until {
        thread::sleep(Duration::from_millis(1));
    }
    if !writer.is_finished() {
        return Some("nobody reads them".to_owned());
    }
    match writer.join() {
        Ok(Err(error)) => Some(error.to_string()),
        _ if dropped > 0 => Some(format!("{dropped} weren't read in time")),
        _ => None,
    }
}

impl Sink {
    fn line(&self, event: &Event<'_>) -> Option<String> {
        let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let line = Line { schema_version: SCHEMA_VERSION, at_ms, event };
        let text = serde_json::to_string(&line).ok()?;
        Some(redact::text(&text).into_owned() + "\n")
    }
}

impl Waiting {
    /// `false`: there is no room, or nobody.
    fn send(&mut self, line: String) -> bool {
        let Some(lines) = &self.lines else { return false };
        match lines.try_send(line) {
            Ok(()) => {
                self.sent += 1;
                true
            }
            Err(TrySendError::Full(_)) => false,
            // The writer has met an error, which is told in the end.
            Err(TrySendError::Disconnected(_)) => true,
        }
    }
}

/// Each line in one call, so that a reader of a pipe gets whole ones.
fn write_all(mut file: File, lines: &Receiver<String>, taken: &AtomicUsize) -> io::Result<()> {
    for line in lines {
        taken.fetch_add(1, Ordering::Relaxed);
        file.write_all(line.as_bytes())?;
    }
    Ok(())
}
