//! The conversation with the helper: proof, sync, command, output, end.
//!
//! The host states what it believes and sends what is needed if that is true, at
//! once; the helper checks and corrects. So a run on an unchanged tree is one request and one
//! answer, and nothing that was believed is trusted.
//!
//! A large checkout is still being read when the helper starts; it then looks at what it has
//! meanwhile, and is told what is wanted in a frame of its own.

use super::outbox::Outbox;
use super::outcome::{Origin, Outcome, SIGNALED};
use super::signals::Listener;
use super::stdin::{self, Taken};
use crate::fault;
use crate::output::{self, Printer, Progress, human};
use crate::sync::{self, Plan, Scanning, Source, SyncError, Wanted};
use crate::tail::said;
use crate::transport::{self, Process, TransportError};
use crabbox_provider_api::payload::Transport;
use crabbox_wire::PROTOCOL;
use crabbox_wire::frame::{FrameError, Stream, ToHelper, ToHost};
use crabbox_wire::message::{Environment, Failure, FailureCode, Proof, Request, Synced};
use crabbox_wire::tree::{self, Tree, TreeError};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGKILL};
use std::cell::OnceCell;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tracing::{info, info_span};

/// The largest manifest that a box may send, in bytes: some two million files.
const MANIFEST_LIMIT: usize = 256 * 1024 * 1024;

/// What a program is ended by that writes to a pipe which nobody reads any more.
const SIGPIPE: u8 = 13;

/// The helper is told after this many bytes that they are written out, so that it may forget them.
const ACK_EVERY: u64 = 1024 * 1024;

/// Everything that a run needs.
pub struct Job<'a> {
    /// The way to the box.
    pub transport: &'a Transport,
    /// The lease's name, for messages.
    pub lease: &'a str,
    /// What is asked of the helper; it names the tree if that is known by now.
    pub request: &'a Request,
    /// Values for the command.
    pub environment: Environment,
    /// The checkout.
    pub source: &'a Source,
    /// Its tree, as soon as it has been read.
    pub scanning: &'a Scanning<'a>,
    /// The folder of what is remembered of boxes.
    pub cache: &'a Path,
    /// Skip the guard against deleting most of it.
    pub allow_mass_deletion: bool,
    /// The program's standard output goes to our standard error (`--json` has the other).
    pub output_to_stderr: bool,
    /// For messages.
    pub printer: Printer,
}

/// Told while a run goes on, to be recorded before anything else happens.
pub trait Seen {
    /// The box proved itself.
    fn proved(&mut self, proof: &Proof) -> Result<(), RunError>;
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Finished {
    /// How the command ended.
    pub outcome: Outcome,
    /// What the sync did.
    pub synced: Synced,
    /// The content that was sent for it, in bytes.
    pub sent: u64,
    /// How long the command ran, in milliseconds.
    pub wall_ms: u64,
}

impl Finished {
    /// How the command ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }
}

/// A run that didn't.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The box can't be reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The tree can't be read or sent.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The helper reports a failure.
    #[error("{}", .0.message)]
    Box(Failure),
    /// What the helper says can't be understood.
    #[error("the remote helper's answer can't be understood")]
    Frame(#[source] FrameError),
    /// Its manifest makes no sense.
    #[error("the manifest that the box sent can't be understood")]
    Manifest(#[source] TreeError),
    /// Its manifest is too large.
    #[error("the manifest that the box sends is over the limit of {MANIFEST_LIMIT} bytes")]
    ManifestSize,
    /// It says things in an order that makes no sense.
    #[error("the remote helper doesn't keep to the protocol")]
    Order,
    /// The box claims to hold another tree than it was given.
    #[error("the box holds another tree than the one it was given")]
    WrongTree,
    /// The session ended in the middle.
    #[error("the connection to the box ended before the command did{}", said(.stderr))]
    Ended {
        /// What the far side said last.
        stderr: String,
    },
    /// Nobody reads the program's output any more.
    #[error("nobody reads the program's output any more")]
    Unread,
    /// Our own output can't be written.
    #[error("the program's output can't be written")]
    Output(#[source] io::Error),
    /// A signal, or a terminal that is gone, ended the command while it had something to say.
    #[error("the command was ended by signal {0}")]
    Stopped(i32),
    /// A signal came before the command had started.
    #[error("interrupted before the command started")]
    Interrupted(i32),
    /// What was seen can't be recorded.
    #[error(transparent)]
    Record(#[from] crate::claims::ClaimError),
}

impl RunError {
    /// The box couldn't be reached, wasn't what it was, or was lost: no word of it about the run.
    #[must_use]
    pub fn is_of_the_way(&self) -> bool {
        match self {
            Self::Transport(_) | Self::Frame(_) | Self::Ended { .. } => true,
            Self::Sync(error) => matches!(error, SyncError::Stream(_)),
            Self::Box(failure) => {
                matches!(failure.code, FailureCode::Identity | FailureCode::Marker)
            }
            _ => false,
        }
    }

    /// What this program exits with, and whose failure it is.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Transport(_) | Self::Frame(_) | Self::Order | Self::Ended { .. } => {
                Outcome::failure(Origin::Transport)
            }
            Self::Sync(SyncError::Stream(_)) => Outcome::failure(Origin::Transport),
            Self::Sync(_) | Self::Manifest(_) | Self::ManifestSize | Self::WrongTree => {
                Outcome::failure(Origin::Sync)
            }
            Self::Box(failure) => Outcome::of_failure(failure.code),
            Self::Unread => {
                Outcome { exit: SIGNALED + SIGPIPE, origin: Origin::Crabbox, signal: None }
            }
            Self::Output(_) | Self::Record(_) => Outcome::failure(Origin::Crabbox),
            Self::Interrupted(signal) | Self::Stopped(signal) => Outcome::of_signal(*signal),
        }
    }
}

impl From<FrameError> for RunError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => TransportError::Broken(error).into(),
            other => Self::Frame(other),
        }
    }
}

