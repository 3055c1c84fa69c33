//! Moves what goes into the command and what comes out of it, a thread for each of its three
//! streams.

use crate::connection::Connection;
use crate::inbox::Event;
use crate::spool::Spool;
use crabbox_wire::frame::{CHUNK, Stream};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionread};
use std::collections::VecDeque;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// Moves the command's output to the spool; notes the end of each of the two streams. Once the
/// other side of `end` is dropped, what is in the pipes by then is still moved, and what somebody
/// writes later isn't: a pipe may have been handed to whom we can't end.
pub(crate) fn pump(
    child: &mut Child,
    end: PipeReader,
    connection: &Arc<Connection>,
    spool: &Arc<Spool>,
) {
    let end = Arc::new(end);
    if let Some(pipe) = child.stdout.take() {
        pump_one(pipe, Stream::Stdout, Arc::clone(&end), connection, spool);
    }
    if let Some(pipe) = child.stderr.take() {
        pump_one(pipe, Stream::Stderr, end, connection, spool);
    }
}

fn pump_one<R: Read + AsFd + Send + 'static>(
    mut pipe: R,
    stream: Stream,
    end: Arc<PipeReader>,
    connection: &Arc<Connection>,
    spool: &Arc<Spool>,
) {
    let (connection, spool) = (Arc::clone(connection), Arc::clone(spool));
    thread::spawn(move || {
        // Fewer, larger reads; a system that doesn't grant it is only slower.
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, 1024 * 1024);
        let mut chunk = vec![0; CHUNK];
        // How much is still to be moved, once the end was called.
        let mut left = None;
        loop {
            if left.is_none() && is_over(&pipe, &end) {
                left = Some(ioctl_fionread(&pipe).unwrap_or(0));
            }
            let wanted = left.map_or(CHUNK, |left| usize::try_from(left).unwrap_or(CHUNK));
            let wanted = wanted.min(CHUNK);
            match pipe.read(&mut chunk[..wanted]) {
                Ok(0) => break,
                Ok(count) => {
                    spool.write(stream, &chunk[..count]);
                    left = left.map(|left| left.saturating_sub(count as u64));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        connection.inbox.note(Event::PipeEnded);
    });
}

/// Waits until there is something to read, or the end was called; is that so?
fn is_over(pipe: &impl AsFd, end: &PipeReader) -> bool {
    let mut both = [PollFd::new(pipe, PollFlags::IN), PollFd::new(end, PollFlags::IN)];
    loop {
        match poll(&mut both, None) {
            Err(Errno::INTR) => {}
            Err(_) => return false,
            Ok(_) => return !both[1].revents().is_empty(),
        }
    }
}

/// The command's input, on its way. The host sends no more than a window ahead of what was
/// taken, so this is bounded by it.
#[derive(Default)]
pub(crate) struct Input {
    state: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Default)]
struct Waiting {
    chunks: VecDeque<Vec<u8>>,
    ended: bool,
}

impl Input {
    /// Hands input to the command from a thread of its own, and tells the host what was taken.
    pub(crate) fn feed(mut pipe: ChildStdin, connection: Arc<Connection>) -> Arc<Self> {
        let input = Arc::new(Self::default());
        let source = Arc::clone(&input);
        thread::spawn(move || {
            let mut taken = 0;
            while let Some(chunk) = source.take() {
                // A command that has closed its input takes everything and reads nothing.
                let _ = pipe.write_all(&chunk);
                taken += chunk.len() as u64;
                connection.outbox.tell_taken(taken);
            }
        });
        input
    }

    /// Adds to it. Small pieces are put together: a byte must not cost an allocation.
    pub(crate) fn add(&self, bytes: Vec<u8>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.chunks.back_mut() {
            Some(last) if last.len() + bytes.len() <= CHUNK => last.extend_from_slice(&bytes),
            _ => state.chunks.push_back(bytes),
        }
        self.news.notify_all();
    }

    /// No more comes.
    pub(crate) fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.news.notify_all();
    }

    fn take(&self) -> Option<Vec<u8>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |state: &mut Waiting| state.chunks.is_empty() && !state.ended;
        let state = self.news.wait_while(state, idle);
        state.unwrap_or_else(PoisonError::into_inner).chunks.pop_front()
    }
}
