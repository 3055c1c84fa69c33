//! The host's end of a connection to a provider: calls, what comes back until the answer, and the time
//! that all that may take. Who is at the other end, and how it is ended, is
//! [`super::process`]'s and [`super::inside`]'s business.

use super::exec::Execs;
use super::flood::{Allowance, MESSAGE, PROGRESS, cut};
use super::frame::{self, ToChild, ToHost};
use super::hooks::Callbacks;
use super::named::Names as _;
use super::out::{Out, TELLING};
use super::stop::Stop;
use crate::{fault, log};
use crabbox_provider_api::abi::STATUS_OK;
use crabbox_provider_api::manifest::Manifest;
use crabbox_provider_api::{Error, ErrorCode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::warn;

/// How long a hook that was told to stop may take to answer. What it wants recorded meanwhile still is.
const STOPPING: Duration = Duration::from_secs(2);

/// How long one that doesn't read a frame to its end may hold its host.
const UNREAD: Duration = Duration::from_secs(20);

/// Why a hook was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It had its time.
    Deadline,
    /// The host wants to leave.
    Cancelled,
}

/// What came instead of an answer to be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It failed, and says so.
    Failed(Error),
    /// It was told to stop, and answered this.
    Stopped(Why, Error),
    /// It was told to stop, and didn't answer.
    Deaf(Why),
    /// The connection ended.
    Closed,
    /// This makes no sense.
    Nonsense(String),
}

/// One connection; its calls are numbered.
#[derive(Debug)]
pub(super) struct Link {
    provider: String,
    socket: UnixStream,
    /// The same, for writing: commands answer from threads of their own.
    out: Arc<Out>,
    execs: Execs,
    calls: u64,
}

impl Link {
    /// `program`: this one.
    pub(super) fn new(
        manifest: &Manifest,
        socket: UnixStream,
        program: PathBuf,
    ) -> io::Result<Self> {
        let out = Arc::new(Out::new(socket.try_clone()?, UNREAD));
        let provider = manifest.name.clone();
        let execs = Execs::new(&provider, manifest.environment.keys(), program)?;
        Ok(Self { provider, socket, out, execs, calls: 0 })
    }

    /// Lets the other end know that nothing more will come.
    pub(super) fn close(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// The first frame, which comes by itself.
    pub(super) fn first(&self, longest: Duration) -> Result<ToHost, Trouble> {
        self.input(longest, None).frame()
    }

    fn input<'a>(&'a self, longest: Duration, stop: Option<&'a Stop>) -> Input<'a> {
        let Self { socket, out, execs, .. } = self;
        let end = Instant::now() + longest;
        Input { socket, out, execs, end, stop, told: None }
    }

    /// Calls a hook and serves what it asks for until it answers. No command of the provider runs
    /// when this returns.
    pub(super) fn call(
        &mut self,
        hook: &'static str,
        request: Value,
        longest: Duration,
        host: &mut dyn Callbacks,
    ) -> Result<Value, Trouble> {
        let stop = host.stop();
        if stop.as_ref().is_some_and(Stop::is_set) {
            let error = Error::new(ErrorCode::Cancelled, "it wasn't called");
            return Err(Trouble::Stopped(Why::Cancelled, error));
        }
        self.calls += 1;
        self.execs.begin(&request);
        let answer = self.converse(hook, request, self.input(longest, stop.as_ref()), host);
        if matches!(answer, Err(Trouble::Deaf(_) | Trouble::Nonsense(_) | Trouble::Closed)) {
            // It gets nothing more: what comes of its commands isn't written to one that doesn't read.
            self.close();
        }
        self.execs.end();
        answer
    }

    fn converse(
        &self,
        hook: &'static str,
        request: Value,
        mut input: Input<'_>,
        host: &mut dyn Callbacks,
    ) -> Result<Value, Trouble> {
        let call = self.calls;
        let mut talk = Talk::new(&self.provider);
        let log = log::wanted_of(&self.provider);
        input.send(ToChild::Call { id: call, hook: hook.to_owned(), log, request })?;
        loop {
            match input.frame()? {
                ToHost::Answer { id, .. } if id != call => {
                    return Err(Trouble::Nonsense(format!(
                        "it answers call {id}, and {call} is waited for"
                    )));
                }
                ToHost::Answer { status, body, .. } => {
                    talk.end();
                    return answer(status, body, input.told);
                }
                ToHost::Checkpoint { checkpoint } => {
                    if let Some(why) = checkpoint.objection() {
                        return Err(Trouble::Nonsense(why));
                    }
                    let error = host.checkpoint(&checkpoint).err();
                    fault::point("checkpoint.stored");
                    input.send(ToChild::Recorded { error })?;
                }
                ToHost::Log { level, target, message } => {
                    talk.log(level, &target, &message);
                }
                ToHost::Progress { text } => talk.progress(&text, host),
                ToHost::Exec { id, body } => self.execs.relay(id, body, Arc::clone(&self.out)),
                other @ (ToHost::Ready | ToHost::Unloadable { .. }) => {
                    return Err(Trouble::Nonsense(format!("{other:?} in the middle")));
                }
            }
        }
    }
}

fn answer(status: u32, body: Value, told: Option<Why>) -> Result<Value, Trouble> {
    if status == STATUS_OK {
        // Also one that comes late: what was done is done.
        return Ok(body);
    }
    let error = serde_json::from_value(body)
        .map_err(|error| Trouble::Nonsense(format!("its error makes no sense: {error}")))?;
    Err(match told {
        Some(why) => Trouble::Stopped(why, error),
        None => Trouble::Failed(error),
    })
}

/// What a hook may say while it runs.
struct Talk<'a> {
    provider: &'a str,
    log: Allowance,
    progress: Allowance,
}

