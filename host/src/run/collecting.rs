//! The last part of a session: what the command has made comes here. The command's end has been told by then, and
//! nothing of this changes it.
//!
//! Where the connection ends on the way, another session goes on with what isn't there yet, once; a part that can't be
//! put down here is left out, and the others still come.

use super::outcome::Outcome;
use super::quiet::Quiet;
use super::session::Conversation;
use crate::collect::{Collected, Errand, Here, Kind, LeftOut, Unmade, Wanted};
use crate::copy::{CopyError, Unpacker};
use crate::fault;
use crate::output::Progress;
use crate::transport::{LocalEnd, Route};
use crate::visit::{Session, VisitError};
use crabbox_copy::receive::ReceiveError;
use crabbox_wire::collect::{Collect, Later};
use crabbox_wire::copy::Record;
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::{Identity, Marker, Request};
use std::io::{Read, Write};
use std::path::PathBuf;
use tracing::info_span;

/// So often may the connection end on the way, or not be had any more.
const LOSSES: u32 = 1;

/// Why not all of it came.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// There is no place for it.
    #[error(transparent)]
    Room(#[from] Unmade),
    /// The box sends more than it was asked for.
    #[error("the box sends more than it was asked for")]
    TooMuch,
}

/// What is done about it.
enum Then {
    /// The rest may come by another session.
    Again,
    /// The same, without the part that it happened to.
    Without,
    /// No more is asked of this box.
    Nothing,
}

impl Broken {
    fn then(&self) -> Then {
        match self {
            Self::Copy(
                CopyError::Visit(VisitError::Ended { .. } | VisitError::Transport(_))
                | CopyError::Receive(ReceiveError::Gone(_)),
            ) => Then::Again,
            Self::Room(_)
            | Self::Copy(CopyError::Receive(ReceiveError::Target(_) | ReceiveError::Full { .. })) => {
                Then::Without
            }
            Self::Copy(_) | Self::TooMuch => Then::Nothing,
        }
    }
}

/// What was asked for, and how far that is.
struct Collecting<'a> {
    wanted: &'a Wanted,
    errands: Vec<Errand>,
    /// So many of them are over.
    done: usize,
    collected: Collected,
    /// What there is of the next one.
    begun: Collected,
}

impl Conversation<'_> {
    /// Brings here what was asked for; the command has ended so.
    pub(super) fn collect(
        &mut self,
        wanted: &Wanted,
        input: &mut impl Read,
        outcome: Outcome,
    ) -> Collected {
        let job = self.job;
        let mut collecting = Collecting::of(wanted);
        if !self.listener.collecting(self.process.local_end(), outcome) {
            return collecting
                .finish(Some("interrupted before anything was brought back".to_owned()));
        }
        let _span = info_span!("collect").entered();
        fault::point("collect.before");
        let progress = job.printer.progress(format!("bringing back files from {}", job.lease));
        let mut losses = 0;
        let mut taken =
            collecting.take(input, &mut self.outbox.clone(), self.process.local_end(), &progress);
        while let Err(error) = taken {
            if self.listener.is_stopped() {
                return collecting.finish(Some("interrupted".to_owned()));
            }
            match error.then() {
                Then::Again if losses < LOSSES => losses += 1,
                Then::Without if collecting.leave_out(&error) => {}
                Then::Without => break,
                Then::Again | Then::Nothing => return collecting.finish(Some(error.to_string())),
            }
            // The box may still be sending.
            self.process.terminate();
            taken = self.in_another_session(&mut collecting, &progress, outcome);
        }
        collecting.finish(None)
    }

    fn in_another_session(
        &self,
        collecting: &mut Collecting<'_>,
        progress: &Progress,
        outcome: Outcome,
    ) -> Result<(), Broken> {
        let job = self.job;
        let (Some(run), Some(proof)) = (&job.request.run, self.proof.get()) else {
            return Err(CopyError::from(VisitError::Order).into());
        };
        let packed = run.collect.as_ref().is_some_and(|collect| collect.packed);
        let collect = Collect { parts: collecting.rest(), packed };
        let identity = match &job.request.identity {
            // It was compared with nothing then, and is with what it showed.
            Identity::Record => Identity::Machine {
                machine_id: proof.machine_id.clone(),
                boot_id: proof.boot_id.clone(),
            },
            other => other.clone(),
        };
        let request = Request {
            identity,
            marker: Marker::Expect { hash: proof.marker.clone() },
            sync: None,
            run: None,
            collect: Some(Later { run: run.id.clone(), collect }),
            ..job.request.clone()
        };
        let mut started = |process| {
            // Whoever has asked to leave since has met the session before, and this one is no more wanted.
            if !self.listener.collecting(process, outcome) {
                process.terminate();
            }
        };
        let opened = Session::proved_by(&job.route, &request, &mut started);
        let mut session = opened.map_err(CopyError::from)?;
        let taken = {
            let end = session.process.local_end();
            collecting.take(&mut session.input, &mut session.output, end, progress)
        };
        if taken.is_err() {
            session.process.terminate();
        }
        taken
    }
}

