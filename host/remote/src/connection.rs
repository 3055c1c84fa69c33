//! Frames in, frames out. One thread reads for the whole session, so that a signal or
//! the end of the session is never behind something that waits.

use crate::failure::Failure;
use crabbox_wire::frame::{FrameError, ToHelper, ToHost};
use crabbox_wire::message::{Environment, Request, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, BufReader, Read, Write};
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many events may wait; a delta's frames are 128 KiB, so this is 4 MiB.
const QUEUE: usize = 32;

/// What happens in a session.
#[derive(Debug)]
pub(crate) enum Event {
    Request(Box<Request>),
    Delta(Vec<u8>),
    DeltaEnd,
    Environment(Environment),
    Stdin(Vec<u8>),
    StdinEnd,
    Signal(Signal),
    Ack(u64),
    /// The host is gone, or gives up.
    Closed,
    /// The command has ended.
    Exited(io::Result<ExitStatus>),
    /// One of its output streams has ended.
    PipeEnded,
}

/// The host, as seen from here.
pub(crate) struct Connection {
    out: Mutex<io::Stdout>,
    pub(crate) sender: SyncSender<Event>,
}

impl Connection {
    /// Takes over standard input and output.
    pub(crate) fn open() -> (Self, Receiver<Event>) {
        let (sender, events) = sync_channel(QUEUE);
        let reader = sender.clone();
        let listener = sender.clone();
        thread::spawn(move || {
            read_all(&mut BufReader::with_capacity(256 * 1024, io::stdin()), &reader);
        });
        // To be told to leave is the same as being left: the command must not outlive it.
        if let Ok(mut signals) = Signals::new([SIGTERM, SIGHUP, SIGINT]) {
            thread::spawn(move || {
                for _ in signals.forever() {
                    if listener.send(Event::Closed).is_err() {
                        return;
                    }
                }
            });
        }
        (Self { out: Mutex::new(io::stdout()), sender }, events)
    }

    /// Sends one frame, at once.
    pub(crate) fn send(&self, frame: &ToHost<'_>) -> Result<(), Failure> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        frame.write(&mut *out).map_err(|_| Failure::HostGone)?;
        out.flush().map_err(|_| Failure::HostGone)
    }
}

fn read_all(input: &mut impl Read, events: &SyncSender<Event>) {
    let mut buffer = Vec::new();
    loop {
        let event = match next(input, &mut buffer) {
            Ok(Some(event)) => event,
            Ok(None) | Err(_) => Event::Closed,
        };
        let last = matches!(event, Event::Closed);
        if events.send(event).is_err() || last {
            return;
        }
    }
}

fn next(input: &mut impl Read, buffer: &mut Vec<u8>) -> Result<Option<Event>, FrameError> {
    loop {
        let Some(frame) = ToHelper::read(input, buffer)? else {
            return Ok(None);
        };
        return Ok(Some(match frame {
            ToHelper::Request(request) => Event::Request(request),
            ToHelper::Delta(bytes) => Event::Delta(bytes.to_vec()),
            ToHelper::DeltaEnd => Event::DeltaEnd,
            ToHelper::Abort => Event::Closed,
            ToHelper::Environment(environment) => Event::Environment(environment),
            ToHelper::Stdin(bytes) => Event::Stdin(bytes.to_vec()),
            ToHelper::StdinEnd => Event::StdinEnd,
            ToHelper::Signal(signal) => Event::Signal(signal),
            ToHelper::Ack(offset) => Event::Ack(offset),
            ToHelper::Ping => continue,
        }));
    }
}
