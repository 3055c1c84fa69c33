//! The first half of a session: the box proves itself, and is made to hold the tree.
//!
//! The host states what it believes and sends what is needed if that is true, at
//! once; the helper checks and corrects. So a run on an unchanged tree is one request and one
//! answer, and nothing that was believed is trusted.
//!
//! A large checkout is still being read when the helper starts; it then looks at what it has
//! meanwhile, and is told what is wanted in a frame of its own.

use super::error::RunError;
use super::outbox::Outbox;
use super::session::{Conversation, Job, Seen};
use crate::fault;
use crate::output::{Progress, human};
use crate::sync::{self, Plan, SyncError, Wanted};
use crate::transport::TransportError;
use crabbox_wire::PROTOCOL;
use crabbox_wire::frame::{ToHelper, ToHost};
use crabbox_wire::message::{Synced, Waiting};
use crabbox_wire::tree::{self, Tree};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tracing::{info, info_span};

/// The largest manifest that a box may send, in bytes: some two million files.
pub(super) const MANIFEST_LIMIT: usize = 256 * 1024 * 1024;

impl<'a> Conversation<'a> {
    /// From the greeting until the box holds the tree. `None`: the session ended.
    ///
    /// A sender works beside this reader: were one thread to do both, each side
    /// could wait for the other to read.
    pub(super) fn until_synced(
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
            let (failed, progress) = (&failed, &progress);
            let start = |held: Option<Tree>, superseded| {
                let wanted = self.wanted()?;
                let bytes = self.check(held.as_ref(), wanted)?;
                progress.expect(bytes);
                let (tree, outbox) = (wanted.tree, self.outbox.clone());
                let sender = scope.spawn(move || {
                    let plan = sync::plan(held.as_ref(), tree);
                    deliver(&plan, root, superseded, progress, outbox, failed);
                });
                Ok::<_, RunError>((bytes, sender))
            };
            let mut manifest = Vec::new();
            let mut phase = Some(info_span!("prove").entered());
            let mut waiting = None;
            let mut step = || loop {
                match ToHost::read(input, &mut buffer)? {
                    None => return Ok(None),
                    Some(ToHost::Proved(proof)) if !proved => {
                        if proof.protocol != PROTOCOL {
                            return Err(RunError::Order);
                        }
                        proved = true;
                        seen.proved(&proof)?;
                        let _ = self.proof.set(*proof);
                        // The one ends before the other begins.
                        drop(phase.take());
                        phase = Some(info_span!("sync").entered());
                        fault::point("session.proved");
                        let wanted = self.wanted()?;
                        if !wanted.is_held() {
                            // What is believed may need the tree itself, not just its name.
                            let (bytes, sender) = start(wanted.base.tree(), &wrong)?;
                            sent = bytes;
                            senders.push(sender);
                        }
                    }
                    Some(ToHost::Failed(failure)) => return Err(RunError::Box(failure)),
                    Some(_) if !proved => return Err(RunError::Order),
                    Some(ToHost::Proved(_)) => return Err(RunError::Order),
                    Some(ToHost::Waiting(other)) => {
                        waiting = Some(self.waits(seen, other)?);
                    }
                    Some(ToHost::Base(message)) => {
                        seen.in_use(false);
                        self.meeting.holds(&message);
                        drop(waiting.take());
                        if message.manifest {
                            wrong.store(true, Ordering::Relaxed);
                            manifest.clear();
                        }
                    }
                    Some(ToHost::Manifest(bytes)) => {
                        if manifest.len() + bytes.len() > MANIFEST_LIMIT {
                            return Err(RunError::ManifestSize);
                        }
                        manifest.extend_from_slice(bytes);
                    }
                    Some(ToHost::ManifestEnd) => {
                        let held = tree::decode(&manifest).map_err(RunError::Manifest)?;
                        for sender in senders.drain(..) {
                            let _: thread::Result<()> = sender.join();
                        }
                        let (bytes, sender) = start(Some(held), &right)?;
                        sent = bytes;
                        senders.push(sender);
                    }
                    Some(ToHost::Synced(synced)) => {
                        fault::point("session.synced");
                        seen.in_use(false);
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
        self.confirm(&synced)?;
        self.sent = sent;
        Ok(Some(synced))
    }

    /// Somebody else uses the box, and is waited for, unless this run waits for nobody.
    fn waits(&self, seen: &mut dyn Seen, other: Waiting) -> Result<Progress, RunError> {
        seen.in_use(true);
        let by = user(other);
        let Job { lease, printer, waits, .. } = self.job;
        if !waits {
            return Err(RunError::InUse { by });
        }
        self.meeting.waits();
        printer.phase(&format!("waiting for {lease}, used by {by}"));
        Ok(printer.progress(format!("waiting for {lease}")))
    }

    /// What the box says that it holds is what was wanted; that is believed from now on.
    fn confirm(&self, synced: &Synced) -> Result<(), RunError> {
        self.meeting.goes_on();
        let wanted = self.wanted()?;
        if synced.root != wanted.root {
            return Err(RunError::WrongTree);
        }
        if !wanted.is_held() {
            // A belief that can't be kept costs time, never correctness.
            let _ = wanted.base.store(wanted.tree, self.job.source.head().as_deref());
        }
        Ok(())
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
}

/// Who has a session in the workspace, by what they say of themselves.
fn user(other: Waiting) -> String {
    if other.holder.is_empty() { "another session".to_owned() } else { other.holder }
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
