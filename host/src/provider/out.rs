//! Frames to a provider: each is there in its time, as a whole and however slowly they are read, or it is
//! the last one.

use super::frame::{self, ToChild};
use super::stop::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long it takes at most to tell a hook to stop, and to get rid of what is being written then.
pub(super) const TELLING: Duration = Duration::from_millis(500);

/// How often somebody who waits for a turn looks whether to stop.
const LOOKING: Duration = Duration::from_millis(50);

/// Writes until a moment. The system's own limit is one of each piece, and somebody who reads a byte now and then
/// never comes to it.
pub(super) struct Until<'a> {
    socket: &'a UnixStream,
    end: Instant,
    /// Shortens the time, once it is set.
    stop: Option<&'a Stop>,
}

impl<'a> Until<'a> {
    pub(super) fn new(socket: &'a UnixStream, end: Instant) -> Self {
        Self { socket, end, stop: None }
    }

    /// Who wants to stop doesn't wait for all of it: the rest is read at once, or not at all.
    fn or(self, stop: Option<&'a Stop>) -> Self {
        Self { stop, ..self }
    }

    fn notice(&mut self) {
        if self.stop.is_some_and(Stop::is_set) {
            self.end = self.end.min(Instant::now() + TELLING);
            self.stop = None;
        }
    }
}

impl Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.notice();
            let left = self.end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match send(self.socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Err(Errno::AGAIN) => {}
                Err(Errno::INTR) => continue,
                other => return Ok(other?),
            }
            let left = Timespec::try_from(left).ok();
            let mut waited = vec![PollFd::new(self.socket, PollFlags::OUT)];
            waited.extend(self.stop.map(|stop| PollFd::new(stop, PollFlags::IN)));
            match poll(&mut waited, left.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The way to a provider, for all that write to it, one at a time.
#[derive(Debug)]
pub(super) struct Out {
    socket: UnixStream,
    /// How long a frame may take.
    longest: Duration,
    turn: Mutex<Turn>,
    free: Condvar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Free,
    Taken,
    /// A frame wasn't read in its time. What came after it would be taken for the rest of it.
    Over,
}

impl Out {
    /// `longest`: how long a frame may take, with what it waits behind others.
    pub(super) fn new(socket: UnixStream, longest: Duration) -> Self {
        Self { socket, longest, turn: Mutex::new(Turn::Free), free: Condvar::new() }
    }

    /// Writes a frame. One that isn't there in its time ends the connection. One over the limit is
    /// [`io::ErrorKind::InvalidInput`], and harms nothing.
    pub(super) fn send(&self, message: ToChild) -> io::Result<()> {
        self.send_before(message, Instant::now() + self.longest, None)
    }

    /// The same, with a moment at which its time is over in any case, and a stop that leaves it but a moment more.
    pub(super) fn send_before(
        &self,
        message: ToChild,
        latest: Instant,
        stop: Option<&Stop>,
    ) -> io::Result<()> {
        let end = latest.min(Instant::now() + self.longest);
        let sent = self.take_turn(end, stop).and_then(|()| self.write(message, end, stop));
        sent.inspect_err(|error| {
            if error.kind() == io::ErrorKind::TimedOut {
                *self.turn() = Turn::Over;
                self.free.notify_all();
                let _ = self.socket.shutdown(Shutdown::Both);
            }
        })
    }

    /// Writes a frame that nobody waits for, if there is room for it in this time.
    pub(super) fn try_send(&self, message: ToChild, longest: Duration) {
        let end = Instant::now() + longest;
        // It is so short that the system takes all of it or nothing.
        let _ = self.take_turn(end, None).and_then(|()| self.write(message, end, None));
    }

    /// Was a frame not read in its time? Returns that.
    pub(super) fn unread(&self) -> Option<Duration> {
        (*self.turn() == Turn::Over).then_some(self.longest)
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_turn(&self, end: Instant, stop: Option<&Stop>) -> io::Result<()> {
        let mut until = Until::new(&self.socket, end).or(stop);
        let mut turn = self.turn();
        loop {
            match *turn {
                Turn::Free => {
                    *turn = Turn::Taken;
                    return Ok(());
                }
                Turn::Over => return Err(io::ErrorKind::BrokenPipe.into()),
                Turn::Taken => {}
            }
            until.notice();
            let mut left = until.end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if until.stop.is_some() {
                // What is set wakes nobody here.
                left = left.min(LOOKING);
            }
            turn = self.free.wait_timeout(turn, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn write(&self, message: ToChild, end: Instant, stop: Option<&Stop>) -> io::Result<()> {
        let written = frame::write(&mut Until::new(&self.socket, end).or(stop), message);
        let mut turn = self.turn();
        if *turn == Turn::Taken {
            *turn = Turn::Free;
        }
        drop(turn);
        self.free.notify_one();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::thread;

    /// More than a socket holds.
    fn long() -> ToChild {
        ToChild::Executed { id: 7, status: 0, body: vec![b'x'; 4 << 20] }
    }

    /// Reads a byte now and then; returns how many there were.
    fn trickle(mut socket: UnixStream) -> thread::JoinHandle<usize> {
        thread::spawn(move || {
            let mut count = 0;
            while let Ok(1) = socket.read(&mut [0]) {
                count += 1;
                thread::sleep(Duration::from_micros(100));
                if count == 1000 {
                    // It has been slow for long enough; what is left is read to its end.
                    let mut rest = Vec::new();
                    return count + socket.read_to_end(&mut rest).unwrap_or_default();
                }
            }
            count
        })
    }

    #[test]
    fn a_frame_has_one_time_however_slowly_it_is_read() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let out = Out::new(ours, Duration::from_millis(50));
        let reader = trickle(theirs);
        let error = out.send(long()).expect_err("it isn't read");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(out.unread().is_some());
        // The reader comes to an end, and what comes next isn't taken for the rest.
        assert!(reader.join().expect("no panic") < 4 << 20);
        let error = out.send(ToChild::Cancel).expect_err("it is over");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn who_waits_behind_a_frame_that_is_not_read_waits_no_longer_than_that() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let out = Out::new(ours, Duration::from_secs(1));
        thread::scope(|scope| {
            let slow = scope.spawn(|| out.send(long()).expect_err("it isn't read"));
            while *out.turn() == Turn::Free {
                thread::yield_now();
            }
            // One that nobody waits for leaves the other alone.
            out.try_send(ToChild::Cancel, Duration::from_millis(1));
            assert!(out.unread().is_none());
            out.send(ToChild::Recorded { error: None }).expect_err("it is over");
            assert_eq!(slow.join().expect("no panic").kind(), io::ErrorKind::TimedOut);
        });
        drop(theirs);
    }

    #[test]
    fn a_frame_that_is_read_arrives_and_so_does_the_next_one() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let out = Out::new(ours, Duration::from_mins(1));
        let reader = thread::spawn(move || {
            let first = frame::read::<ToChild>(&mut theirs).expect("a frame");
            let ToChild::Executed { body, .. } = first else { panic!("another frame") };
            let next = frame::read::<ToChild>(&mut theirs).expect("a frame");
            (body.len(), matches!(next, ToChild::Cancel))
        });
        out.send(long()).expect("is read");
        let over = ToChild::Executed { id: 7, status: 0, body: vec![0; 9 << 20] };
        let error = out.send(over).expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        out.send(ToChild::Cancel).expect("is read");
        assert_eq!(reader.join().expect("no panic"), (4 << 20, true));
    }
}