impl<'a> Collecting<'a> {
    fn of(wanted: &'a Wanted) -> Self {
        let (collected, begun) = (Collected::default(), Collected::default());
        Self { wanted, errands: wanted.errands(), done: 0, collected, begun }
    }

    /// What is still to be asked for.
    fn rest(&self) -> Vec<crabbox_wire::collect::Part> {
        self.errands[self.done..].iter().map(|errand| errand.part.clone()).collect()
    }

    /// Takes what comes, part by part.
    fn take(
        &mut self,
        input: &mut impl Read,
        output: &mut impl Write,
        process: LocalEnd,
        progress: &Progress,
    ) -> Result<(), Broken> {
        let quiet = Quiet::watch(process);
        while self.done < self.errands.len() {
            self.begun = Collected::default();
            let errand = &self.errands[self.done];
            let mut here = Here::new(errand, &mut *output, progress);
            let taken = take_one(self.wanted, errand, input, &mut here, &quiet);
            match taken {
                Ok(end) => here.tell(Some(end), &mut self.collected),
                Err(error) => {
                    here.tell(None, &mut self.begun);
                    return Err(error);
                }
            }
            self.done += 1;
        }
        Ok(())
    }

    /// Goes on without the part that failed. `false`: it was the last one.
    fn leave_out(&mut self, why: &Broken) -> bool {
        let kind = self.errands.get(self.done).map_or(Kind::Download, |errand| errand.kind);
        self.collected.absorb(std::mem::take(&mut self.begun));
        let path = self.errands.get(self.done).map_or_else(PathBuf::new, Errand::source);
        self.collected.leave_out(LeftOut { kind, path, why: why.to_string() });
        self.done += 1;
        self.done < self.errands.len()
    }

    fn finish(mut self, broke_off: Option<String>) -> Collected {
        self.collected.absorb(self.begun);
        self.collected.missing = self.wanted.missing(&self.collected.artifacts);
        self.collected.undone = self.errands[self.done..].iter().flat_map(Errand::undone).collect();
        self.collected.broke_off = broke_off.or(self.collected.broke_off);
        self.wanted.forget_unasked(&mut self.collected);
        self.collected
    }
}

/// Brings here what a run has made that is over by now, in a session of its own, which the request asks for. What breaks
/// it off once something has come is told in what comes of it.
pub fn bring_later(
    route: &Route<'_>,
    request: &Request,
    wanted: &Wanted,
    progress: &Progress,
) -> Result<Collected, CopyError> {
    let mut session = Session::proved(route, request)?;
    let mut collecting = Collecting::of(wanted);
    let taken = {
        let end = session.process.local_end();
        collecting.take(&mut session.input, &mut session.output, end, progress)
    };
    if taken.is_err() {
        session.process.terminate();
    }
    match taken {
        Ok(()) => Ok(collecting.finish(None)),
        Err(Broken::Copy(error @ CopyError::Visit(VisitError::Box(_)))) => Err(error),
        Err(error) => Ok(collecting.finish(Some(error.to_string()))),
    }
}

fn take_one<W: Write>(
    wanted: &Wanted,
    errand: &Errand,
    input: &mut impl Read,
    here: &mut Here<'_, W>,
    quiet: &Quiet,
) -> Result<crabbox_wire::collect::Collected, Broken> {
    let mut receiver = errand.receiving(wanted.overwrite);
    let mut unpacker = Unpacker::new().map_err(CopyError::Unpack)?;
    let mut buffer = Vec::new();
    let mut has_room = false;
    loop {
        fault::point("collect.block");
        let plain;
        let block = match ToHost::read(input, &mut buffer).map_err(CopyError::from)? {
            None => return Err(CopyError::from(VisitError::Ended { stderr: String::new() }).into()),
            Some(ToHost::Failed(failure)) => {
                return Err(CopyError::from(VisitError::Box(failure)).into());
            }
            Some(ToHost::Collected(end)) if here.is_over() => return Ok(end),
            Some(ToHost::Copy(block)) if !here.is_over() => block,
            Some(ToHost::CopyPacked(packed)) if !here.is_over() => {
                plain = unpacker.unpack(packed).map_err(CopyError::Unpack)?;
                &plain
            }
            Some(ToHost::Taken(_) | ToHost::Pong) => continue,
            Some(_) => return Err(CopyError::from(VisitError::Order).into()),
        };
        quiet.hear();
        if !has_room && Record::take(&mut &*block) != Ok(Record::End) {
            wanted.make_room(errand.kind)?;
            has_room = true;
        }
        receiver.block(block, here).map_err(CopyError::from)?;
        if !here.is_bounded() {
            return Err(Broken::TooMuch);
        }
    }
}
