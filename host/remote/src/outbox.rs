//! What is on its way to the host: whole frames, in order, written by one thread that is the
//! only one to wait for the host to read.

use crate::failure::Failure;
use crabbox_wire::frame::ToHost;
use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much may wait before those who can wait have to, in bytes: a few reads of the
/// command's output, so that reading and writing go on side by side.
const ROOM: usize = 512 * 1024;

/// How many written frames are kept for their memory: as many as have room.
const SPARE: usize = 5;

/// What a frame takes up beside its bytes, about: many small ones fill the room, too.
const OVERHEAD: usize = 128;

/// How long the last words may take once the host gives up: it may still read them.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The queue of frames.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Vec<u8>>,
    /// What they cost.
    held: usize,
    /// Frames that are written, for their memory: to ask the system for it anew each time would
    /// take as long as moving the bytes.
    spare: Vec<Vec<u8>>,
    /// Pings that are still to be answered.
    pings: u64,
    /// How much input the command has taken, if that is still to be told.
    taken: Option<u64>,
    /// A frame is being written.
    writing: bool,
    /// When the host gave up.
    closed: Option<Instant>,
    /// Nothing can be written any more.
    broken: bool,
}

impl State {
    fn is_idle(&self) -> bool {
        self.frames.is_empty() && self.pings == 0 && self.taken.is_none() && !self.writing
    }
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a frame, once there is room for it.
    pub(crate) fn send(&self, frame: &ToHost<'_>) -> Result<(), Failure> {
        let full =
            |state: &mut State| state.held >= ROOM && !state.broken && state.closed.is_none();
        let state = self.changed.wait_while(self.lock(), full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.broken || state.held >= ROOM {
            return Err(Failure::HostGone);
        }
        self.push(&mut state, frame);
        Ok(())
    }

    /// Sends a frame without waiting: for the few of each session.
    pub(crate) fn post(&self, frame: &ToHost<'_>) {
        let mut state = self.lock();
        if !state.broken {
            self.push(&mut state, frame);
        }
    }

    fn push(&self, state: &mut State, frame: &ToHost<'_>) {
        let mut bytes = state.spare.pop().unwrap_or_default();
        // Only a frame over the limit can't be encoded, and ours are below it.
        if frame.encode(&mut bytes).is_ok() {
            state.held += OVERHEAD + bytes.len();
            state.frames.push_back(bytes);
            self.changed.notify_all();
        }
    }

    /// Does more wait than the way to the host takes at once?
    pub(crate) fn is_behind(&self) -> bool {
        self.lock().held > ROOM / 2
    }

    /// Answers a ping, ahead of all that waits: the host wants to know whether we live.
    pub(crate) fn answer(&self) {
        self.lock().pings += 1;
        self.changed.notify_all();
    }

    /// Tells how much input the command has taken altogether; only the newest word counts.
    pub(crate) fn tell_taken(&self, total: u64) {
        self.lock().taken = Some(total);
        self.changed.notify_all();
    }

    /// The host gives up: nobody waits for room any more.
    pub(crate) fn close(&self) {
        self.lock().closed.get_or_insert_with(Instant::now);
        self.changed.notify_all();
    }

    /// Waits until everything is written; for a host that gives up, a moment at most.
    pub(crate) fn flush(&self) {
        let mut state = self.lock();
        while !state.is_idle() && !state.broken {
            state = match state.closed {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(since) => {
                    let left = LAST_WORDS.saturating_sub(since.elapsed());
                    if left.is_zero() {
                        return;
                    }
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Writes whatever comes, until that fails.
    pub(crate) fn write_to(&self, out: &mut impl Write) {
        loop {
            let frame = self.take();
            let written = out.write_all(&frame);
            let mut state = self.lock();
            state.writing = false;
            state.broken = written.is_err();
            if state.spare.len() < SPARE {
                state.spare.push(frame);
            }
            self.changed.notify_all();
            if state.broken {
                return;
            }
        }
    }

    /// The next frame to write, which is on its way from now on.
    fn take(&self) -> Vec<u8> {
        let state = self.changed.wait_while(self.lock(), |state| state.is_idle());
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.writing = true;
        let urgent = if state.pings > 0 {
            state.pings -= 1;
            Some(ToHost::Pong)
        } else {
            state.taken.take().map(ToHost::Taken)
        };
        if let Some(urgent) = urgent {
            let mut bytes = Vec::new();
            // Neither is over the limit.
            let _ = urgent.encode(&mut bytes);
            return bytes;
        }
        let frame = state.frames.pop_front().unwrap_or_default();
        state.held -= OVERHEAD + frame.len();
        self.changed.notify_all();
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn one_who_waits_for_room_is_let_go_when_the_host_gives_up() {
        let outbox = Arc::new(Outbox::default());
        let sending = Arc::clone(&outbox);
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        // Nobody writes: the room fills.
        let sender = thread::spawn(move || {
            while sending.send(&ToHost::Manifest(&[0; 1000])).is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        while outbox.lock().held < ROOM {
            thread::yield_now();
        }
        outbox.post(&ToHost::ManifestEnd);
        outbox.close();
        sender.join().expect("leaves");
        assert!(sent.load(Ordering::Relaxed) <= ROOM / 1000);
        outbox.flush();
    }

    /// Takes so many bytes, then breaks.
    struct Until(usize, Vec<u8>);

    impl Write for Until {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1.len() + bytes.len() > self.0 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_ping_is_answered_ahead_of_what_waits() {
        let outbox = Outbox::default();
        outbox.post(&ToHost::ManifestEnd);
        outbox.answer();
        outbox.answer();
        outbox.tell_taken(6);
        outbox.tell_taken(7);
        outbox.post(&ToHost::ManifestEnd);
        let mut out = Until(5 + 5 + 13 + 5, Vec::new());
        outbox.write_to(&mut out);
        let mut input = out.1.as_slice();
        let mut buffer = Vec::new();
        for expected in [ToHost::Pong, ToHost::Pong, ToHost::Taken(7), ToHost::ManifestEnd] {
            let mut buffer = Vec::new();
            let frame = ToHost::read(&mut input, &mut buffer).expect("reads");
            assert_eq!(frame, Some(expected));
        }
        assert!(ToHost::read(&mut input, &mut buffer).expect("ends").is_none());
        // A pipe that broke holds nobody up.
        outbox.flush();
        assert!(outbox.send(&ToHost::Pong).is_err());
    }
}