/// Runs the job. Nothing of it goes on when this returns.
///
/// `wanted` is what the request names.
pub fn run<'a>(
    job: &'a Job<'a>,
    wanted: Option<Wanted<'a>>,
    seen: &mut dyn Seen,
    listener: &Listener,
) -> Result<Finished, RunError> {
    let result = hold_session(job, wanted, seen, listener);
    listener.nobody();
    match (result, listener.received(), listener.ending()) {
        // The signal is why the session ended, unless it was the command's own business.
        (Err(error), Some(signal), _) if error.is_of_the_way() && !listener.commanded() => {
            Err(RunError::Interrupted(signal))
        }
        (Err(error), _, Some(signal)) if error.is_of_the_way() => Err(RunError::Stopped(signal)),
        // A terminal that is gone takes no output, before or after it says so.
        (Err(RunError::Unread | RunError::Output(_)), _, Some(signal)) => {
            Err(RunError::Stopped(signal))
        }
        // Killed for our own sake: whose signal that was is what counts.
        (Ok(finished), _, Some(signal)) if finished.outcome.signal == Some(SIGKILL) => {
            Ok(Finished { outcome: Outcome::of_signal(signal), ..finished })
        }
        (result, _, _) => result,
    }
}

fn hold_session<'a>(
    job: &'a Job<'a>,
    wanted: Option<Wanted<'a>>,
    seen: &mut dyn Seen,
    listener: &Listener,
) -> Result<Finished, RunError> {
    let connecting = job.printer.progress(format!("connecting to {}", job.lease));
    let mut started = |process| listener.session(process);
    let transport::Link { mut input, output, process } =
        info_span!("connect", lease = job.lease)
            .in_scope(|| transport::open(job.transport, job.request, &mut started))?;
    drop(connecting);
    fault::point("session.opened");
    let outbox = Outbox::new(output);
    let mut conversation = Conversation {
        job,
        process: &process,
        outbox: outbox.clone(),
        listener,
        wanted: wanted.map_or_else(OnceCell::new, OnceCell::from),
        sent: 0,
    };
    let result = match conversation.until_synced(&mut input, seen) {
        Ok(Some(synced)) => conversation.until_ended(&mut input, synced),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    if !matches!(result, Ok(Some(_))) {
        process.terminate();
    }
    outbox.close();
    result?.ok_or_else(|| RunError::Ended { stderr: process.stderr_tail() })
}

struct Conversation<'a> {
    job: &'a Job<'a>,
    process: &'a Process,
    outbox: Outbox,
    listener: &'a Listener,
    /// Set once the helper has been told.
    wanted: OnceCell<Wanted<'a>>,
    /// Content sent, in bytes.
    sent: u64,
}

