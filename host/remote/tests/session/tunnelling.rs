//! A session that only carries connections, with a host that says what none of ours would, or goes away.

use crate::machine::{Machine, Session};
use crabbox_wire::frame::{ToHelper, ToHost};
use crabbox_wire::message::{FailureCode, Request};
use crabbox_wire::tunnel::{MOST, Piece, Tunnel, WINDOW};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A session to a port where somebody listens, whose box has proved itself.
fn open(machine: &Machine) -> (Session, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = listener.local_addr().expect("an address").port();
    (open_to(machine, port), listener)
}

fn open_to(machine: &Machine, port: u16) -> Session {
    let request = Request { tunnel: Some(Tunnel { port }), ..machine.visit() };
    let mut session = Session::open(&request);
    session.until(|frame, _| matches!(frame, ToHost::Proved(_)));
    assert!(session.log.proved, "{:?}", session.log);
    session
}

fn say(session: &mut Session, id: u32, piece: &Piece<'_>) {
    let mut payload = Vec::new();
    piece.encode(id, &mut payload);
    session.send(&ToHelper::Tunnel(&payload));
}

/// Reads until a piece comes for which this is so.
fn until(session: &mut Session, is_it: impl Fn(u32, &Piece<'_>) -> bool) {
    session.until(|frame, _| match frame {
        ToHost::Tunnel(payload) => {
            let (id, piece) = Piece::decode(payload).expect("a piece");
            is_it(id, &piece)
        }
        _ => false,
    });
}

/// It still answers.
fn is_alive(session: &mut Session) {
    session.send(&ToHelper::Ping);
    session.until(|frame, _| matches!(frame, ToHost::Pong));
    assert!(session.log.failure.is_none(), "{:?}", session.log);
    assert_eq!(std::mem::take(&mut session.log.pongs), 1);
}

#[test]
fn what_is_no_piece_ends_the_session_with_a_reason() {
    for payload in [&b""[..], b"\0\0", b"\0\0\0\0", b"\0\0\0\0\x09", b"\0\0\0\0\x06\0"] {
        let machine = Machine::new();
        let (mut session, _listener) = open(&machine);
        session.send(&ToHelper::Tunnel(payload));
        let log = session.finish(|_, _| {});
        assert_eq!(log.failed(), Some(FailureCode::Request), "{payload:?}");
        assert!(log.why().contains("can't be read"), "{}", log.why());
    }
}

#[test]
fn whoever_opens_twice_or_sends_more_than_was_granted_is_refused() {
    let machine = Machine::new();
    let (mut session, _listener) = open(&machine);
    say(&mut session, 1, &Piece::Open);
    say(&mut session, 1, &Piece::Open);
    let log = session.finish(|_, _| {});
    assert_eq!(log.failed(), Some(FailureCode::Request), "{}", log.why());
    let (mut session, _listener) = open(&machine);
    say(&mut session, 1, &Piece::Open);
    let piece = vec![7; 32 * 1024];
    // Nobody reads what is sent there: no more is granted than a window.
    for _ in 0..=WINDOW * 64 / piece.len() {
        let mut payload = Vec::new();
        Piece::Data(&piece).encode(1, &mut payload);
        if ToHelper::Tunnel(&payload).write(&mut session.host).is_err() {
            break;
        }
    }
    let log = session.finish(|_, _| {});
    assert_eq!(log.failed(), Some(FailureCode::Request), "{}", log.why());
    assert!(log.why().contains("makes no sense"), "{}", log.why());
}

#[test]
fn pieces_of_a_stream_that_is_not_there_are_nobodys() {
    let machine = Machine::new();
    let (mut session, _listener) = open(&machine);
    let pieces = [Piece::Data(b"x"), Piece::End, Piece::Reset, Piece::Grant(u32::MAX)];
    for piece in pieces {
        say(&mut session, 9, &piece);
    }
    is_alive(&mut session);
}

#[test]
fn a_port_where_nobody_listens_is_told_of_by_stream() {
    let machine = Machine::new();
    let nobody = TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = nobody.local_addr().expect("an address").port();
    drop(nobody);
    let mut session = open_to(&machine, port);
    for id in [1, 2] {
        say(&mut session, id, &Piece::Open);
        until(&mut session, |stream, piece| {
            stream == id && matches!(piece, Piece::Refused(why) if why.contains("refused"))
        });
    }
    is_alive(&mut session);
}

#[test]
fn more_streams_than_there_may_be_are_refused_and_the_others_work() {
    let machine = Machine::new();
    let (mut session, listener) = open(&machine);
    let most = u32::try_from(MOST + MOST / 4).expect("few");
    let mut held = Vec::new();
    for id in 0..most {
        say(&mut session, id, &Piece::Open);
        held.push(listener.accept().expect("a connection").0);
    }
    say(&mut session, most, &Piece::Open);
    until(&mut session, |stream, piece| {
        stream == most && matches!(piece, Piece::Refused(why) if why.contains("too many"))
    });
    held[0].write_all(b"still").expect("writes");
    until(&mut session, |stream, piece| stream == 0 && *piece == Piece::Data(b"still"));
    is_alive(&mut session);
}

#[test]
fn the_connections_of_a_host_that_is_gone_are_closed() {
    let machine = Machine::new();
    let (mut session, listener) = open(&machine);
    say(&mut session, 1, &Piece::Open);
    let (mut socket, _): (TcpStream, _) = listener.accept().expect("a connection");
    say(&mut session, 1, &Piece::Data(b"hello"));
    let mut said = [0; 5];
    socket.read_exact(&mut said).expect("reads");
    assert_eq!(&said, b"hello");
    let Session { mut helper, host, .. } = session;
    drop(host);
    helper.wait().expect("ends");
    assert_eq!(socket.read(&mut said).unwrap_or(0), 0);
}
