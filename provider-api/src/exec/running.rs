//! The provider's side of a command that runs.

use super::protocol::{self, Reply, Request, decode, encode};
use super::{AtCap, Command, ExecError, ExecErrorKind, LARGEST_CAP, LONGEST_STDIN};
use super::{Output, Status, Stream};
use crate::abi::STATUS_OK;
use crate::host::Host;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::ControlFlow::{self, Break, Continue};

/// A longer line is handed over in pieces of this many bytes.
const LONGEST_LINE: usize = 64 * 1024;

impl Host {
    /// Runs a command to its end; see [`crate::exec`]. A command that ends with an exit code other than 0
    /// is no error here, since only the provider knows what its codes mean.
    pub fn exec(&self, command: Command) -> Result<Output, ExecError> {
        self.exec_pieces(command, |_, _| Continue(())).map(whole)
    }

    /// The same, with each line as soon as it is complete, without its end: for tools that
    /// say what they are doing. Bytes that aren't UTF-8 are replaced in the lines, not in the output.
    pub fn exec_lines(
        &self,
        command: Command,
        mut line: impl FnMut(Stream, &str),
    ) -> Result<Output, ExecError> {
        let said = |stream, text: &str| {
            line(stream, text);
            Continue(())
        };
        self.exec_until(command, said).map(whole)
    }

    /// The same, until a line is answered with `Break`: then the command is ended, with all that it has
    /// started. For tools that wait for what never comes, and say so.
    pub fn exec_until<T>(
        &self,
        command: Command,
        mut line: impl FnMut(Stream, &str) -> ControlFlow<T>,
    ) -> Result<ControlFlow<T, Output>, ExecError> {
        let mut lines = [(Stream::Stdout, Lines::default()), (Stream::Stderr, Lines::default())];
        let output = self.exec_pieces(command, |stream, bytes| {
            for (which, lines) in &mut lines {
                if *which == stream {
                    lines.push(bytes, |text| line(stream, text))?;
                }
            }
            Continue(())
        })?;
        if output.is_continue() {
            for (stream, lines) in &mut lines {
                if let Break(value) = lines.finish(|text| line(*stream, text)) {
                    return Ok(Break(value));
                }
            }
        }
        Ok(output)
    }

    fn exec_pieces<T>(
        &self,
        command: Command,
        mut piece: impl FnMut(Stream, &[u8]) -> ControlFlow<T>,
    ) -> Result<ControlFlow<T, Output>, ExecError> {
        let (cap, at_cap) = (command.cap, command.at_cap);
        let mut running = Running::start(self, command)?;
        let (mut stdout, mut stderr) = (Kept::new(cap, at_cap), Kept::new(cap, at_cap));
        loop {
            match running.next()? {
                Said::Piece(stream, bytes) => {
                    if let Break(value) = piece(stream, &bytes) {
                        return Ok(Break(value));
                    }
                    match stream {
                        Stream::Stdout => stdout.push(&bytes),
                        Stream::Stderr => stderr.push(&bytes),
                    }
                }
                Said::End(status) => {
                    let cut = stdout.cut || stderr.cut;
                    let (stdout, stderr) = (stdout.bytes.into(), stderr.bytes.into());
                    return Ok(Continue(Output { status, stdout, stderr, cut }));
                }
            }
        }
    }
}

/// Nothing broke off.
fn whole(output: ControlFlow<Infallible, Output>) -> Output {
    match output {
        Continue(output) => output,
        Break(never) => match never {},
    }
}

/// A command that runs, and is ended when this is dropped.
struct Running<'a> {
    host: &'a Host,
    run: u64,
    /// It has ended, or the host has ended it.
    over: bool,
}

enum Said {
    Piece(Stream, Vec<u8>),
    End(Status),
}

impl<'a> Running<'a> {
    fn start(host: &'a Host, mut command: Command) -> Result<Self, ExecError> {
        check(&command)?;
        let stdin = std::mem::take(&mut command.stdin);
        match ask(host, &Request::Start(command), &stdin)? {
            (Reply::Started { run }, _) => Ok(Self { host, run, over: false }),
            (other, _) => Err(unexpected(&other)),
        }
    }

