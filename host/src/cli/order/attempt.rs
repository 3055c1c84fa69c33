//! One attempt at a box that is held: what is asked of the helper, and what is
//! recorded of its answer.

use super::dirty::Dirty;
use super::{Order, Program};
use crate::claims::{Claim, Event, Machine, Store, describe_holder};
use crate::history::{Recording, Way, cleaned};
use crate::lease::{
    Desk, Doubt, Held, How, InUse, Prolonging, place_folder, to_show, workspace_name,
};
use crate::output::{CommandError, Printer};
use crate::run::{self, Finished, Job, Listener, RunError, Seen};
use crate::sync::{Scanning, SyncError, Wanted};
use crate::transport::{Answers, Route, answered, ssh};
use crabbox_provider_api::payload::{Endpoint, Transport};
use crabbox_wire::message::{Environment, Marker, Proof, Request, Run as RunRequest};
use crabbox_wire::text::Text;
use std::mem;
use std::time::Duration;
use tracing::info_span;

/// How long the helper isn't started for a checkout that is still being read: a small one is read by
/// then, and what is wanted goes with the request, which saves a frame and on some ways a round trip.
const HEAD_START: Duration = Duration::from_millis(10);

/// An order with all that it needs but a box.
pub(super) struct Attempt<'a> {
    pub(super) order: &'a Order,
    pub(super) scanning: &'a Scanning<'a>,
    pub(super) listener: &'a Listener,
    pub(super) recording: Option<&'a Recording>,
    pub(super) dirty: Option<&'a Dirty<'a>>,
    pub(super) printer: Printer,
}

/// How far a session got.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// The box hasn't proved itself: nothing was done.
    Nothing,
    /// Somebody else has a session on it, of another state folder most likely: nothing was done.
    InUse,
    /// Something may have been done to it.
    Box,
}

/// A session's result, and the box that it was tried on last.
pub(super) type Tried = (Held, Result<Finished, RunError>, Reached);

