//! From whoever has something to tell to whoever reads it. A thread of its own writes; the run never waits for it, but once
//! its program has ended, for a moment.

use super::event::{Event, SCHEMA_VERSION};
use super::queue::Queue;
use super::target::Target;
use crate::redact;
use serde::Serialize;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

static SINK: OnceLock<Sink> = OnceLock::new();

struct Sink {
    begun: Instant,
    queue: Arc<Queue>,
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
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
    let queue = Arc::new(Queue::default());
    let read = Arc::clone(&queue);
    let writer = thread::spawn(move || read.write_all(file));
    let sink = Sink { begun: Instant::now(), queue, writer: Mutex::new(Some(writer)) };
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
    sink.queue.add(event.is_passing(), |dropped| sink.next(dropped, event));
}

/// Tells it once the program has ended: a slow reader is waited for, for a moment in all.
pub fn tell_late(event: &Event<'_>) {
    let Some(sink) = SINK.get() else { return };
    sink.queue.add_patiently(|dropped| sink.next(dropped, event));
}

/// Tells the last one and ends; waits for the reader for a moment. Why not all could be written, if so.
pub fn finish(event: &Event<'_>) -> Option<String> {
    let sink = SINK.get()?;
    let writer = sink.writer.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    let (is_written, lost) = sink.queue.finish(|dropped| sink.next(dropped, event));
    if !is_written {
        return Some("nobody reads them".to_owned());
    }
    match writer.join() {
        Ok(Err(error)) => Some(error.to_string()),
        _ if lost > 0 => Some(format!("{lost} weren't read in time")),
        _ => None,
    }
}

impl Sink {
    /// The line of how many weren't told before it, if any; and its own.
    fn next(&self, dropped: u64, event: &Event<'_>) -> (Option<String>, Option<String>) {
        let before = Some(Event::Dropped { count: dropped }).filter(|_| dropped > 0);
        (before.and_then(|event| self.line(&event)), self.line(event))
    }

    fn line(&self, event: &Event<'_>) -> Option<String> {
        let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let line = Line { schema_version: SCHEMA_VERSION, at_ms, event };
        let text = serde_json::to_string(&line).ok()?;
        Some(redact::text(&text).into_owned() + "\n")
    }
}
