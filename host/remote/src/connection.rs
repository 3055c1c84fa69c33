//! Frames in, frames out. One thread reads for the whole session, so that a signal is never
//! behind something that waits; another sees at once when the host is gone, however much that
//! it had sent is still unread.

use crate::inbox::{Event, Inbox};
use crate::outbox::Outbox;
use crabbox_wire::frame::ToHelper;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;

/// The host, as seen from here.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
}

impl Connection {
    /// Takes over standard input and output.
    pub(crate) fn open() -> io::Result<Arc<Self>> {
        let connection = Arc::new(Self::default());
        // Past the standard library's buffer: frames go out as they are.
        let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let writer = Arc::clone(&connection);
        thread::spawn(move || {
            writer.outbox.write_to(&mut out);
            writer.close();
        });
        let reader = Arc::clone(&connection);
        thread::spawn(move || {
            reader.read_all(&mut BufReader::with_capacity(256 * 1024, io::stdin()));
            reader.close();
        });
        let watcher = Arc::clone(&connection);
        thread::spawn(move || {
            wait_for_hang_up();
            watcher.close();
        });
        // To be told to leave is the same as being left: the command must not outlive it.
        if let Ok(mut signals) = Signals::new([SIGTERM, SIGHUP, SIGINT]) {
            let listener = Arc::clone(&connection);
            thread::spawn(move || {
                for _ in signals.forever() {
                    listener.close();
                }
            });
        }
        Ok(connection)
    }

    /// The host is gone, or gives up.
    fn close(&self) {
        self.inbox.close();
        self.outbox.close();
    }

    fn read_all(&self, input: &mut impl Read) {
        let mut buffer = Vec::new();
        while let Ok(Some(frame)) = ToHelper::read(input, &mut buffer) {
            let event = match frame {
                ToHelper::Request(request) => Event::Request(request),
                ToHelper::Sync(sync) => Event::Sync(sync),
                ToHelper::Delta(bytes) => Event::Delta(bytes.to_vec()),
                ToHelper::DeltaEnd => Event::DeltaEnd,
                ToHelper::Abort => return,
                ToHelper::Environment(environment) => Event::Environment(environment),
                ToHelper::Stdin(bytes) => Event::Stdin(bytes.to_vec()),
                ToHelper::StdinEnd => Event::StdinEnd,
                ToHelper::Signal(signal) => Event::Signal(signal),
                ToHelper::Ack(offset) => Event::Ack(offset),
                ToHelper::Copy(block) => Event::Copy(block.to_vec()),
                ToHelper::CopyPacked(block) => Event::CopyPacked(block.to_vec()),
                ToHelper::CopyWord(word) => Event::CopyWord(word),
                ToHelper::Tunnel(piece) => Event::Tunnel(piece.to_vec()),
                ToHelper::Ping => {
                    self.outbox.answer();
                    continue;
                }
            };
            if !self.inbox.offer(event) {
                return;
            }
        }
    }
}

/// Waits until the other end of standard input or output is closed: with data still unread in
/// between, no read would tell.
fn wait_for_hang_up() {
    let (input, output) = (io::stdin(), io::stdout());
    let mut ends = [
        PollFd::new(&input, PollFlags::RDHUP),
        // What is broken is told without being asked for.
        PollFd::new(&output, PollFlags::empty()),
    ];
    loop {
        match poll(&mut ends, None) {
            Ok(1..) => return,
            Ok(0) | Err(Errno::INTR) => {}
            // The reader will find out.
            Err(_) => thread::park(),
        }
    }
}