impl Attempt<'_> {
    /// Makes the held box hold the tree, and runs the command there, if there is one. What the claim of a box that
    /// stood ready says may be old: where a connection would have to be made that could lead to another box, the provider
    /// is asked first, and where it leads nowhere, or elsewhere, once. Nothing is done to a box before it has proved itself.
    pub(super) fn run(
        &self,
        desk: &mut Desk,
        mut held: Held,
        prolonging: &mut Prolonging,
    ) -> Result<Tried, CommandError> {
        if let Some(signal) = self.listener.received() {
            return Ok((held, Err(RunError::Interrupted(signal)), Reached::Nothing));
        }
        let is_connected = self.is_connected(&held);
        if let Transport::Ssh(_) = held.endpoint.transport {
            self.note(|way| way.connected = Some(is_connected));
        }
        // A place is known by what lies in it. Its provider says no more of the way than the claim does.
        let is_place = place_folder(&held.claim).is_some();
        let is_certain = is_connected || held.endpoint.immutable || is_place;
        if held.how == How::FoundReady && !is_certain && !desk.has_asked(&held.claim) {
            return self.again(desk, held, prolonging, None);
        }
        match self.on_box(desk, &mut held) {
            (Err(error), Reached::Nothing) if may_be_elsewhere(&held, &error) => {
                let is_refusal = error.is_refusal();
                // Nothing starts a machine that isn't there: by the same way it would be waited for twice.
                let is_by_way = is_place && !is_connected && !is_refusal;
                let unless = Some(held.endpoint.clone()).filter(|_| is_by_way);
                let doubt = Doubt { why: error.to_string(), is_refusal, unless };
                self.again(desk, held, prolonging, Some((error, doubt)))
            }
            (result, reached) => Ok((held, result, reached)),
        }
    }

    /// The same after the provider was asked for the way to the box, since a first session came to nothing, if there was one.
    fn again(
        &self,
        desk: &mut Desk,
        held: Held,
        prolonging: &mut Prolonging,
        first: Option<(RunError, Doubt)>,
    ) -> Result<Tried, CommandError> {
        if let Err(signal) = self.listener.acquiring() {
            return Ok((held, Err(RunError::Interrupted(signal)), Reached::Nothing));
        }
        self.note(|way| way.asked_again = true);
        let before = held.claim.id.clone();
        let doubt = first.as_ref().map(|(_, doubt)| doubt);
        let mut held =
            info_span!("acquire").in_scope(|| desk.take_again(held, doubt, &self.order.wanted))?;
        // Of a new one it knows since it was made.
        let is_started = held.how != How::Acquired;
        self.order.limit(desk, &mut held, is_started)?;
        self.listener.acquired();
        if held.claim.id != before {
            let other = self.order.prolong(desk, &held, self.printer);
            mem::replace(prolonging, other).end(false);
        }
        match first {
            Some((error, doubt)) if doubt.unless.as_ref() == Some(&held.endpoint) => {
                Ok((held, Err(error), Reached::Nothing))
            }
            _ => {
                let (result, reached) = self.on_box(desk, &mut held);
                Ok((held, result, reached))
            }
        }
    }

    /// Is there a connection to the box, by the way in its claim?
    fn is_connected(&self, held: &Held) -> bool {
        let transport = &held.endpoint.transport;
        let lease = held.claim.id.as_str();
        let state = &self.order.places.state;
        Route { lease, transport, state, declared: &Vec::new, may_ask: false }.is_open()
    }

    fn on_box(&self, desk: &mut Desk, held: &mut Held) -> (Result<Finished, RunError>, Reached) {
        let Endpoint { transport, work_root, same_machine, .. } = held.endpoint.clone();
        let slug = held.claim.slug.clone();
        let Some(identity) = to_show(&held.claim) else {
            return (Err(RunError::Unprovable), Reached::Nothing);
        };
        let mut request = Request {
            protocol: crabbox_wire::PROTOCOL,
            lease: held.claim.id.to_string(),
            identity,
            marker: match held.claim.way().and_then(|way| way.marker.clone()) {
                Some(hash) => Marker::Expect { hash },
                None => Marker::Write,
            },
            work_root: Text(work_root.into_bytes()),
            workspace: Text(workspace_name(&self.order.source.root)),
            sync: None,
            run: self.order.program.as_ref().map(|program| self.program(program, same_machine)),
            look: None,
            probe: false,
            place: None,
            copy: None,
            collect: None,
            tunnel: None,
            holder: describe_holder(),
        };
        let (registry, provider) = (&desk.registry, held.claim.provider.clone());
        let id = held.claim.id.clone();
        let route = Route {
            lease: id.as_str(),
            transport: &transport,
            state: &self.order.places.state,
            declared: &|| Desk::declared(registry, &provider),
            may_ask: false,
        };
        ssh::close_other_ways(&route);
        let cache = &self.order.places.cache;
        let tree = match self.scanning.tree_within(HEAD_START) {
            Ok(tree) => tree,
            Err(error) => return (Err(self.name_signal(error.into())), Reached::Nothing),
        };
        let wanted = |request: &Request| tree.map(|tree| Wanted::of(tree, cache, request));
        request.sync = wanted(&request).as_ref().map(Wanted::request);
        self.note(|way| way.read_in_time = Some(tree.is_some()));
        let mut record = Record {
            store: &mut desk.store,
            claim: &mut held.claim,
            recording: self.recording,
            dirty: self.dirty,
            reached: Reached::Nothing,
        };
        let answers = Answers { can_ask: self.order.can_ask(self.printer), printer: self.printer };
        let run = |route: &Route<'_>| {
            let job = Job {
                route: *route,
                lease: &slug,
                request: &request,
                environment: self.environment(),
                source: &self.order.source,
                scanning: self.scanning,
                cache,
                collect: self.order.program.as_ref().and_then(|program| program.collect.as_ref()),
                allow_mass_deletion: self.order.allow_mass_deletion,
                waits: self.order.wanted.in_use != InUse::Refuse,
                output_to_stderr: self.printer.json,
                log: self.recording.map(|one| one.log().clone()).unwrap_or_default(),
                printer: self.printer,
            };
            run::run(&job, wanted(&request), &mut record, self.listener)
        };
        let result = answered(&route, answers, run, RunError::unreached, RunError::from);
        let reached = record.reached;
        if let (Ok(_), Ok(tree)) = (&result, self.scanning.tree()) {
            self.note(|way| way.entries = Some(tree.entries().len() as u64));
        }
        (result.map_err(|error| self.name_signal(error)), reached)
    }

    fn program(&self, program: &Program, same_machine: bool) -> RunRequest {
        let timeout = self.order.settings.timeout;
        RunRequest {
            id: program.run.clone(),
            command: program.command.clone(),
            directory: program.directory.clone(),
            environment: run::inherit(same_machine && !program.clean_env),
            await_environment: !program.environment.0.is_empty(),
            stdin: run::stdin_is_forwarded(),
            timeout_ms: timeout
                .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            collect: program.collect.as_ref().and_then(|wanted| wanted.request(!same_machine)),
        }
    }

    /// Notes something of the way to the box.
    fn note(&self, change: impl FnOnce(&mut Way)) {
        if let Some(recording) = self.recording {
            recording.note(|run| change(&mut run.way));
        }
    }

    fn environment(&self) -> Environment {
        self.order.program.as_ref().map(|program| program.environment.clone()).unwrap_or_default()
    }

    /// Reading the checkout stops at a signal; which one, the listener knows.
    fn name_signal(&self, error: RunError) -> RunError {
        match (error, self.listener.received()) {
            (RunError::Sync(SyncError::Stopped), Some(signal)) => RunError::Interrupted(signal),
            (error, _) => error,
        }
    }
}

/// May another question to its provider lead on? What is known of one that stood ready may be old; and of one that was
/// just found, whether a lease's place is there is said by nobody but the box.
fn may_be_elsewhere(held: &Held, error: &RunError) -> bool {
    match held.how {
        How::FoundReady => error.may_pass(),
        How::Started => error.is_refusal() && place_folder(&held.claim).is_some(),
        How::Acquired => false,
    }
}

/// Notes in the claim what the box showed, before anything is done to it.
struct Record<'a> {
    store: &'a mut Store,
    claim: &'a mut Claim,
    recording: Option<&'a Recording>,
    dirty: Option<&'a Dirty<'a>>,
    reached: Reached,
}

impl Seen for Record<'_> {
    fn proved(&mut self, proof: &Proof) -> Result<(), RunError> {
        self.reached = Reached::Box;
        if let Some(recording) = self.recording {
            recording.note(|run| run.facts = Some(cleaned(&proof.facts)));
        }
        let machine =
            Machine { machine_id: proof.machine_id.clone(), boot_id: proof.boot_id.clone() };
        let known = self.claim.way().is_some_and(|way| {
            way.machine.as_ref() == Some(&machine) && way.marker.as_ref() == Some(&proof.marker)
        });
        if !known {
            let event = Event::Note { machine, marker: proof.marker.clone() };
            self.store.transition(self.claim, &event)?;
        }
        if let Some(dirty) = self.dirty {
            dirty.ask();
        }
        Ok(())
    }

    fn in_use(&mut self, by_another: bool) {
        self.reached = if by_another { Reached::InUse } else { Reached::Box };
    }
}
