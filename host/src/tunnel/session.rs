//! The conversation with the helper: one session for all connections.

use super::error::TunnelError;
use crate::visit::{Session, VisitError};
use crabbox_tunnel::{Gone, Streams, StreamsError, Way};
use crabbox_wire::frame::{FrameError, ToHelper, ToHost};
use crabbox_wire::tunnel::{MOST, Piece};
use std::io::{self, BufWriter, Write};
use std::net::TcpListener;
use std::process::ChildStdin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long is waited before the next connection is taken when one couldn't be.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a connection was closed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing at the port of the box.
    There(String),
    /// There are too many already, or no thread for it.
    Here(String),
}

/// Carries each connection to the listener through the session, until that ends: with an error, since a tunnel has no
/// other end. `refused` is told of those that have none.
pub(crate) fn carry(
    listener: TcpListener,
    session: Session,
    refused: impl Fn(Refusal) + Send + Sync + 'static,
) -> TunnelError {
    let Session { mut input, output, process, mut buffer, .. } = session;
    let streams = Arc::new(Streams::new(ToTheBox(Mutex::new(output)), MOST));
    let refused = Arc::new(refused);
    let (accepting, told) = (Arc::clone(&streams), Arc::clone(&refused));
    // It ends with this program: nobody can be told to stop waiting for a connection.
    thread::spawn(move || accept(&listener, &accepting, &*told));
    let mut step = || match ToHost::read(&mut input, &mut buffer)? {
        None => Err(VisitError::Ended { stderr: process.stderr_tail() }.into()),
        Some(ToHost::Failed(failure)) => Err(VisitError::Box(failure).into()),
        Some(ToHost::Tunnel(payload)) => {
            let (id, piece) = Piece::decode(payload).map_err(StreamsError::from)?;
            let has_ended = streams.take(id, &piece)?;
            // Once for each connection that somebody here has made.
            if let (Piece::Refused(why), true) = (piece, has_ended) {
                refused(Refusal::There(why.to_owned()));
            }
            Ok(())
        }
        Some(_) => Err(VisitError::Order.into()),
    };
    loop {
        if let Err(error) = step() {
            return error;
        }
    }
}

fn accept(listener: &TcpListener, streams: &Streams<ToTheBox>, refused: &impl Fn(Refusal)) {
    let mut next = 0_u32;
    for socket in listener.incoming() {
        let Ok(socket) = socket else {
            // No descriptor left, perhaps: whoever has one gives it back sooner or later.
            thread::sleep(PAUSE);
            continue;
        };
        let (id, way) = (next, streams.way());
        next = next.wrapping_add(1);
        // In the stream's own thread, before anything else of it is said.
        let announced = move || {
            way.say(id, &Piece::Open).map_err(io::Error::other)?;
            Ok(socket)
        };
        if let Err(error) = streams.open(id, announced) {
            refused(Refusal::Here(error.to_string()));
        }
    }
}

#[derive(Debug)]
struct ToTheBox(Mutex<BufWriter<ChildStdin>>);

impl Way for ToTheBox {
    fn say(&self, stream: u32, piece: &Piece<'_>) -> Result<(), Gone> {
        let mut payload = Vec::new();
        piece.encode(stream, &mut payload);
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = ToHelper::Tunnel(&payload)
            .write(&mut *output)
            .and_then(|()| output.flush().map_err(FrameError::from));
        written.map_err(|_| Gone)
    }
}
