//! What was printed, on its way from the thread that passes it on to the one that keeps it.
//!
//! It is bounded. Where the disk is slower than the program, output is held up for a moment, and once that hasn't helped, what is
//! printed isn't kept until there is room again: a run is never as slow as the disk that its log is on.
//!
//! To wake the other thread for each piece would take as long as passing it on does: that one is woken once there is enough. What
//! it is done with is used again ([`Spare`]).

use super::spare::Spare;
use crabbox_wire::frame::Stream;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So much may be on its way, in bytes.
const ROOM: usize = 2 * 1024 * 1024;

/// The writer is woken for so much, in bytes; for less it comes by itself.
const ENOUGH: usize = ROOM / 4;

/// More bytes than this in a millisecond are fast.
const FAST: u64 = 100_000;

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
    /// It came together with so much else that there is hardly time for it.
    pub(super) is_fast: bool,
}

/// What comes out of it.
#[derive(Debug)]
pub(super) enum Next {
    Chunk(Chunk),
    /// Nothing came for a while; or little did, and that was taken.
    Idle,
    /// Nothing comes any more; so many bytes at the end aren't kept.
    End {
        lost: u64,
    },
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is true or not whatever the others are")]
struct State {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    /// Not kept since the last chunk.
    lost: u64,
    /// There was no room, and hasn't been since.
    full: bool,
    /// Somebody waits for room.
    held_up: bool,
    /// What is there is being taken, until nothing is.
    taking: bool,
    /// It is taken because it has waited, and not for being enough.
    has_waited: bool,
    /// It has come fast.
    is_fast: bool,
    spare: Spare,
    ended: bool,
    /// Nobody takes anything any more.
    closed: bool,
}

impl State {
    /// Is there so little to take that it can wait?
    fn waits(&self) -> bool {
        let is_enough = self.bytes >= ENOUGH || (self.held_up && !self.chunks.is_empty());
        !is_enough && !self.ended
    }

    /// Everything that is there is to be taken.
    fn begin_to_take(&mut self, has_waited: bool) {
        self.taking = true;
        self.has_waited = has_waited;
        let ends = self.chunks.front().zip(self.chunks.back());
        let took = ends.map_or(0, |(first, last)| last.ms.saturating_sub(first.ms));
        self.is_fast = self.bytes as u64 > FAST * (took + 1);
    }

    /// The next of it.
    fn take(&mut self) -> Option<Chunk> {
        let chunk = self.taking.then(|| self.chunks.pop_front()).flatten();
        self.taking = chunk.is_some();
        self.bytes -= chunk.as_ref().map_or(0, |chunk| chunk.bytes.len());
        chunk
    }
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

    /// Adds what was printed. Its memory may go along, and other memory, with anything in it, be there instead.
    pub(super) fn add(&self, stream: Stream, ms: u64, bytes: &mut Vec<u8>) {
        let mut state = self.lock();
        let has_none = |state: &mut State| {
            state.bytes > 0 && state.bytes + bytes.len() > ROOM && !state.closed
        };
        if has_none(&mut state) && !state.full {
            state.held_up = true;
            self.arrived.notify_one();
            let waited = self.taken.wait_timeout_while(state, PATIENCE, has_none);
            let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.held_up = false;
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
                let own = state.spare.take(bytes);
                let lost = std::mem::take(&mut state.lost);
                let is_fast = false;
                state.chunks.push_back(Chunk { stream, ms, bytes: own, lost, is_fast });
            }
        }
        let wakes = state.bytes >= ENOUGH && !state.taking;
        drop(state);
        if wakes {
            self.arrived.notify_one();
        }
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.arrived.notify_one();
    }

    /// What came first; waited for until there is enough, no longer than so. The memory of what was `done` is used again.
    pub(super) fn next(&self, longest: Duration, done: &mut Vec<Vec<u8>>) -> Next {
        self.next_after(done, |state| {
            let waited = self.arrived.wait_timeout_while(state, longest, |state| state.waits());
            let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            (state, timeout.timed_out())
        })
    }