impl<'a> Conversation<'a> {
    /// From the greeting until the box holds the tree. `None`: the session ended.
    ///
    /// A sender works beside this reader: were one thread to do both, each side
    /// could wait for the other to read.
    fn until_synced(
        &mut self,
        input: &mut impl io::Read,
        seen: &mut dyn Seen,
    ) -> Result<Option<Synced>, RunError> {
        let mut buffer = Vec::new();
        let job = self.job;
        let root: &Path = &job.source.root;
        let failed = Mutex::new(None);
        // Is the plan that was sent on a belief the wrong one? The one from the box's own
        // manifest never is.
        let (wrong, right) = (AtomicBool::new(false), AtomicBool::new(false));
        let progress = job.printer.progress(format!("syncing to {}", job.lease));
        let sent = thread::scope(|scope| {
            let mut sent = 0;
            let mut proved = false;
            let mut senders = Vec::new();
            let mut manifest = Vec::new();
            let mut phase = Some(info_span!("prove").entered());
            let mut step = || loop {
                match ToHost::read(input, &mut buffer)? {
                    None => return Ok(None),
                    Some(ToHost::Proved(proof)) if !proved => {
                        if proof.protocol != PROTOCOL {
                            return Err(RunError::Order);
                        }
                        proved = true;
                        seen.proved(&proof)?;
                        // The one ends before the other begins.
                        drop(phase.take());
                        phase = Some(info_span!("sync").entered());
                        fault::point("session.proved");
                        let wanted = self.wanted()?;
                        if !wanted.is_held() {
                            // What is believed may need the tree itself, not just its name.
                            let believed = wanted.base.tree();
                            sent = self.check(believed.as_ref(), wanted)?;
                            progress.expect(sent);
                            let (tree, outbox) = (wanted.tree, self.outbox.clone());
                            let (failed, wrong, progress) = (&failed, &wrong, &progress);
                            senders.push(scope.spawn(move || {
                                let plan = sync::plan(believed.as_ref(), tree);
                                deliver(&plan, root, wrong, progress, outbox, failed);
                            }));
                        }
                    }
                    Some(ToHost::Failed(failure)) => return Err(RunError::Box(failure)),
                    Some(_) if !proved => return Err(RunError::Order),
                    Some(ToHost::Proved(_)) => return Err(RunError::Order),
                    Some(ToHost::Waiting(waiting)) => {
                        job.printer.phase(&format!("waiting for {}", waiting.holder));
                    }
                    Some(ToHost::Base(message)) if message.manifest => {
                        wrong.store(true, Ordering::Relaxed);
                        manifest.clear();
                    }
                    Some(ToHost::Manifest(bytes)) => {
                        if manifest.len() + bytes.len() > MANIFEST_LIMIT {
                            return Err(RunError::ManifestSize);
                        }
                        manifest.extend_from_slice(bytes);
                    }
                    Some(ToHost::ManifestEnd) => {
                        let held = tree::decode(&manifest).map_err(RunError::Manifest)?;
                        let wanted = self.wanted()?;
                        sent = self.check(Some(&held), wanted)?;
                        progress.expect(sent);
                        for sender in senders.drain(..) {
                            let _: thread::Result<()> = sender.join();
                        }
                        let (tree, outbox) = (wanted.tree, self.outbox.clone());
                        let (failed, right, progress) = (&failed, &right, &progress);
                        senders.push(scope.spawn(move || {
                            let plan = sync::plan(Some(&held), tree);
                            deliver(&plan, root, right, progress, outbox, failed);
                        }));
                    }
                    Some(ToHost::Synced(synced)) => {
                        fault::point("session.synced");
                        // Whatever is still being sent isn't needed any more.
                        wrong.store(true, Ordering::Relaxed);
                        right.store(true, Ordering::Relaxed);
                        return Ok(Some((synced, sent)));
                    }
                    Some(_) => {}
                }
            };
            let result = step();
            if !matches!(result, Ok(Some(_))) {
                // A sender may be stuck in a write that nobody reads.
                self.process.terminate();
            }
            // What stopped the sender explains the end of the session better than the end does.
            match failed.lock().ok().and_then(|mut failed| failed.take()) {
                Some(error) if !matches!(result, Ok(Some(_))) => Err(RunError::Sync(error)),
                _ => result,
            }
        })?;
        let Some((synced, sent)) = sent else {
            return Ok(None);
        };
        let wanted = self.wanted()?;
        if synced.root != wanted.root {
            return Err(RunError::WrongTree);
        }
        if !wanted.is_held() {
            // A belief that can't be kept costs time, never correctness.
            let _ = wanted.base.store(wanted.tree, job.source.head().as_deref());
        }
        self.sent = sent;
        Ok(Some(synced))
    }

