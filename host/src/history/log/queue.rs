//! What was printed, on its way from the thread that passes it on to the one that keeps it.
//!
//! It is bounded. Where the disk is slower than the program, output is held up for a moment, and once that hasn't helped, what is
//! printed isn't kept until there is room again: a run is never as slow as the disk that its log is on.

use crabbox_wire::frame::Stream;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So much may be on its way, in bytes.
const ROOM: usize = 2 * 1024 * 1024;

/// So long is output held up where there is no room.
const PATIENCE: Duration = Duration::from_millis(100);

/// Small pieces that come within so many milliseconds are one.
const TOGETHER: u64 = 10;

/// So long is one at most that is made of several, in bytes.
const CHUNK: usize = 64 * 1024;

/// What was printed.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) stream: Stream,
    pub(super) ms: u64,
    pub(super) bytes: Vec<u8>,
    /// How much wasn't kept before it, in bytes.
    pub(super) lost: u64,
}

/// What comes out of it.
#[derive(Debug)]
pub(super) enum Next {
    Chunk(Chunk),
    /// Nothing came for a while.
    Idle,
    /// Nothing comes any more; so many bytes at the end aren't kept.
    End {
        lost: u64,
    },
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    /// Not kept since the last chunk.
    lost: u64,
    /// There was no room, and hasn't been since.
    full: bool,
    ended: bool,
    /// Nobody takes anything any more.
    closed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    taken: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a copy of what was printed.
    pub(super) fn add(&self, stream: Stream, ms: u64, bytes: &[u8]) {
        let mut state = self.lock();
        let has_none = |state: &mut State| {
            state.bytes > 0 && state.bytes + bytes.len() > ROOM && !state.closed
        };
        if has_none(&mut state) && !state.full {
            let waited = self.taken.wait_timeout_while(state, PATIENCE, has_none);
            let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.full = timeout.timed_out();
        }
        state.full &= state.bytes > ROOM / 2;
        if state.closed || state.full {
            state.lost += bytes.len() as u64;
            return;
        }
        state.bytes += bytes.len();
        match state.chunks.back_mut() {
            Some(last)
                if last.stream == stream
                    && ms.saturating_sub(last.ms) < TOGETHER
                    && last.bytes.len() + bytes.len() <= CHUNK =>
            {
                last.bytes.extend_from_slice(bytes);
            }
            _ => {
                let lost = std::mem::take(&mut state.lost);
                state.chunks.push_back(Chunk { stream, ms, bytes: bytes.to_vec(), lost });
            }
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.arrived.notify_one();
    }

    /// What came first; waited for, no longer than so.
    pub(super) fn next(&self, longest: Duration) -> Next {
        let is_empty = |state: &mut State| state.chunks.is_empty() && !state.ended;
        let waited = self.arrived.wait_timeout_while(self.lock(), longest, is_empty);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let next = match state.chunks.pop_front() {
            Some(chunk) => {
                state.bytes -= chunk.bytes.len();
                Next::Chunk(chunk)
            }
            None if state.ended => Next::End { lost: std::mem::take(&mut state.lost) },
            None => Next::Idle,
        };
        drop(state);
        self.taken.notify_one();
        next
    }

    /// Nothing is taken any more: what comes, and what is still there, isn't kept.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.chunks.clear();
        state.bytes = 0;
        drop(state);
        self.taken.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const MOMENT: Duration = Duration::from_millis(1);

    fn take(queue: &Queue) -> Option<Chunk> {
        match queue.next(MOMENT) {
            Next::Chunk(chunk) => Some(chunk),
            _ => None,
        }
    }

    #[test]
    fn small_pieces_of_a_moment_are_one_and_streams_keep_their_order() {
        let queue = Queue::default();
        for (stream, ms, bytes) in [
            (Stream::Stdout, 1, "a"),
            (Stream::Stdout, 2, "b"),
            (Stream::Stderr, 3, "c"),
            (Stream::Stdout, 4, "d"),
            (Stream::Stdout, 99, "e"),
        ] {
            queue.add(stream, ms, bytes.as_bytes());
        }
        let chunks = std::iter::from_fn(|| take(&queue));
        let texts: Vec<_> =
            chunks.map(|chunk| String::from_utf8(chunk.bytes).expect("text")).collect();
        assert_eq!(texts, ["ab", "c", "d", "e"]);
    }

    #[test]
    fn what_nobody_takes_is_given_up_and_told_of_once_there_is_room_again() {
        let queue = Queue::default();
        let piece = vec![b'x'; ROOM / 4];
        for _ in 0..4 {
            queue.add(Stream::Stdout, 0, &piece);
        }
        // One wait, whatever comes.
        let begun = Instant::now();
        for _ in 0..100 {
            queue.add(Stream::Stdout, 1, &piece);
        }
        assert!(begun.elapsed() < PATIENCE * 20);
        assert!(take(&queue).is_some() && take(&queue).is_some());
        queue.add(Stream::Stdout, 2, b"again");
        let rest: Vec<_> = std::iter::from_fn(|| take(&queue)).collect();
        let last = rest.last().expect("a chunk");
        assert_eq!((last.bytes.as_slice(), last.lost), (&b"again"[..], 100 * piece.len() as u64));
    }

    #[test]
    fn one_piece_that_is_larger_than_the_room_goes_through() {
        let queue = Queue::default();
        queue.add(Stream::Stdout, 0, &vec![b'x'; ROOM + 1]);
        assert_eq!(take(&queue).expect("a chunk").bytes.len(), ROOM + 1);
        queue.end();
        assert!(matches!(queue.next(MOMENT), Next::End { lost: 0 }));
    }

    #[test]
    fn a_closed_one_holds_nobody_up() {
        let queue = Queue::default();
        queue.close();
        for _ in 0..10 {
            queue.add(Stream::Stdout, 0, &vec![b'x'; ROOM]);
        }
        assert!(take(&queue).is_none());
    }
}