    /// The same with another clock: `wait` tells whether it has waited as long as it may.
    fn next_after<'a>(
        &'a self,
        done: &mut Vec<Vec<u8>>,
        mut wait: impl FnMut(MutexGuard<'a, State>) -> (MutexGuard<'a, State>, bool),
    ) -> Next {
        let mut state = self.lock();
        state.spare.give(done);
        loop {
            if let Some(mut chunk) = state.take() {
                chunk.is_fast = state.is_fast;
                let held_up = state.held_up;
                drop(state);
                if held_up {
                    self.taken.notify_one();
                }
                return Next::Chunk(chunk);
            }
            if state.ended && state.chunks.is_empty() {
                return Next::End { lost: std::mem::take(&mut state.lost) };
            }
            // To wait once more would be to wait for silence, which may never come.
            if std::mem::take(&mut state.has_waited) {
                return Next::Idle;
            }
            let (back, has_waited) = wait(state);
            state = back;
            if state.chunks.is_empty() && has_waited {
                return Next::Idle;
            }
            state.begin_to_take(has_waited);
        }
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

    fn add(queue: &Queue, stream: Stream, ms: u64, bytes: &[u8]) {
        queue.add(stream, ms, &mut bytes.to_vec());
    }

    fn take(queue: &Queue) -> Option<Chunk> {
        match queue.next(MOMENT, &mut Vec::new()) {
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
            add(&queue, stream, ms, bytes.as_bytes());
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
            add(&queue, Stream::Stdout, 0, &piece);
        }
        // One wait, whatever comes.
        let begun = Instant::now();
        for _ in 0..100 {
            add(&queue, Stream::Stdout, 1, &piece);
        }
        assert!(begun.elapsed() < PATIENCE * 20);
        assert!(take(&queue).is_some() && take(&queue).is_some());
        add(&queue, Stream::Stdout, 2, b"again");
        let rest: Vec<_> = std::iter::from_fn(|| take(&queue)).collect();
        let last = rest.last().expect("a chunk");
        assert_eq!((last.bytes.as_slice(), last.lost), (&b"again"[..], 100 * piece.len() as u64));
    }

    #[test]
    fn nothing_is_lost_where_the_other_is_only_slower() {
        let queue = Queue::default();
        let pieces = 200;
        let taken = std::thread::scope(|scope| {
            let taking = scope.spawn(|| {
                let (mut taken, mut done) = (0, Vec::new());
                loop {
                    match queue.next(MOMENT, &mut done) {
                        Next::Chunk(chunk) => {
                            std::thread::sleep(MOMENT / 4);
                            taken += chunk.bytes.len();
                            done.push(chunk.bytes);
                        }
                        Next::Idle => {}
                        Next::End { lost } => return (taken, lost),
                    }
                }
            });
            for _ in 0..pieces {
                add(&queue, Stream::Stdout, 1, &vec![b'x'; CHUNK + 1]);
            }
            queue.end();
            taking.join().expect("ends")
        });
        assert_eq!(taken, (pieces * (CHUNK + 1), 0));
    }

    #[test]
    fn nobody_is_woken_for_little_and_it_is_taken_all_the_same() {
        let queue = Queue::default();
        add(&queue, Stream::Stdout, 1, b"little");
        assert!(queue.lock().waits());
        assert_eq!(take(&queue).expect("a chunk").bytes, b"little");
        add(&queue, Stream::Stdout, 1, &vec![b'x'; ENOUGH]);
        assert!(!queue.lock().waits());
    }

    #[test]
    fn whatever_has_waited_is_followed_by_a_pause_though_more_comes_all_the_time() {
        let queue = Queue::default();
        let mut ms = 0;
        // A clock by which something comes in each wait.
        let mut pauses = |bytes: &[u8]| {
            let nexts = (0..100).map(|_| {
                queue.next_after(&mut Vec::new(), |state| {
                    drop(state);
                    ms += 1300;
                    add(&queue, Stream::Stdout, ms, bytes);
                    let state = queue.lock();
                    let has_waited = state.waits();
                    (state, has_waited)
                })
            });
            nexts.filter(|next| matches!(next, Next::Idle)).count()
        };
        assert_eq!(pauses(b"a line\n"), 50);
        // What is enough is on its way at once, and nothing has waited.
        assert_eq!(pauses(&vec![b'x'; ENOUGH]), 0);
    }

    #[test]
    fn what_comes_fast_is_marked_and_nothing_else() {
        let fast = |ms: [u64; 2]| {
            let queue = Queue::default();
            for ms in ms {
                add(&queue, Stream::Stdout, ms, &vec![b'x'; ENOUGH / 2]);
            }
            take(&queue).expect("a chunk").is_fast
        };
        assert!(fast([7, 7]) && fast([7, 9]) && !fast([7, 107]));
        let queue = Queue::default();
        add(&queue, Stream::Stdout, 7, b"a line");
        assert!(!take(&queue).expect("a chunk").is_fast);
    }

    #[test]
    fn the_memory_of_a_large_piece_goes_along_and_comes_back() {
        let queue = Queue::default();
        let mut bytes = vec![b'x'; 2 * CHUNK];
        let (place, length) = (bytes.as_ptr(), bytes.len());
        queue.add(Stream::Stdout, 1, &mut bytes);
        let taken = take(&queue).expect("a chunk").bytes;
        assert_eq!((taken.as_ptr(), taken.len()), (place, length));
        let _ = queue.next(MOMENT, &mut vec![taken]);
        add(&queue, Stream::Stdout, 2, b"again");
        assert_eq!(take(&queue).expect("a chunk").bytes.as_ptr(), place);
    }

    #[test]
    fn one_piece_that_is_larger_than_the_room_goes_through() {
        let queue = Queue::default();
        add(&queue, Stream::Stdout, 0, &vec![b'x'; ROOM + 1]);
        assert_eq!(take(&queue).expect("a chunk").bytes.len(), ROOM + 1);
        queue.end();
        assert!(matches!(queue.next(MOMENT, &mut Vec::new()), Next::End { lost: 0 }));
    }

    #[test]
    fn a_closed_one_holds_nobody_up() {
        let queue = Queue::default();
        queue.close();
        for _ in 0..10 {
            add(&queue, Stream::Stdout, 0, &vec![b'x'; ROOM]);
        }
        assert!(take(&queue).is_none());
    }
}