    /// What the box must hold; waited for, and said to the helper, where the request didn't name it.
    fn wanted(&self) -> Result<&Wanted<'a>, RunError> {
        if let Some(wanted) = self.wanted.get() {
            return Ok(wanted);
        }
        let job = self.job;
        let tree = {
            let _reading = job.printer.progress("reading the checkout");
            job.scanning.tree()?
        };
        let wanted = Wanted::of(tree, job.cache, job.request);
        let mut outbox = self.outbox.clone();
        ToHelper::Sync(wanted.request()).write(&mut outbox)?;
        outbox.flush().map_err(TransportError::Broken)?;
        Ok(self.wanted.get_or_init(|| wanted))
    }

    /// Stops a plan that would delete too much; returns how many bytes it sends.
    fn check(&self, held: Option<&Tree>, wanted: &Wanted<'_>) -> Result<u64, RunError> {
        let job = self.job;
        let plan = sync::plan(held, wanted.tree);
        if !job.allow_mass_deletion && !plan.deletes.is_empty() {
            let count = held.map_or(0, |held| held.entries().len());
            let commit = job.source.head();
            sync::check_deletions(&plan, count, wanted.base.head.as_deref(), commit.as_deref())?;
        }
        announce(&plan);
        Ok(plan.bytes)
    }

    /// From the start of the command to its end. `None`: the session ended before.
    fn until_ended(
        &mut self,
        input: &mut impl io::Read,
        synced: Synced,
    ) -> Result<Option<Finished>, RunError> {
        let run = self.job.request.run.as_ref();
        let _span = info_span!("program", run = run.map(|run| run.id.as_str())).entered();
        let taken = Taken::default();
        if let Some(run) = run {
            if run.await_environment {
                ToHelper::Environment(self.job.environment.clone()).write(&mut self.outbox)?;
                self.outbox.flush().map_err(TransportError::Broken)?;
            }
            self.listener.command(self.outbox.clone()).map_err(RunError::Interrupted)?;
            if run.stdin {
                stdin::forward(self.outbox.clone(), taken.clone());
            }
        }
        let mut buffer = Vec::new();
        let mut acknowledged = 0;
        let silence = self.job.printer.silence(format!("running on {}", self.job.lease));
        loop {
            match ToHost::read(input, &mut buffer)? {
                None => return Ok(None),
                Some(ToHost::Output { stream, offset, bytes }) => {
                    silence.advance(bytes.len() as u64);
                    write_out(stream, bytes, self.job.output_to_stderr)?;
                    let end = offset.saturating_add(bytes.len() as u64);
                    if end.saturating_sub(acknowledged) >= ACK_EVERY {
                        acknowledged = end;
                        ToHelper::Ack(end).write(&mut self.outbox)?;
                        self.outbox.flush().map_err(TransportError::Broken)?;
                    }
                }
                Some(ToHost::Taken(total)) => taken.set(total),
                Some(ToHost::Started(_)) => fault::point("session.started"),
                Some(ToHost::Ended(ended)) => {
                    fault::point("session.ended");
                    for warning in &ended.warnings {
                        self.job.printer.warning(warning);
                    }
                    return Ok(Some(Finished {
                        outcome: Outcome::of(ended.outcome),
                        synced,
                        sent: self.sent,
                        wall_ms: ended.wall_ms,
                    }));
                }
                Some(ToHost::Failed(failure)) => return Err(RunError::Box(failure)),
                Some(_) => {}
            }
        }
    }
}

fn announce(plan: &Plan<'_>) {
    let (puts, deletes) = (plan.puts.len() as u64, plan.deletes.len());
    let (puts, size) = (human::count(puts, "file"), human::bytes(plan.bytes));
    info!("sending {puts} ({size}), removing {deletes}");
}

/// Sends what the plan says from the checkout at `root`.
fn deliver(
    plan: &Plan<'_>,
    root: &Path,
    superseded: &AtomicBool,
    progress: &Progress,
    mut outbox: Outbox,
    failed: &Mutex<Option<SyncError>>,
) {
    match sync::send(plan, root, superseded, progress, &mut outbox) {
        // The helper's own words say more than our broken pipe.
        Ok(()) | Err(SyncError::Stream(_)) => {}
        Err(_) if superseded.load(Ordering::Relaxed) => {}
        Err(error) => {
            if let Ok(mut failed) = failed.lock() {
                *failed = Some(error);
            }
            // The helper is still waiting for the rest of the stream: end the session.
            let _ = ToHelper::Abort.write(&mut outbox);
            let _ = outbox.flush();
        }
    }
}

fn write_out(stream: Stream, bytes: &[u8], to_stderr: bool) -> Result<(), RunError> {
    let to_stderr = to_stderr || stream == Stream::Stderr;
    let written = if to_stderr { output::stderr(bytes) } else { output::stdout(bytes) };
    written.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::PIPE) => RunError::Unread,
        // So answers a terminal that is gone; its signal may come later, or to others only.
        Some(Errno::IO) if is_device(to_stderr) => RunError::Stopped(SIGHUP),
        _ => RunError::Output(error),
    })
}

/// Is our output, or our standard error, a terminal or the like? One that is gone can't be asked
/// whether it is a terminal.
fn is_device(stderr: bool) -> bool {
    let found = if stderr { fstat(io::stderr()) } else { fstat(io::stdout()) };
    found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice)
}
