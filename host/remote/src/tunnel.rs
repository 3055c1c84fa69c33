//! A session that only carries connections to a port of this box.

use crate::connection::Connection;
use crate::failure::Failure;
use crate::inbox::Event;
use crabbox_tunnel::{Gone, Streams, StreamsError, Way};
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::FailureCode;
use crabbox_wire::tunnel::{MOST, Piece, Tunnel};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How long a connection may take that doesn't leave this machine.
const CONNECTING: Duration = Duration::from_secs(10);

/// The host keeps to [`MOST`]; of some that are over there, the end hasn't been seen here yet.
const AT_MOST: usize = MOST + MOST / 4;

/// Carries connections until the host is gone.
pub(crate) fn serve(tunnel: &Tunnel, connection: &Arc<Connection>) -> Result<(), Failure> {
    let port = tunnel.port;
    let streams = Streams::new(ToTheHost(Arc::clone(connection)), AT_MOST);
    while let Some(event) = connection.inbox.next() {
        let Event::Tunnel(payload) = event else { continue };
        let done =
            Piece::decode(&payload).map_err(Into::into).and_then(|(id, piece)| match piece {
                Piece::Open => match streams.open(id, move || connect(port)) {
                    Err(error @ (StreamsError::TooMany | StreamsError::Thread(_))) => {
                        refuse(id, &error, connection);
                        Ok(())
                    }
                    other => other,
                },
                piece => streams.take(id, &piece).map(drop),
            });
        done.map_err(|error| Failure::new(FailureCode::Request, error.to_string()))?;
    }
    Ok(())
}

/// Without waiting: whoever waits here keeps all streams waiting.
fn refuse(id: u32, why: &StreamsError, connection: &Connection) {
    let mut payload = Vec::new();
    Piece::Refused(&why.to_string()).encode(id, &mut payload);
    connection.outbox.post(&ToHost::Tunnel(&payload));
}

/// Some programs listen on one of the two loopback addresses alone.
fn connect(port: u16) -> io::Result<TcpStream> {
    let to =
        |address: IpAddr| TcpStream::connect_timeout(&SocketAddr::new(address, port), CONNECTING);
    to(Ipv4Addr::LOCALHOST.into())
        .or_else(|error| to(Ipv6Addr::LOCALHOST.into()).map_err(|_| error))
}

#[derive(Debug)]
struct ToTheHost(Arc<Connection>);

impl Way for ToTheHost {
    fn say(&self, stream: u32, piece: &Piece<'_>) -> Result<(), Gone> {
        let mut payload = Vec::new();
        piece.encode(stream, &mut payload);
        self.0.outbox.send(&ToHost::Tunnel(&payload)).map_err(|_| Gone)
    }
}
