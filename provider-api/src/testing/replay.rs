//! Answers commands from a cassette, and notes what it can't.

use super::cassette::{Call, Cassette, digest};
use super::difference::{common, diff};
use super::pattern::{self, Bound};
use crate::abi::{STATUS_ERROR, STATUS_OK};
use crate::exec::protocol::{LONGEST_PIECE, Reply, Request, decode_request, encode};
use crate::exec::{AtCap, Command, ExecError, ExecErrorKind, Status, Stream};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

/// A cassette that is being played. The host has one for a whole command, [`TestHost`](super::TestHost)
/// for a test.
#[derive(Debug)]
pub struct Replay {
    calls: Vec<(Call, bool)>,
    bound: Bound,
    /// What was called and isn't there.
    unexpected: Vec<String>,
    started: u64,
    running: BTreeMap<u64, Rest>,
}

/// What a command hasn't said yet.
#[derive(Debug)]
struct Rest {
    pieces: VecDeque<(Stream, Vec<u8>)>,
    status: Status,
}

impl Replay {
    /// From the beginning.
    #[must_use]
    pub fn new(cassette: Cassette) -> Self {
        Self {
            calls: cassette.calls.into_iter().map(|call| (call, false)).collect(),
            bound: Bound::new(),
            unexpected: Vec::new(),
            started: 0,
            running: BTreeMap::new(),
        }
    }

    /// Sets what `${NAME}` stands for, before it is met.
    pub fn bind(&mut self, name: &str, value: &str) {
        self.bound.insert(name.to_owned(), value.to_owned());
    }

    /// Serves one request, as the host does: a status and a body.
    pub fn serve(&mut self, request: &[u8]) -> (u32, Vec<u8>) {
        match decode_request(request).and_then(|request| self.answer(request)) {
            Ok((reply, tail)) => (STATUS_OK, encode(&reply, &tail)),
            Err(error) => (STATUS_ERROR, encode(&error, &[])),
        }
    }

