//! What a keeper is told once, together with the three streams of what it is to start, and the one thing
//! that it says.

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::ffi::{OsStr, OsString};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// The longest order, in bytes: more than any system takes.
const LONGEST: usize = 64 * 1024 * 1024;

/// Standard input, output and error.
pub(in crate::provider) type Streams = [OwnedFd; 3];

/// What to start, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::provider) struct Order {
    /// A path.
    pub(in crate::provider) program: PathBuf,
    pub(in crate::provider) arguments: Vec<OsString>,
    /// All variables that it gets.
    pub(in crate::provider) environment: Vec<(OsString, OsString)>,
    /// Where it runs; `None`: where the keeper does.
    pub(in crate::provider) directory: Option<PathBuf>,
    /// How long all in its process group have between SIGTERM and SIGKILL.
    pub(in crate::provider) grace: Duration,
}

impl Order {
    /// A list of words, each of which ends with a zero: no word that the system takes has one in it.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let numbers = [self.grace.as_millis(), self.arguments.len() as u128];
        let [grace, count] = numbers.map(|number| OsString::from(number.to_string()));
        let directory = self.directory.as_ref().map_or(OsStr::new(""), |path| path.as_os_str());
        let first = [&grace, directory, self.program.as_os_str(), &count];
        let variables = self.environment.iter().flat_map(|(name, value)| [name, value]);
        let words =
            first.into_iter().chain(self.arguments.iter().chain(variables).map(|word| &**word));
        let mut bytes = Vec::new();
        for word in words.map(OsStr::as_bytes) {
            if word.contains(&0) {
                let message = "a word of it has a zero byte in it";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            bytes.extend_from_slice(word);
            bytes.push(0);
        }
        if bytes.len() > LONGEST {
            return Err(Errno::TOOBIG.into());
        }
        Ok(bytes)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = bytes.strip_suffix(&[0])?.split(|byte| *byte == 0);
        let mut next = || words.next().map(|word| OsString::from_vec(word.to_vec()));
        let number = |word: OsString| word.to_str()?.parse().ok();
        let grace = Duration::from_millis(number(next()?)?);
        let directory = Some(next()?).filter(|word| !word.is_empty()).map(PathBuf::from);
        let program = next()?.into();
        let count = number(next()?)?;
        let arguments = (0..count).map(|_| next()).collect::<Option<_>>()?;
        let mut environment = Vec::new();
        while let Some(name) = next() {
            environment.push((name, next()?));
        }
        Some(Self { program, arguments, environment, directory, grace })
    }
}

/// Sends an order that is encoded: its length and the streams, and then what `rest` writes.
pub(super) fn send(
    order: &[u8],
    streams: &Streams,
    socket: &UnixStream,
    rest: &mut impl Write,
) -> io::Result<()> {
    let length = u32::try_from(order.len()).map_err(|_| Errno::TOOBIG)?.to_be_bytes();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let streams = streams.each_ref().map(AsFd::as_fd);
    beside.push(SendAncillaryMessage::ScmRights(&streams));
    sendmsg(socket, &[IoSlice::new(&length)], &mut beside, SendFlags::NOSIGNAL)?;
    rest.write_all(order)
}

/// Waits for an order.
pub(super) fn receive(mut socket: &UnixStream) -> io::Result<(Order, Streams)> {
    let mut length = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL;
    let came = recvmsg(socket, &mut [IoSliceMut::new(&mut length)], &mut beside, flags)?;
    let mut streams = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            streams.extend(descriptors);
        }
    }
    let is_none = || io::Error::from(io::ErrorKind::InvalidData);
    let streams = streams.try_into().map_err(|_| is_none())?;
    let length = u32::from_be_bytes(length) as usize;
    if came.bytes != 4 || length > LONGEST {
        return Err(is_none());
    }
    let mut order = vec![0; length];
    socket.read_exact(&mut order)?;
    Ok((Order::decode(&order).ok_or_else(is_none)?, streams))
}

/// How what was to be kept has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// In this way, and nothing is left below the keeper.
    Ended(ExitStatus),
    /// In this way, unless it is itself what can't be ended: something is left.
    Left(ExitStatus),
    /// It was never there, since its folder couldn't be entered.
    NotEntered(Errno),
    /// It was never there.
    NotStarted(Errno),
}

impl Report {
    pub(super) const LENGTH: usize = 5;

    pub(super) fn encode(self) -> [u8; Self::LENGTH] {
        let (kind, number) = match self {
            Self::Ended(status) => (b'e', status.into_raw()),
            Self::Left(status) => (b'l', status.into_raw()),
            Self::NotEntered(errno) => (b'd', errno.raw_os_error()),
            Self::NotStarted(errno) => (b'n', errno.raw_os_error()),
        };
        let [a, b, c, d] = number.to_be_bytes();
        [kind, a, b, c, d]
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, number) = bytes.split_first()?;
        let number = i32::from_be_bytes(number.try_into().ok()?);
        match kind {
            b'e' => Some(Self::Ended(ExitStatus::from_raw(number))),
            b'l' => Some(Self::Left(ExitStatus::from_raw(number))),
            b'd' if number > 0 => Some(Self::NotEntered(Errno::from_raw_os_error(number))),
            b'n' if number > 0 => Some(Self::NotStarted(Errno::from_raw_os_error(number))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        let word = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        Order {
            program: "/bin/tool".into(),
            arguments: vec![word(b""), word(b"a\xff\nb"), word(b"")],
            environment: vec![(word(b"A"), word(b"")), (word(b"B"), word(b"\xfe=="))],
            directory: None,
            grace: Duration::from_millis(1),
        }
    }

    #[test]
    fn an_order_and_its_streams_arrive_as_they_were() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let (mut read, write) = io::pipe().expect("a pipe");
        let other = || OwnedFd::from(UnixStream::pair().expect("a pair").0);
        let streams = [write.into(), other(), other()];
        let there = Order { directory: Some("/tmp".into()), ..order() };
        for order in [order(), there] {
            let bytes = order.encode().expect("can be sent");
            send(&bytes, &streams, &ours, &mut &ours).expect("sends");
            let (came, [stdin, ..]) = receive(&theirs).expect("comes");
            assert_eq!(came, order);
            std::fs::File::from(stdin).write_all(b"x").expect("writes");
            read.read_exact(&mut [0]).expect("it is the same");
        }
        drop(ours);
        assert!(receive(&theirs).is_err(), "nobody is there");
    }

    #[test]
    fn what_no_system_takes_is_no_order() {
        let order = Order { arguments: vec!["a\0b".into()], ..order() };
        let error = order.encode().expect_err("refuses");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let order = Order { arguments: vec!["a".repeat(LONGEST).into()], ..order };
        let error = order.encode().expect_err("refuses");
        assert_eq!(error.kind(), io::ErrorKind::ArgumentListTooLong);
    }

    #[test]
    fn a_report_arrives_as_it_was_and_half_a_one_is_none() {
        for report in [
            Report::Ended(ExitStatus::from_raw(9)),
            Report::Ended(ExitStatus::from_raw(137 << 8)),
            Report::Left(ExitStatus::from_raw(9)),
            Report::NotEntered(Errno::ACCESS),
            Report::NotStarted(Errno::NOEXEC),
        ] {
            let bytes = report.encode();
            assert_eq!(Report::decode(&bytes), Some(report));
            assert_eq!(Report::decode(&bytes[..4]), None);
        }
        assert_eq!(Report::decode(&[]), None);
    }
}
