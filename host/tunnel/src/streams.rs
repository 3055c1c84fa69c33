//! All streams of a session.

use crate::Gone;
use crate::stream::Stream;
use crabbox_wire::tunnel::{FIRST, POOL, Piece, PieceError, WINDOW};
use std::collections::BTreeMap;
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The memory of a thread of a stream, in bytes: it does little.
const STACK: usize = 128 * 1024;

/// What carries pieces to the other side.
pub trait Way: Send + Sync + 'static {
    /// Sends it, once there is room.
    fn say(&self, stream: u32, piece: &Piece<'_>) -> Result<(), Gone>;
}

/// What the other side says can't be.
#[derive(Debug, thiserror::Error)]
pub enum StreamsError {
    /// It isn't a piece of a stream.
    #[error(transparent)]
    Piece(#[from] PieceError),
    /// It sends more than it was granted, or opens what is open.
    #[error("the pieces of streams come in an order that makes no sense")]
    Order,
    /// There are as many as there may be.
    #[error("there are too many connections already")]
    TooMany,
    /// No thread can be had.
    #[error("no thread can be started")]
    Thread(#[source] io::Error),
}

/// The streams, and the way to the other side.
#[derive(Debug)]
pub struct Streams<W> {
    way: Arc<W>,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug)]
struct Table {
    all: BTreeMap<u32, Arc<Stream>>,
    most: usize,
    /// What may still be granted beyond the first of each.
    pool: usize,
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<W: Way> Streams<W> {
    /// None yet, and never more than `most`.
    #[must_use]
    pub fn new(way: W, most: usize) -> Self {
        let table = Table { all: BTreeMap::new(), most, pool: POOL };
        Self { way: Arc::new(way), table: Arc::new(Mutex::new(table)) }
    }

    /// Opens a stream for what `connect` makes, in threads of its own. Where that fails, the other side is told why.
    pub fn open(
        &self,
        id: u32,
        connect: impl FnOnce() -> io::Result<TcpStream> + Send + 'static,
    ) -> Result<(), StreamsError> {
        let stream = Arc::new(Stream::default());
        {
            let mut table = lock(&self.table);
            if table.all.len() >= table.most {
                return Err(StreamsError::TooMany);
            }
            if table.all.insert(id, Arc::clone(&stream)).is_some() {
                return Err(StreamsError::Order);
            }
        }
        let (way, table) = (Arc::clone(&self.way), Arc::clone(&self.table));
        let carry = move || {
            carry(&stream, id, &way, &table, connect);
            lock(&table).all.remove(&id);
        };
        let started = thread::Builder::new().stack_size(STACK).spawn(carry);
        started.map(drop).map_err(|error| {
            lock(&self.table).all.remove(&id);
            StreamsError::Thread(error)
        })
    }

    /// A piece that came from the other side, of a stream that is open or was: never waits. `true`: it has ended one
    /// that was open.
    pub fn take(&self, id: u32, piece: &Piece<'_>) -> Result<bool, StreamsError> {
        // What was on its way when it ended.
        let Some(stream) = lock(&self.table).all.get(&id).map(Arc::clone) else {
            return Ok(false);
        };
        match *piece {
            Piece::Open => return Err(StreamsError::Order),
            Piece::Data(bytes) => stream.arrived(bytes)?,
            Piece::End => stream.ended(),
            Piece::Reset | Piece::Refused(_) => return Ok(stream.reset()),
            Piece::Grant(bytes) => stream.granted(bytes),
        }
        Ok(false)
    }

    /// The way to the other side.
    #[must_use]
    pub fn way(&self) -> Arc<W> {
        Arc::clone(&self.way)
    }
}

/// One connection, from its beginning to its end.
fn carry<W: Way>(
    stream: &Arc<Stream>,
    id: u32,
    way: &Arc<W>,
    table: &Mutex<Table>,
    connect: impl FnOnce() -> io::Result<TcpStream>,
) {
    let socket = match connect() {
        Ok(socket) => Arc::new(socket),
        Err(error) => {
            let _ = way.say(id, &Piece::Refused(&error.to_string()));
            return;
        }
    };
    // Small pieces are somebody's keystrokes.
    let _ = socket.set_nodelay(true);
    if !stream.connected(&socket) {
        let _ = way.say(id, &Piece::Reset);
        return;
    }
    let more = take_from(table);
    stream.grant(more);
    let grant = Piece::Grant(u32::try_from(more).unwrap_or(0));
    let told = more == 0 || way.say(id, &grant).is_ok();
    let writing = told.then(|| {
        let (stream, way, socket) = (Arc::clone(stream), Arc::clone(way), Arc::clone(&socket));
        let write = move || stream.write_to(&socket, id, &*way);
        thread::Builder::new().stack_size(STACK).spawn(write)
    });
    match writing {
        Some(Ok(writing)) => {
            stream.read_from(&socket, id, &**way);
            let _ = writing.join();
        }
        Some(Err(_)) => {
            let _ = way.say(id, &Piece::Reset);
        }
        None => {}
    }
    lock(table).pool += more;
}

/// What a stream is granted beyond the first: all or nothing.
fn take_from(table: &Mutex<Table>) -> usize {
    const MORE: usize = WINDOW - FIRST;
    let mut table = lock(table);
    if table.pool < MORE {
        return 0;
    }
    table.pool -= MORE;
    MORE
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, Sender, channel};

    struct Said(Sender<u32>);

    impl Way for Said {
        fn say(&self, _: u32, piece: &Piece<'_>) -> Result<(), Gone> {
            // What is granted for a connection that is there.
            if let Piece::Grant(bytes) = piece {
                self.0.send(*bytes).map_err(|_| Gone)?;
            }
            Ok(())
        }
    }

    /// Stream 7, to a connection whose other end nobody reads from.
    fn open() -> (Streams<Said>, Receiver<u32>, TcpStream) {
        let (grants, granted) = channel();
        let streams = Streams::new(Said(grants), 2);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let socket = TcpStream::connect(listener.local_addr().expect("an address"));
        let socket = socket.expect("connects");
        streams.open(7, move || Ok(socket)).expect("opens");
        let (other, _) = listener.accept().expect("a connection");
        assert_eq!(granted.recv().expect("a grant") as usize, WINDOW - FIRST);
        (streams, granted, other)
    }

    #[test]
    fn what_costs_no_grant_is_refused() {
        let (streams, _granted, _other) = open();
        assert!(matches!(streams.take(7, &Piece::Data(b"")), Err(StreamsError::Order)));
    }

    #[test]
    fn more_than_was_granted_is_refused_in_whatever_pieces_it_comes() {
        let (streams, granted, _other) = open();
        let mut room = WINDOW;
        let refused = loop {
            // What is written into the connection is granted anew.
            room += granted.try_iter().map(|bytes| bytes as usize).sum::<usize>();
            match streams.take(7, &Piece::Data(&[0; 100])) {
                Ok(_) => room = room.saturating_sub(100),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, StreamsError::Order));
        assert!(room < 200, "{room}");
    }

    #[test]
    fn a_stream_is_refused_once_and_one_that_nobody_opened_never() {
        let (streams, _granted, _other) = open();
        let refused = Piece::Refused("no");
        let told: Vec<_> =
            [8, 7, 7].map(|id| streams.take(id, &refused).expect("a piece")).to_vec();
        assert_eq!(told, [false, true, false]);
    }
}
