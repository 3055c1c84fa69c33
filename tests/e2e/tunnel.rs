//! A port of a box at a port of this machine: whatever leads there, both ways, each connection for itself.

use crate::desk::Desk;
use crabbox_tests::ssh::{Reached, Server};
use crabbox_tests::{Ran, World};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// More than both sides of a stream may hold on its way.
const MUCH: usize = 8 * 1024 * 1024;

/// A tunnel, until it is dropped.
pub(crate) struct Open {
    /// Until somebody waits for its end.
    child: Option<Child>,
    address: String,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Open {
    pub(crate) fn by(mut command: Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("runs");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("reads");
        assert!(line.starts_with("127.0.0.1:"), "{line:?}: {:?}", child.wait_with_output());
        Self { child: Some(child), address: line.trim().to_owned() }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).expect("connects")
    }

    /// What comes of the signal.
    fn signal(self, signal: Signal) -> Ran {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).expect("signals");
        self.ends()
    }

    /// What comes of it.
    fn ends(mut self) -> Ran {
        let child = self.child.take().expect("it runs");
        Ran::from(child.wait_with_output().expect("ends"))
    }
}

/// A server on loopback that answers each connection with what it was sent, in upper case, once its input has ended; and
/// with nothing but its own words where it is told to hang.
pub(crate) fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.expect("a connection");
            thread::spawn(move || {
                let mut first = [0];
                if socket.read_exact(&mut first).is_err() {
                    return;
                }
                if first == *b"!" {
                    // Reads nothing more for as long as the other side is there.
                    loop {
                        thread::park();
                    }
                }
                let mut said = first.to_vec();
                let _ = socket.read_to_end(&mut said);
                let _ = socket.write_all(&said.to_ascii_uppercase());
            });
        }
    });
    port
}

/// Sends all, ends its input, and reads the answer: that needs both halves of a connection.
pub(crate) fn ask(mut socket: TcpStream, what: &[u8]) -> Vec<u8> {
    let mut writing = socket.try_clone().expect("clones");
    let what = what.to_vec();
    let writer = thread::spawn(move || {
        writing.write_all(&what).expect("writes");
        writing.shutdown(Shutdown::Write).expect("ends");
    });
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("reads");
    writer.join().expect("writes");
    answer
}

fn is_carried(open: &Open) {
    assert_eq!(ask(open.connect(), b"hello"), b"HELLO");
    let much = vec![b'x'; MUCH];
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let (socket, much) = (open.connect(), much.clone());
            thread::spawn(move || ask(socket, &much))
        })
        .collect();
    for answer in asking {
        assert!(answer.join().expect("answers") == vec![b'X'; MUCH]);
    }
}

fn warm() -> World {
    let world = World::new();
    let ran = world.crabbox(&["warmup"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world
}

/// A tunnel that says by a document where it is, ended once something was done with that.
pub(crate) fn documented(mut command: Command, with: impl FnOnce(&str)) -> Ran {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("runs");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut stdout = String::new();
    while !stdout.ends_with("\n}\n") {
        assert!(out.read_line(&mut stdout).expect("reads") > 0, "{stdout}");
    }
    let document: Value = serde_json::from_str(&stdout).expect("JSON");
    with(document["address"].as_str().expect("an address"));
    kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
    out.read_to_string(&mut stdout).expect("reads");
    Ran { stdout, ..Ran::from(child.wait_with_output().expect("ends")) }
}

/// With other ports, since those of the page may be taken here.
#[test]
fn the_guide_is_followed() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/how-to/reach-a-port.md");
    let page = fs::read_to_string(page).expect("reads");
    let world = World::new();
    let ran = world.crabbox(&["warmup", "--slug", "amber-crab"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let there = server().to_string();
    let free = TcpListener::bind("127.0.0.1:0").expect("listens");
    let here = free.local_addr().expect("an address").port().to_string();
    drop(free);
    let ours = |text: &str| text.replace("18080", &here).replace("8080", &there);
    let lines = page.split(['`', '\n']).filter_map(|part| {
        part.trim_start_matches("$ ")
            .strip_prefix("crabbox tunnel ")
            .filter(|line| line.contains("8080"))
    });
    let mut typed = 0;
    for line in lines {
        let line = ours(line);
        let words: Vec<&str> = line.split(' ').collect();
        let open = Open::by(world.command(&[&["tunnel"], &*words].concat()));
        assert_eq!(ask(open.connect(), b"x"), b"X", "{line}");
        let is_chosen = line.contains(&here);
        assert_eq!(open.address == format!("127.0.0.1:{here}"), is_chosen, "{line}");
        let shown = page.lines().find_map(|line| line.strip_prefix("crabbox: 127.0.0.1:8080 "));
        let expected = format!("crabbox: {} {}\n", open.address, ours(shown.expect("a line")));
        let ran = open.signal(Signal::INT);
        assert!(ran.stderr.contains(&expected), "{expected}: {ran:?}");
        typed += 1;
    }
    assert_eq!(typed, 2);
}

#[test]
fn connections_are_carried_both_ways_with_their_half_ends() {
    let (world, port) = (warm(), server().to_string());
    let open = Open::by(world.command(&["tunnel", "@last", &port]));
    assert_ne!(open.address, format!("127.0.0.1:{port}"), "that is the server's own");
    is_carried(&open);
    let ran = open.signal(Signal::INT);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("leads to port"), "{ran:?}");
}

#[test]
fn a_far_box_and_one_behind_ssh_are_no_different() {
    let port = server().to_string();
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let open = Open::by(desk.crabbox_command(&["tunnel", "@last", &port]));
    is_carried(&open);
    assert_eq!(open.signal(Signal::INT).code, 0);
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let before = reached.host.counts();
    let open = Open::by(reached.command(&["tunnel", "@last", &port]));
    is_carried(&open);
    assert_eq!(open.signal(Signal::INT).code, 0);
    let after = reached.host.counts();
    assert_eq!((after.connections, after.execs), (before.connections, before.execs + 1));
    assert_eq!(after.forwards, 0, "frames of our own");
}

#[test]
fn a_connection_that_is_stuck_stops_none_of_the_others() {
    let (world, port) = (warm(), server().to_string());
    let open = Open::by(world.command(&["tunnel", "@last", &port]));
    let much = vec![b'x'; 65536];
    let stuck: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut socket = open.connect();
            socket.write_all(b"!").expect("writes");
            socket.set_nonblocking(true).expect("sets");
            let mut sent = 0;
            // Until everything on the way to the server is full, and stays so.
            let mut full = 0;
            while full < 20 {
                if let Ok(count) = socket.write(&much) {
                    (sent, full) = (sent + count, 0);
                } else {
                    full += 1;
                    thread::sleep(Duration::from_millis(10));
                }
            }
            assert!(sent < 64 * 1024 * 1024, "{sent}");
            socket
        })
        .collect();
    is_carried(&open);
    drop(stuck);
    assert_eq!(ask(open.connect(), b"still"), b"STILL");
}

