//! One connection: what is read from it goes to the other side as far as that is granted, and what comes from there is
//! written to it, and then granted anew.

use crate::Way;
use crate::streams::StreamsError;
use crabbox_wire::tunnel::{FIRST, Piece};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The most that is read at once, in bytes: so much there is for each of many streams.
const CHUNK: usize = FIRST;

/// What was written is granted anew once it is so much: small pieces aren't answered one by one, and the other side still
/// has something to send by.
const ENOUGH: usize = FIRST / 2;

/// What both directions share.
#[derive(Debug)]
pub(crate) struct Stream {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug)]
struct State {
    /// What may be sent to the other side.
    may_send: usize,
    /// What may still come from there.
    granted: usize,
    /// What came and isn't written yet: no more than was granted, in pieces of whatever size.
    arrived: Vec<u8>,
    /// Nothing more comes.
    ended: bool,
    /// Over in both directions.
    over: bool,
    /// For whoever ends it from outside.
    socket: Option<TcpStream>,
}

impl Default for Stream {
    fn default() -> Self {
        let state = State {
            may_send: FIRST,
            granted: FIRST,
            arrived: Vec::new(),
            ended: false,
            over: false,
            socket: None,
        };
        Self { state: Mutex::new(state), news: Condvar::new() }
    }
}

impl Stream {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes from the other side. None at all say nothing, and cost no grant: whoever sends them could do so for ever.
    pub(crate) fn arrived(&self, bytes: &[u8]) -> Result<(), StreamsError> {
        let mut state = self.lock();
        if state.over {
            return Ok(());
        }
        if state.ended || bytes.is_empty() || bytes.len() > state.granted {
            return Err(StreamsError::Order);
        }
        state.granted -= bytes.len();
        state.arrived.extend_from_slice(bytes);
        self.news.notify_all();
        Ok(())
    }

    /// The other side sends nothing more.
    pub(crate) fn ended(&self) {
        self.lock().ended = true;
        self.news.notify_all();
    }

    /// The other side takes so much more.
    pub(crate) fn granted(&self, bytes: u32) {
        let mut state = self.lock();
        state.may_send = state.may_send.saturating_add(bytes as usize);
        self.news.notify_all();
    }

    /// So much more may come than before.
    pub(crate) fn grant(&self, bytes: usize) {
        self.lock().granted += bytes;
    }

    /// It is over. `false`: it was already.
    pub(crate) fn reset(&self) -> bool {
        let mut state = self.lock();
        let was_open = !std::mem::replace(&mut state.over, true);
        state.arrived = Vec::new();
        if let Some(socket) = state.socket.take() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.news.notify_all();
        was_open
    }

    fn is_over(&self) -> bool {
        self.lock().over
    }

    /// From here on a reset ends the connection, too. `false`: there was one already.
    pub(crate) fn connected(&self, socket: &TcpStream) -> bool {
        let mut state = self.lock();
        state.socket = socket.try_clone().ok();
        state.socket.is_some() && !state.over
    }

    /// How much may be sent, once anything may. `None`: it is over.
    fn room(&self) -> Option<usize> {
        let waiting = |state: &mut State| state.may_send == 0 && !state.over;
        let state = self.news.wait_while(self.lock(), waiting);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        (!state.over).then_some(state.may_send)
    }

    /// All that came, once something has, in place of what is in the buffer. `false`: nothing more comes.
    fn next(&self, buffer: &mut Vec<u8>) -> bool {
        let waiting = |state: &mut State| state.arrived.is_empty() && !state.ended && !state.over;
        let state = self.news.wait_while(self.lock(), waiting);
        buffer.clear();
        std::mem::swap(&mut state.unwrap_or_else(PoisonError::into_inner).arrived, buffer);
        !buffer.is_empty()
    }

    /// Something went wrong with the connection itself: the other side is told, once.
    fn fail(&self, id: u32, way: &impl Way) {
        if self.reset() {
            let _ = way.say(id, &Piece::Reset);
        }
    }

    /// Sends what is read, until there is nothing more.
    pub(crate) fn read_from(&self, mut socket: &TcpStream, id: u32, way: &impl Way) {
        let mut chunk = vec![0; CHUNK];
        while let Some(room) = self.room() {
            match socket.read(&mut chunk[..room.min(CHUNK)]) {
                // Ended from outside, perhaps.
                Ok(_) if self.is_over() => return,
                Ok(0) => {
                    let _ = way.say(id, &Piece::End);
                    return;
                }
                Ok(count) => {
                    self.lock().may_send -= count;
                    if way.say(id, &Piece::Data(&chunk[..count])).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.fail(id, way),
            }
        }
    }

    /// Writes what comes, until there is nothing more.
    pub(crate) fn write_to(&self, mut socket: &TcpStream, id: u32, way: &impl Way) {
        let (mut owed, mut buffer) = (0, Vec::new());
        while self.next(&mut buffer) {
            // The other side is to go on while the rest is written.
            for bytes in buffer.chunks(CHUNK) {
                if socket.write_all(bytes).is_err() {
                    return self.fail(id, way);
                }
                owed += bytes.len();
                if owed >= ENOUGH {
                    // Granted before it is said: it may come at once.
                    self.grant(owed);
                    let bytes = u32::try_from(owed).unwrap_or(u32::MAX);
                    owed = 0;
                    if way.say(id, &Piece::Grant(bytes)).is_err() {
                        return;
                    }
                }
            }
        }
        let _ = socket.shutdown(Shutdown::Write);
    }
}