impl<'a> Talk<'a> {
    fn new(provider: &'a str) -> Self {
        Self {
            provider,
            log: Allowance::new(1000, Duration::from_millis(10)),
            progress: Allowance::new(100, Duration::from_millis(100)),
        }
    }

    fn log(&mut self, level: u32, target: &str, message: &str) {
        if self.log.takes() {
            log::of_provider(self.provider, level, &cut(target, PROGRESS), &cut(message, MESSAGE));
        }
    }

    fn progress(&mut self, text: &str, host: &mut dyn Callbacks) {
        if self.progress.takes() {
            host.progress(&cut(text, PROGRESS));
        }
    }

    fn end(&self) {
        let dropped = self.log.dropped + self.progress.dropped;
        if dropped > 0 {
            warn!(provider = self.provider, "{dropped} of its lines were left out");
        }
    }
}

/// Reads until a moment, however the bytes dribble in. When it has come, or when a stop is set, the
/// other end is told to stop, once, and has a while to answer.
struct Input<'a> {
    socket: &'a UnixStream,
    out: &'a Out,
    execs: &'a Execs,
    end: Instant,
    stop: Option<&'a Stop>,
    told: Option<Why>,
}

impl Input<'_> {
    fn send(&self, message: ToChild) -> Result<(), Trouble> {
        // One that was told to stop gets no more time for this than for its answer.
        let latest = self.end.max(Instant::now() + TELLING);
        let stop = self.stop.filter(|_| self.told.is_none());
        self.out.send_before(message, latest, stop).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => Trouble::Nonsense(format!("it was to be sent {error}")),
            _ => self.closed(),
        })
    }

    /// It may have been this side, since something wasn't read.
    fn closed(&self) -> Trouble {
        let Some(longest) = self.out.unread() else { return Trouble::Closed };
        if self.told.is_some() || Instant::now() >= self.end {
            return Trouble::Deaf(self.told.unwrap_or(Why::Deadline));
        }
        if self.stop.is_some_and(Stop::is_set) {
            return Trouble::Deaf(Why::Cancelled);
        }
        let seconds = longest.as_secs_f64();
        Trouble::Nonsense(format!("it didn't read a frame within {seconds}s"))
    }

    fn frame(&mut self) -> Result<ToHost, Trouble> {
        frame::read(self).map_err(|error| match (error.kind(), self.told) {
            (io::ErrorKind::TimedOut, why) => Trouble::Deaf(why.unwrap_or(Why::Deadline)),
            (io::ErrorKind::InvalidData, _) => Trouble::Nonsense(error.to_string()),
            _ => self.closed(),
        })
    }

    fn tell(&mut self, why: Why) {
        self.told = Some(why);
        self.end = self.end.min(Instant::now()) + STOPPING;
        self.execs.cancel();
        // One that is gone is noticed by the next read. One that doesn't read what comes of its commands
        // doesn't read this either, and isn't waited for.
        self.out.try_send(ToChild::Cancel, TELLING);
    }

    /// Waits until there is something to read.
    fn wait(&mut self) -> io::Result<()> {
        loop {
            let left = self.end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if self.told.is_some() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                self.tell(Why::Deadline);
                continue;
            }
            let stop = self.stop.filter(|_| self.told.is_none());
            let mut waited: Vec<_> = vec![PollFd::new(self.socket, PollFlags::IN)];
            waited.extend(stop.map(|stop| PollFd::new(stop, PollFlags::IN)));
            let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
            match poll(&mut waited, Some(&left)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let is_ready = |place: usize| {
                waited.get(place).is_some_and(|waited: &PollFd<'_>| !waited.revents().is_empty())
            };
            let (readable, stopped) = (is_ready(0), is_ready(1));
            if stopped {
                self.tell(Why::Cancelled);
            }
            if readable {
                return Ok(());
            }
        }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait()?;
        let mut socket = self.socket;
        socket.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_provider_api::payload::Checkpoint;
    use std::thread;

    struct Nobody(Option<Stop>);

    impl Callbacks for Nobody {
        fn checkpoint(&mut self, _: &Checkpoint) -> Result<(), String> {
            Ok(())
        }

        fn progress(&mut self, _: &str) {}

        fn stop(&self) -> Option<Stop> {
            self.0.clone()
        }
    }

    /// Calls a provider that reads a byte now and then, with more than a socket holds.
    fn call_slow_reader(unread: Duration, longest: Duration, stop: Option<Stop>) -> Trouble {
        let manifest =
            "name = 'sluggish'\nversion = '1.0.0'\nabi = '1'\ndescription = 'It reads'\n";
        let manifest = Manifest::parse(manifest).expect("a manifest");
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let mut link = Link::new(&manifest, ours, "/proc/self/exe".into()).expect("a link");
        link.out = Arc::new(Out::new(link.socket.try_clone().expect("a socket"), unread));
        let mut host = Nobody(stop.clone());
        thread::spawn(move || {
            let _ = theirs.read(&mut [0]);
            // It is being written by now.
            if let Some(stop) = stop {
                stop.set();
            }
            while let Ok(1) = theirs.read(&mut [0]) {
                thread::sleep(Duration::from_millis(1));
            }
        });
        let request = Value::String("x".repeat(4 << 20));
        link.call("lease", request, longest, &mut host).expect_err("it isn't read")
    }

    #[test]
    fn a_provider_that_reads_a_call_byte_by_byte_is_at_fault() {
        let trouble = call_slow_reader(Duration::from_millis(50), Duration::from_mins(10), None);
        let Trouble::Nonsense(reason) = trouble else { panic!("{trouble:?}") };
        assert_eq!(reason, "it didn't read a frame within 0.05s");
        let trouble = call_slow_reader(Duration::from_mins(10), Duration::from_millis(50), None);
        assert!(matches!(trouble, Trouble::Deaf(Why::Deadline)), "{trouble:?}");
        // Who wants to stop doesn't wait for it.
        let stop = Stop::new().expect("a descriptor");
        let times = (Duration::from_secs(20), Duration::from_mins(10));
        let trouble = call_slow_reader(times.0, times.1, Some(stop));
        assert!(matches!(trouble, Trouble::Deaf(Why::Cancelled)), "{trouble:?}");
    }
}