#[test]
fn a_port_where_nobody_listens_closes_the_connection_and_not_the_tunnel() {
    let world = warm();
    // Free a moment ago, and nobody else's here.
    let nobody = TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = nobody.local_addr().expect("an address").port();
    let open = Open::by(world.command(&["tunnel", "@last", &port.to_string()]));
    drop(nobody);
    for _ in 0..2 {
        let mut answer = Vec::new();
        // It may be closed or reset.
        let _ = open.connect().read_to_end(&mut answer);
        assert!(answer.is_empty());
    }
    let ran = open.signal(Signal::INT);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = ran.stderr.lines().filter(|line| line.contains("no connection to port"));
    assert_eq!(lines.count(), 2, "{ran:?}");
}

#[test]
fn a_box_that_goes_ends_the_tunnel_with_an_error() {
    let (world, port) = (warm(), server().to_string());
    let open = Open::by(world.command(&["tunnel", "@last", &port, "--quiet"]));
    assert_eq!(ask(open.connect(), b"a"), b"A");
    let ours = world.root().join("cache");
    let mut killed = 0;
    for entry in fs::read_dir("/proc").expect("the processes").filter_map(Result::ok) {
        let program = fs::read_link(entry.path().join("exe")).unwrap_or_default();
        let id = entry.file_name().to_string_lossy().parse().ok().and_then(Pid::from_raw);
        if let Some(id) = id.filter(|_| program.starts_with(&ours)) {
            kill_process(id, Signal::KILL).expect("kills");
            killed += 1;
        }
    }
    assert_eq!(killed, 1);
    let ran = open.ends();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("the connection to the box ended"), "{ran:?}");
}

#[test]
fn a_port_here_that_is_taken_is_said_with_the_line_for_another() {
    let world = warm();
    let taken = TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = taken.local_addr().expect("an address").port();
    let ran = world.crabbox(&["tunnel", "@last", &format!("{port}:80")]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("hint: crabbox tunnel @last 80"), "{ran:?}");
    let ran = world.crabbox(&["tunnel", "@last", "0"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn one_document_says_where_it_is_and_the_claim_stays_as_it_is() {
    let (world, port) = (warm(), server());
    let claims = || world.crabbox(&["claims", "--json"]).stdout;
    let before = claims();
    let ran = documented(world.command(&["tunnel", "@last", &port.to_string(), "--json"]), |at| {
        assert_eq!(ask(TcpStream::connect(at).expect("connects"), b"x"), b"X");
    });
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((ran.code, &document["port"]), (0, &port.into()), "{ran:?}");
    assert_eq!(claims(), before);
}

#[test]
fn more_connections_than_there_may_be_are_closed_and_the_others_stay() {
    let (world, port) = (warm(), server().to_string());
    let open = Open::by(world.command(&["tunnel", "@last", &port]));
    let held: Vec<TcpStream> = (0..256)
        .map(|_| {
            let mut socket = open.connect();
            socket.write_all(b"x").expect("writes");
            socket
        })
        .collect();
    let mut answer = Vec::new();
    let _ = open.connect().read_to_end(&mut answer);
    assert!(answer.is_empty());
    for socket in held {
        assert_eq!(ask(socket, b""), b"X");
    }
    let ran = open.signal(Signal::INT);
    assert!(ran.stderr.contains("too many connections"), "{ran:?}");
}

#[test]
fn what_is_no_port_is_named_with_the_whole_argument() {
    let ran = World::new().crabbox(&["tunnel", "@last", "foo"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`foo` is no value of `[LOCAL:]PORT`"), "{}", ran.stderr);
}