    fn next(&mut self) -> Result<Said, ExecError> {
        match ask(self.host, &Request::Next { run: self.run }, &[]) {
            Ok((Reply::Output { stream }, bytes)) => Ok(Said::Piece(stream, bytes)),
            Ok((Reply::Ended(status), _)) => {
                self.over = true;
                Ok(Said::End(status))
            }
            Ok((other, _)) => Err(unexpected(&other)),
            Err(error) => {
                self.over = true;
                Err(error)
            }
        }
    }
}

impl Drop for Running<'_> {
    /// A panic in a line's callback, for one, must not leave it running.
    fn drop(&mut self) {
        if !self.over {
            let _ = ask(self.host, &Request::Forget { run: self.run }, &[]);
        }
    }
}

fn check(command: &Command) -> Result<(), ExecError> {
    let refuse = |message: String| Err(ExecError::new(ExecErrorKind::Refused, message));
    if command.cap > LARGEST_CAP {
        return refuse(format!("a cap of {} bytes is over the limit of 128 MiB", command.cap));
    }
    if command.stdin.len() > LONGEST_STDIN {
        return refuse(format!(
            "{} bytes of input are over the limit of 4 MiB",
            command.stdin.len()
        ));
    }
    Ok(())
}

fn ask(host: &Host, request: &Request, tail: &[u8]) -> Result<(Reply, Vec<u8>), ExecError> {
    let (status, body) = host.side().exec(&encode(request, tail));
    if status == STATUS_OK {
        let (reply, tail) = decode(&body)?;
        return Ok((reply, tail.to_vec()));
    }
    let (error, _) = protocol::decode::<ExecError>(&body)?;
    Err(error)
}

fn unexpected(reply: &Reply) -> ExecError {
    ExecError::new(ExecErrorKind::Failed, format!("the host answers out of turn: {reply:?}"))
}

/// What is kept of a stream.
struct Kept {
    bytes: VecDeque<u8>,
    cap: usize,
    at_cap: AtCap,
    cut: bool,
}

impl Kept {
    fn new(cap: usize, at_cap: AtCap) -> Self {
        Self { bytes: VecDeque::new(), cap, at_cap, cut: false }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        // Where the command is to be stopped, the host has done so.
        if self.at_cap == AtCap::KeepEnd && self.bytes.len() > self.cap {
            self.bytes.drain(..self.bytes.len() - self.cap);
            self.cut = true;
        }
    }
}

/// The lines of a stream.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    fn push<T>(
        &mut self,
        bytes: &[u8],
        mut line: impl FnMut(&str) -> ControlFlow<T>,
    ) -> ControlFlow<T> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(part);
            if self.rest.ends_with(b"\n") || self.rest.len() >= LONGEST_LINE {
                self.finish(&mut line)?;
            }
        }
        Continue(())
    }

    fn finish<T>(&mut self, mut line: impl FnMut(&str) -> ControlFlow<T>) -> ControlFlow<T> {
        if self.rest.is_empty() {
            return Continue(());
        }
        let bytes = std::mem::take(&mut self.rest);
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        line(&String::from_utf8_lossy(text.strip_suffix(b"\r").unwrap_or(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(seen: &mut Vec<String>, line: &str) -> ControlFlow<()> {
        seen.push(line.to_owned());
        Continue(())
    }

    #[test]
    fn lines_are_whole_whatever_the_pieces_are() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for piece in ["on", "e\r\n\ntw", "o\n", "rest"] {
            let _ = lines.push(piece.as_bytes(), |line| keep(&mut seen, line));
        }
        let _ = lines.finish(|line| keep(&mut seen, line));
        assert_eq!(seen, ["one", "", "two", "rest"]);
    }

    #[test]
    fn a_line_without_an_end_comes_in_pieces() {
        let mut lines = Lines::default();
        let mut pieces = 0;
        for _ in 0..4 {
            let _ = lines.push(&vec![b'x'; LONGEST_LINE / 2], |_| -> ControlFlow<()> {
                pieces += 1;
                Continue(())
            });
        }
        assert_eq!(pieces, 2);
    }

    #[test]
    fn the_end_of_a_log_is_kept() {
        let mut kept = Kept::new(3, AtCap::KeepEnd);
        kept.push(b"ab");
        assert!(!kept.cut);
        kept.push(b"cde");
        assert_eq!((Vec::from(kept.bytes), kept.cut), (b"cde".to_vec(), true));
    }
}
