//! What the main thread is told, by the host and by the helper's own threads.
//!
//! No two threads of the helper can wait for each other, since who waits for what is a line
//! and no circle:
//!
//! - the thread that writes to the host ([`crate::outbox`]) waits for the host alone;
//! - the threads that move the command's output wait for room in the outbox, and so for the host;
//! - the thread that hands input to the command waits for the command alone;
//! - the thread that reads from the host waits for the host, and for room in here: for the main thread;
//! - the main thread, while a command runs, waits for news in here and for nothing else. It
//!   sends without waiting, and takes no lock that anybody holds while they wait.
//!
//! So what the helper itself notes is always taken in, only what the host sends has to wait
//! for room; and that the host is gone is a flag beside the queue, seen however full that is.

use crabbox_wire::copy::Word;
use crabbox_wire::message::{Environment, Request, Signal, Sync};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much of what the host sends may wait, in bytes.
const ROOM: usize = 4 * 1024 * 1024;

/// What an event takes up beside its bytes, about: many small ones fill the room, too.
const OVERHEAD: usize = 128;

/// What happens in a session.
#[derive(Debug)]
pub(crate) enum Event {
    Request(Box<Request>),
    Sync(Sync),
    Delta(Vec<u8>),
    DeltaEnd,
    Environment(Environment),
    Stdin(Vec<u8>),
    StdinEnd,
    Signal(Signal),
    Ack(u64),
    /// Records of a copy.
    Copy(Vec<u8>),
    /// The same, compressed.
    CopyPacked(Vec<u8>),
    /// What the receiver of a copy says.
    CopyWord(Word),
    /// A piece of a stream.
    Tunnel(Vec<u8>),
    /// The command has ended.
    Exited,
    /// One of its output streams has ended.
    PipeEnded,
}

impl Event {
    fn cost(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Delta(bytes)
                | Self::Stdin(bytes)
                | Self::Copy(bytes)
                | Self::CopyPacked(bytes)
                | Self::Tunnel(bytes) => bytes.len(),
                _ => 0,
            }
    }
}

/// Why there is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// The host is gone, or gives up. Said once.
    Closed,
    /// The time that was given has come.
    TimeIsUp,
}

/// The queue of events.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    news: Condvar,
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    /// What they cost.
    held: usize,
    closed: bool,
    /// Closing has been said.
    told: bool,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what the host sent, once there is room; `false` when nobody wants it any more.
    pub(crate) fn offer(&self, event: Event) -> bool {
        let full = |state: &mut State| state.held >= ROOM && !state.closed;
        let state = self.room.wait_while(self.lock(), full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return false;
        }
        self.push(&mut state, event);
        true
    }

    /// Takes in what a thread of the helper noted. Never waits: there are but a few of them.
    pub(crate) fn note(&self, event: Event) {
        self.push(&mut self.lock(), event);
    }

    fn push(&self, state: &mut State, event: Event) {
        state.held += event.cost();
        state.events.push_back(event);
        self.news.notify_all();
    }

    /// The host is gone, or gives up.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
        self.room.notify_all();
    }

    /// Waits for the host to be gone, for a while; is it?
    pub(crate) fn is_closed_within(&self, time: Duration) -> bool {
        let waited = self.news.wait_timeout_while(self.lock(), time, |state| !state.closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// The next event; `None` when the host is gone.
    pub(crate) fn next(&self) -> Option<Event> {
        let idle = |state: &mut State| state.events.is_empty() && !state.closed;
        let state = self.news.wait_while(self.lock(), idle);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.closed { None } else { self.pop(&mut state) }
    }

    /// The next event, if one comes in time. That the host is gone comes before all others; they
    /// still come after it.
    pub(crate) fn next_until(&self, until: Option<Instant>) -> Result<Event, Pause> {
        let mut state = self.lock();
        loop {
            if state.closed && !state.told {
                state.told = true;
                return Err(Pause::Closed);
            }
            if let Some(event) = self.pop(&mut state) {
                return Ok(event);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            state = match left {
                Some(Duration::ZERO) => return Err(Pause::TimeIsUp),
                Some(left) => {
                    let waited = self.news.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.news.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn pop(&self, state: &mut State) -> Option<Event> {
        let event = state.events.pop_front()?;
        state.held -= event.cost();
        self.room.notify_all();
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    /// An inbox that the host has filled, and the thread that still offers.
    fn full() -> (Arc<Inbox>, thread::JoinHandle<()>) {
        let inbox = Arc::new(Inbox::default());
        let host = Arc::clone(&inbox);
        let offering = thread::spawn(move || while host.offer(Event::Stdin(vec![1])) {});
        while inbox.lock().held < ROOM {
            thread::yield_now();
        }
        (inbox, offering)
    }

    #[test]
    fn many_small_events_are_bounded_and_hold_up_nobody_but_the_host() {
        let (inbox, offering) = full();
        assert!(inbox.lock().events.len() <= ROOM / OVERHEAD);
        inbox.note(Event::Exited);
        inbox.note(Event::PipeEnded);
        inbox.close();
        offering.join().expect("leaves");
    }

    #[test]
    fn a_host_that_is_gone_is_seen_before_what_it_had_sent() {
        let (inbox, offering) = full();
        assert!(!inbox.is_closed_within(Duration::ZERO));
        inbox.close();
        offering.join().expect("leaves");
        assert!(inbox.is_closed_within(Duration::ZERO));
        assert!(inbox.next().is_none());
        assert_eq!(inbox.next_until(None).expect_err("says so"), Pause::Closed);
        assert!(matches!(inbox.next_until(None), Ok(Event::Stdin(_))));
    }

    #[test]
    fn a_time_that_has_come_is_said_after_the_events_before_it() {
        let inbox = Inbox::default();
        inbox.note(Event::Exited);
        let now = Some(Instant::now());
        assert!(matches!(inbox.next_until(now), Ok(Event::Exited)));
        assert_eq!(inbox.next_until(now).expect_err("says so"), Pause::TimeIsUp);
    }
}