    /// What has gone wrong so far: calls that aren't on the cassette, and calls on it that weren't made. Empty
    /// if all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let unused = self.calls.iter().enumerate().filter(|(_, (_, used))| !used);
        let unused = unused.map(|(index, (call, _))| {
            format!("call {} of the cassette was never made: `{}`", index + 1, call.argv.join(" "))
        });
        self.unexpected.iter().cloned().chain(unused).collect()
    }

    fn answer(&mut self, request: Request) -> Result<(Reply, Vec<u8>), ExecError> {
        match request {
            Request::Start(command) => {
                let rest = self.play(&command)?;
                self.started += 1;
                self.running.insert(self.started, rest);
                Ok((Reply::Started { run: self.started }, Vec::new()))
            }
            Request::Next { run } => {
                let rest = self.running.get_mut(&run).ok_or_else(|| {
                    let message = format!("there is no command number {run}");
                    ExecError::new(ExecErrorKind::Refused, message)
                })?;
                if let Some((stream, bytes)) = rest.pieces.pop_front() {
                    return Ok((Reply::Output { stream }, bytes));
                }
                let status = rest.status;
                self.running.remove(&run);
                Ok((Reply::Ended(status), Vec::new()))
            }
            Request::Forget { run } => {
                self.running.remove(&run);
                Ok((Reply::Forgotten, Vec::new()))
            }
        }
    }

    fn play(&mut self, command: &Command) -> Result<Rest, ExecError> {
        let argv: Vec<&str> = command.argv().collect();
        let stdin = digest(&command.stdin);
        let found = self.calls.iter_mut().find_map(|(call, used)| {
            let fits = !*used && call.stdin == stdin;
            let bound = fits.then(|| pattern::matches(&call.argv, &argv, &self.bound))??;
            Some((call, used, bound))
        });
        let Some((call, used, bound)) = found else {
            let message = self.unexpected_call(&argv, stdin.as_deref());
            self.unexpected.push(message.clone());
            return Err(ExecError::new(ExecErrorKind::Refused, message));
        };
        *used = true;
        self.bound = bound;
        let fail = |kind, message: &str| {
            Err(ExecError::new(kind, format!("`{}` {message}", argv.join(" "))))
        };
        if let Some(kind) = call.error {
            return fail(kind, "fails, as the cassette says");
        }
        if call.delay_ms >= command.deadline_ms {
            return fail(ExecErrorKind::Deadline, "takes longer than its deadline");
        }
        let mut pieces = VecDeque::new();
        let streams =
            [(Stream::Stdout, call.stdout_bytes()), (Stream::Stderr, call.stderr_bytes())];
        for (stream, bytes) in streams {
            // Names stand in text alone.
            let bytes = match String::from_utf8(bytes) {
                Ok(text) => pattern::fill(&text, &self.bound).into_bytes(),
                Err(error) => error.into_bytes(),
            };
            if command.at_cap == AtCap::Stop && bytes.len() > command.cap {
                return fail(ExecErrorKind::OverCap, "said more than it may");
            }
            pieces.extend(bytes.chunks(LONGEST_PIECE).map(|piece| (stream, piece.to_vec())));
        }
        let status = match (call.exit, call.signal) {
            (Some(code), _) => Status::Exit(code),
            (None, signal) => Status::Signal(signal.unwrap_or_default()),
        };
        Ok(Rest { pieces, status })
    }

    /// With the nearest entry, since it is most likely the one that was meant.
    fn unexpected_call(&self, argv: &[&str], stdin: Option<&str>) -> String {
        let mut message = format!("a call that isn't on the cassette: `{}`", argv.join(" "));
        let words = |call: &Call| -> Vec<String> {
            call.argv.iter().map(|word| pattern::fill(word, &self.bound)).collect()
        };
        let nearest = self.calls.iter().enumerate().max_by_key(|(index, (call, used))| {
            let words = words(call);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let alike = 2 * common(&words, argv);
            // Of two that are as near, the first that is left.
            (alike, words.len() == argv.len(), !used, std::cmp::Reverse(*index))
        });
        let Some((index, (call, used))) = nearest else {
            message.push_str("\nit is empty");
            return message;
        };
        let used = if *used { ", which was used already" } else { "" };
        // Writing to a string doesn't fail.
        let _ = write!(message, "\nthe nearest is call {}{used}:", index + 1);
        let words = words(call);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for line in diff(&words, argv) {
            let _ = write!(message, "\n  {line}");
        }
        if call.stdin.as_deref() != stdin {
            let name = |stdin: Option<&str>| stdin.unwrap_or("nothing").to_owned();
            let (theirs, ours) = (name(call.stdin.as_deref()), name(stdin));
            let _ = write!(message, "\n  - reads {theirs}\n  + reads {ours}");
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::protocol::decode;

    const TAPE: &str = r#"
        [[call]]
        argv = ["coder", "create", "${name}", "--yes"]
        exit = 0
        stderr = "created ${name}"

        [[call]]
        argv = ["coder", "list", "--search", "name:${name}"]
        exit = 0
        stdout = "[]"

        [[call]]
        argv = ["coder", "list", "--search", "name:${name}"]
        exit = 1
        delay_ms = 200
    "#;

    fn replay() -> Replay {
        Replay::new(Cassette::parse(TAPE).expect("a cassette"))
    }

    fn create() -> Command {
        Command::new("coder").args(["create", "cbx-7", "--yes"])
    }

    fn list(name: &str) -> Command {
        Command::new("coder").args(["list", "--search", &format!("name:{name}")])
    }

    #[test]
    fn answers_come_in_order_and_names_hold() {
        let mut replay = replay();
        let created = replay.play(&create()).expect("answers");
        assert_eq!(created.pieces, [(Stream::Stderr, b"created cbx-7".to_vec())]);
        assert_eq!(replay.play(&list("cbx-7")).expect("answers").status, Status::Exit(0));
        assert_eq!(replay.play(&list("cbx-7")).expect("answers").status, Status::Exit(1));
        assert_eq!(replay.problems(), Vec::<String>::new());
    }

    #[test]
    fn an_unexpected_call_names_the_nearest_and_is_not_forgotten() {
        let mut replay = replay();
        replay.play(&create()).expect("answers");
        let error = replay.play(&list("other")).expect_err("isn't there");
        let expected = "a call that isn't on the cassette: `coder list --search name:other`\n\
                        the nearest is call 2:\n    coder\n    list\n    --search\n  - name:cbx-7\n  + name:other";
        assert_eq!((error.kind, error.message.as_str()), (ExecErrorKind::Refused, expected));
        let problems = replay.problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(problems[0], expected);
        assert_eq!(
            problems[1],
            "call 2 of the cassette was never made: `coder list --search name:${name}`"
        );
    }

    #[test]
    fn what_is_read_must_be_the_same() {
        let mut replay = replay();
        let error = replay.play(&create().stdin("yes")).expect_err("isn't there");
        assert!(error.message.contains("- reads nothing\n  + reads sha256:"), "{error}");
    }

    #[test]
    fn deadline_and_cap_hold_without_a_wait() {
        let mut replay = replay();
        replay.bind("name", "cbx-7");
        let kind = |replay: &mut Replay, command| replay.play(&command).expect_err("fails").kind;
        assert_eq!(kind(&mut replay, list("cbx-7").cap(1)), ExecErrorKind::OverCap);
        let short = list("cbx-7").deadline(std::time::Duration::from_millis(200));
        assert_eq!(kind(&mut replay, short), ExecErrorKind::Deadline);
    }

    #[test]
    fn it_speaks_as_the_host_does() {
        let mut played = replay();
        let mut ask = |request: &Request| played.serve(&encode(request, &[]));
        let (status, body) = ask(&Request::Start(create()));
        assert_eq!(
            (status, decode(&body).expect("reads").0),
            (STATUS_OK, Reply::Started { run: 1 })
        );
        let (_, body) = ask(&Request::Next { run: 1 });
        let (reply, tail) = decode::<Reply>(&body).expect("reads");
        assert_eq!(
            (reply, tail),
            (Reply::Output { stream: Stream::Stderr }, b"created cbx-7".as_slice())
        );
        let (_, body) = ask(&Request::Next { run: 1 });
        assert_eq!(decode::<Reply>(&body).expect("reads").0, Reply::Ended(Status::Exit(0)));
        assert_eq!(ask(&Request::Next { run: 1 }).0, STATUS_ERROR);
    }
}
