//! Speaks with the process that holds a connection, over its socket: is it alive, and to end it. The protocol is
//! `PROTOCOL.mux` of OpenSSH, of which this is as much as `ssh -O check` and `ssh -O exit` need; they cost a
//! process each, in every run.

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::Pid;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

const HELLO: u32 = 0x0000_0001;
const VERSION: u32 = 4;
const ALIVE_CHECK: u32 = 0x1000_0004;
const TERMINATE: u32 = 0x1000_0005;
const ALIVE: u32 = 0x8000_0005;

/// The longest answer that is read, in bytes; those that are asked for have 16.
const LIMIT: usize = 4096;

/// How long an answer may take, all of it: it comes from this machine, from a process that only waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// What stands behind a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Master {
    /// This process holds a connection.
    Alive(Pid),
    /// Nobody listens there.
    Absent,
    /// Somebody listens, and doesn't answer.
    Deaf,
}

/// Who holds the connection of this socket?
pub(super) fn look(socket: &Path) -> Master {
    match Asking::of(socket).map(|mut asking| asking.ask(ALIVE_CHECK)) {
        // The kind, the number of the question, the process id.
        Ok(Ok(answer)) => match answer.as_slice() {
            [ALIVE, _, pid, ..] => {
                let pid = i32::try_from(*pid).ok().and_then(Pid::from_raw);
                pid.map_or(Master::Deaf, Master::Alive)
            }
            _ => Master::Deaf,
        },
        // So many wait to be heard that nobody else is let wait.
        Err(Errno::AGAIN) | Ok(Err(_)) => Master::Deaf,
        Err(_) => Master::Absent,
    }
}

/// Ends the connection of this socket, with all its sessions.
pub(super) fn terminate(socket: &Path) {
    if let Ok(mut asking) = Asking::of(socket) {
        // Its answer may be lost in its end.
        let _ = asking.ask(TERMINATE);
    }
}

/// Somebody is asked, and has so long for all that they say.
struct Asking {
    stream: UnixStream,
    until: Instant,
}

impl Asking {
    /// Whoever doesn't take it up isn't waited for: one that is stopped, or stuck, never may.
    fn of(socket: &Path) -> Result<Self, Errno> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&stream, &SocketAddrUnix::new(socket)?)?;
        let stream = UnixStream::from(stream);
        stream.set_nonblocking(false).map_err(|_| Errno::IO)?;
        Ok(Self { stream, until: Instant::now() + PATIENCE })
    }

    fn ask(&mut self, question: u32) -> io::Result<Vec<u32>> {
        self.stream.set_write_timeout(Some(PATIENCE))?;
        send(&mut self.stream, &[HELLO, VERSION])?;
        let hello = receive(self)?;
        if !hello.starts_with(&[HELLO, VERSION]) {
            return Err(io::Error::other("it speaks another protocol"));
        }
        send(&mut self.stream, &[question, 0])?;
        receive(self)
    }
}

impl Read for Asking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

fn send(stream: &mut UnixStream, words: &[u32]) -> io::Result<()> {
    let length = u32::try_from(words.len() * 4).map_err(io::Error::other)?;
    let packet: Vec<u8> =
        [&[length], words].concat().into_iter().flat_map(u32::to_be_bytes).collect();
    stream.write_all(&packet)
}

/// The whole words of the next packet.
fn receive(stream: &mut impl Read) -> io::Result<Vec<u32>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LIMIT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut packet = vec![0; length];
    stream.read_exact(&mut packet)?;
    let (words, _) = packet.as_chunks::<4>();
    Ok(words.iter().map(|word| u32::from_be_bytes(*word)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{accept, bind, listen};
    use std::os::unix::net::UnixListener;
    use std::thread;

    /// What is seen behind a socket whose listener answers with these bytes and hangs up.
    fn seen(answer: &[u8]) -> Master {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).expect("binds");
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("accepts");
                stream.write_all(answer).expect("writes");
                // Both questions are taken before it hangs up.
                let _ = stream.read_exact(&mut [0; 24]);
            });
            look(&path)
        })
    }

    fn packet(words: &[u32]) -> Vec<u8> {
        let length = u32::try_from(words.len() * 4).expect("short");
        [&[length], words].concat().into_iter().flat_map(u32::to_be_bytes).collect()
    }

    #[test]
    fn only_who_answers_as_a_master_is_one() {
        let hello = packet(&[HELLO, VERSION]);
        let alive = [hello.clone(), packet(&[ALIVE, 0, 77])].concat();
        assert_eq!(seen(&alive), Master::Alive(Pid::from_raw(77).expect("a pid")));
        let nonsense: [&[u8]; 5] = [
            b"",
            b"\xff\xff\xff\xff",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            &[hello.clone(), packet(&[0x8000_0003, 0])].concat(),
            &[hello, packet(&[ALIVE, 0, 0])].concat(),
        ];
        for answer in nonsense {
            assert_eq!(seen(answer), Master::Deaf, "{answer:?}");
        }
    }

    #[test]
    fn who_never_listens_is_waited_for_no_longer_than_that() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let flags = SocketFlags::CLOEXEC;
        let listener = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
        let listener = listener.expect("a socket");
        bind(&listener, &SocketAddrUnix::new(&path).expect("a path")).expect("binds");
        listen(&listener, 0).expect("listens");
        // As many as may wait to be heard.
        let waiting: Vec<_> = std::iter::from_fn(|| Asking::of(&path).ok()).collect();
        assert!(!waiting.is_empty());
        assert_eq!(look(&path), Master::Deaf);
        terminate(&path);
        // One whose turn comes, and who hears nothing.
        drop(waiting);
        drop(accept(&listener));
        assert_eq!(look(&path), Master::Deaf);
    }

    #[test]
    fn whoever_says_it_byte_by_byte_has_no_longer() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).expect("binds");
        let seen = thread::scope(|scope| {
            let speaks = scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("accepts");
                let slow = packet(&[HELLO, VERSION, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
                let said = slow.chunks(1).take_while(|byte| {
                    thread::sleep(PATIENCE / 8);
                    stream.write_all(byte).is_ok()
                });
                (said.count(), slow.len())
            });
            let seen = look(&path);
            let (said, all) = speaks.join().expect("no panic");
            assert!(said < all, "{said} of {all}");
            seen
        });
        assert_eq!(seen, Master::Deaf);
    }

    #[test]
    fn a_socket_without_a_listener_is_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        assert_eq!(look(&path), Master::Absent);
        drop(UnixListener::bind(&path).expect("binds"));
        assert_eq!(look(&path), Master::Absent);
    }
}
