//! One session with the helper, from the request to the end of the command.

use super::error::RunError;
use super::met::{Meeting, Met};
use super::outbox::Outbox;
use super::outcome::{Origin, Outcome};
use super::signals::Listener;
use crate::collect::{Collected, Wanted as Collect};
use crate::fault;
use crate::history::OutputLog;
use crate::output::Printer;
use crate::sync::{Scanning, Source, Wanted};
use crate::transport::{self, Process, Route};
use crabbox_wire::message::{Environment, Proof, Request, Synced};
use signal_hook::consts::SIGKILL;
use std::cell::OnceCell;
use std::io::Read;
use std::path::Path;
use tracing::info_span;

/// Everything that a run needs.
pub struct Job<'a> {
    /// The way to the box.
    pub route: Route<'a>,
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
    /// What is brought here once the command has ended.
    pub collect: Option<&'a Collect>,
    /// Skip the guard against deleting most of it.
    pub allow_mass_deletion: bool,
    /// Whoever has a session in the workspace is waited for.
    pub waits: bool,
    /// The program's standard output goes to our standard error (`--json` has the other).
    pub output_to_stderr: bool,
    /// Keeps what the command prints.
    pub log: OutputLog,
    /// For messages.
    pub printer: Printer,
}

/// Told while a run goes on, to be recorded before anything else happens.
pub trait Seen {
    /// The box proved itself.
    fn proved(&mut self, proof: &Proof) -> Result<(), RunError>;
    /// Somebody else has a session in the workspace, or not any more. Nothing is done there until then.
    fn in_use(&mut self, by_another: bool);
}

/// A session that came to its end.
#[derive(Debug)]
pub struct Finished {
    /// How the command ended, if there was one.
    pub ended: Option<Ended>,
    /// What the sync did.
    pub synced: Synced,
    /// The content that was sent for it, in bytes.
    pub sent: u64,
    /// What was brought here, where that was wanted.
    pub collected: Option<Collected>,
    /// What went wrong on the box beside it; told already.
    pub warnings: Vec<String>,
    /// What the session met on its way.
    pub met: Met,
}

/// How a command ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// As an exit code.
    pub outcome: Outcome,
    /// How long it ran, in milliseconds.
    pub wall_ms: u64,
    /// How much it printed, in bytes.
    pub printed: u64,
}

impl Finished {
    /// How it comes out: as the command ended, or well, if there was none. Where the command ended well, and what it
    /// was required to make isn't here, that is a failure of ours.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let outcome = self.ended.map_or(Outcome::DONE, |ended| ended.outcome);
        let misses = self.collected.as_ref().is_some_and(|all| !all.missing.is_empty());
        if misses && outcome.exit == 0 { Outcome::failure(Origin::Crabbox) } else { outcome }
    }
}

/// Runs the job, or only syncs where there is nothing to run. Nothing of it goes on when this returns.
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
        // Whoever wants to leave wants no box that is ready.
        (Ok(Finished { ended: None, .. }), Some(signal), _) => Err(RunError::Interrupted(signal)),
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
    let transport::Link { mut input, output, process, helper_sent, .. } =
        info_span!("connect", lease = job.lease)
            .in_scope(|| transport::open(&job.route, job.request, &mut started))?;
    drop(connecting);
    fault::point("session.opened");
    let outbox = Outbox::new(output);
    let mut conversation = Conversation {
        job,
        proof: OnceCell::new(),
        process: &process,
        outbox: outbox.clone(),
        listener,
        wanted: wanted.map_or_else(OnceCell::new, OnceCell::from),
        sent: 0,
        meeting: Meeting::begin(helper_sent),
    };
    let synced = conversation.until_synced(&mut input, seen);
    let is_synced = matches!(synced, Ok(Some(_)));
    let result = match synced {
        Ok(Some(synced)) if job.request.run.is_none() => {
            Ok(Some(conversation.finished(None, synced)))
        }
        Ok(Some(synced)) => conversation.until_all_is_here(&mut input, synced),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    if !matches!(result, Ok(Some(_))) {
        process.terminate();
    }
    outbox.close();
    result?.ok_or_else(|| {
        let stderr = process.stderr_tail();
        match is_synced {
            true => RunError::Ended { stderr },
            false if conversation.meeting.waits_now() => RunError::Waited { stderr },
            false => RunError::Unsynced { stderr },
        }
    })
}

impl Conversation<'_> {
    /// It came to its end, nothing went wrong, and nothing is brought here yet.
    pub(super) fn finished(&self, ended: Option<Ended>, synced: Synced) -> Finished {
        let (sent, met) = (self.sent, self.meeting.all());
        Finished { ended, synced, sent, collected: None, warnings: Vec::new(), met }
    }

    /// From the start of the command until what it made is here. `None`: the session ended before the command did.
    fn until_all_is_here(
        &mut self,
        input: &mut impl Read,
        synced: Synced,
    ) -> Result<Option<Finished>, RunError> {
        let Some(mut finished) = self.until_ended(input, synced)? else { return Ok(None) };
        // Killed for our own sake: whose signal that was is what counts.
        if let (Some(ended), Some(signal)) = (&mut finished.ended, self.listener.ending())
            && ended.outcome.signal == Some(SIGKILL)
        {
            ended.outcome = Outcome::of_signal(signal);
        }
        if let Some(wanted) = self.job.collect {
            let root = self.proof.get().map(|proof| proof.workspace.to_string());
            let collected = self.collect(wanted, input, finished.outcome());
            finished.collected = Some(Collected { root: root.unwrap_or_default(), ..collected });
        }
        Ok(Some(finished))
    }
}

/// A session from the greeting to its end.
pub(super) struct Conversation<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) process: &'a Process,
    pub(super) outbox: Outbox,
    pub(super) listener: &'a Listener,
    /// What the box showed.
    pub(super) proof: OnceCell<Proof>,
    /// Set once the helper has been told.
    pub(super) wanted: OnceCell<Wanted<'a>>,
    /// Content sent, in bytes.
    pub(super) sent: u64,
    /// What it meets on its way.
    pub(super) meeting: Meeting,
}
