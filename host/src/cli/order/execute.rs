//! The way of an order: a box, the tree on it, the command, if there is one, and letting go.

use super::attempt::{Attempt, Reached, Tried};
use super::dirty::Dirty;
use super::explain::{Failed, explain};
use super::settle::settle_beside;
use super::{Done, Order, Unreleased, record};
use crate::claims::Moment;
use crate::cli::caretaker::{is_ephemeral, look_after};
use crate::cli::config::error_to_json;
use crate::cli::{Shared, bounds, parked};
use crate::config::Settings;
use crate::fault;
use crate::history::Recording;
use crate::lease::{Desk, End, Held, How, Leaving, Linger, Prolong, Prolonging};
use crate::output::{CommandError, Exit, Printer, Typed, human, to_type};
use crate::registry::FindError;
use crate::run::{Finished, Listener, Purpose, RunError};
use crate::sync::{self, Scan, Scanning};
use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;
use tracing::{debug, info, info_span};

impl Order {
    /// Gets a box, makes it hold the tree, runs what is to be run, and lets go of the box.
    /// What comes of it is noted in the recording.
    pub(in crate::cli) fn carry_out(
        &self,
        shared: &Shared,
        recording: Option<&Recording>,
    ) -> Result<Done, Failed> {
        let result = shared.desk(&self.places, &self.settings).map_err(Failed::from);
        let result = result.and_then(|desk| {
            self.run(desk.with_asking(self.can_ask(shared.printer)), shared.printer, recording)
        });
        if let Some(recording) = recording {
            record::note_end(recording, &result);
        }
        result
    }

    /// Can `ssh` ask somebody? A run might be anybody's; who warms a box up sits before it.
    pub(super) fn can_ask(&self, printer: Printer) -> bool {
        let sees = io::stdin().is_terminal() && io::stderr().is_terminal();
        self.purpose() == Purpose::Warmup && sees && !printer.json
    }

    fn check_lease(&self, desk: &Desk) -> Result<(), CommandError> {
        let Some(id) = &self.wanted.id else { return Ok(()) };
        if self.named.is_none() && self.settings.providers.is_none() {
            return Ok(());
        }
        let claim = desk.find(id)?;
        let named = &self.settings.provider;
        if self.named.is_some() && *named != claim.provider {
            desk.registry.find(named)?;
            let (slug, of) = (&claim.slug, &claim.provider);
            let message = format!("`{slug}` is a lease of `{of}`, not of `{named}`");
            return Err(CommandError::new(Exit::Conflict, message)
                .hint(Typed::here().without("--provider").to_string()));
        }
        bounds::check_provider(&self.settings, &claim)
    }

    fn run(
        &self,
        desk: Desk,
        printer: Printer,
        recording: Option<&Recording>,
    ) -> Result<Done, Failed> {
        let started = Instant::now();
        check_choice(&self.settings, &desk)?;
        self.check_lease(&desk)?;
        let listener = Listener::start(self.purpose(), printer, desk.working(), recording.cloned())
            .map_err(|error| CommandError::failed("signals can't be listened to").because(error))?;
        let Self { source, settings, places, .. } = self;
        let dirty = recording.map(|recording| Dirty::of(recording, source, &places.cache));
        let dirty = dirty.as_ref();
        thread::scope(|scope| {
            // Closed, and so told of, where the tree is first needed.
            let phase = info_span!("scan");
            let (within, phase) = (phase.clone(), Cell::new(Some(phase)));
            let listener = &listener;
            // The tree is read while a box is found and reached.
            let scan = move || {
                let _span = within.entered();
                let scan = sync::scan(source, &settings.exclude, &places.cache, listener.stop());
                debug!("the reading of the checkout has ended");
                scan
            };
            let scanning = Scanning::start(scope, scan, |scan| {
                drop(phase.take());
                if let Some(dirty) = dirty {
                    dirty.read(&scan.against);
                }
                self.announce(scan, printer);
            });
            if let Some(dirty) = dirty {
                dirty.note_head();
            }
            let attempt =
                Attempt { order: self, scanning: &scanning, listener, recording, dirty, printer };
            let result = self.run_beside(&attempt, desk, started);
            if let Some(dirty) = dirty {
                dirty.note();
            }
            // Nobody wants it any more.
            listener.stop().store(true, Ordering::Relaxed);
            result
        })
    }

    fn announce(&self, scan: &Scan, printer: Printer) {
        let files = human::count(scan.tree.entries().len() as u64, "file");
        info!("the checkout `{}` holds {files}", self.source.root.display());
        for warning in &scan.warnings {
            printer.warning(warning);
        }
    }

    fn run_beside(
        &self,
        attempt: &Attempt<'_>,
        mut desk: Desk,
        started: Instant,
    ) -> Result<Done, Failed> {
        let Attempt { listener, recording, printer, .. } = *attempt;
        let held = info_span!("acquire").in_scope(|| {
            let mut held = desk.acquire(&self.wanted)?;
            let is_started = held.how == How::Started;
            self.limit(&mut desk, &mut held, is_started).map(|()| held)
        });
        let held = held.map_err(|error| Failed::of_acquiring(error, listener, self.purpose()))?;
        listener.acquired();
        settle_beside(&self.places.state);
        let ready = started.elapsed();
        let claim = &held.claim;
        let took = human::duration(ready);
        info!("{} ({}) is ready after {took}", claim.slug, claim.id);

        if let Some(recording) = recording {
            record::note_lease(recording, &held, Some(ready));
            recording.note(|run| run.way.waited_ms = record::millis(desk.waited()));
        }

        let mut prolonging = self.prolong(&desk, &held, printer);
        let tried = if let Some(signal) = listener.received() {
            Ok((held, Err(RunError::Interrupted(signal)), Reached::Nothing))
        } else {
            attempt.run(&mut desk, held, &mut prolonging)
        };
        let stays = |(held, result, reached): &Tried| {
            *reached == Reached::InUse || self.stays(held, result.is_ok())
        };
        prolonging.end(tried.as_ref().is_ok_and(stays));
        let (mut held, result, reached) =
            tried.map_err(|error| Failed::of_acquiring(error, listener, self.purpose()))?;
        let outcome = result.as_ref().map_or_else(RunError::outcome, Finished::outcome);
        let outcome = self.purpose().outcome(outcome);
        listener.releasing(outcome);
        let settings = &self.settings;
        let releasing = printer.progress(format!("letting go of {}", held.claim.slug));
        if let Some(recording) = recording {
            // Another box may have been taken meanwhile.
            record::note_lease(recording, &held, None);
        }
        fault::point("run.before.let_go");
        let handed = &settings.provider_settings.handed;
        let became = match &result {
            Err(error) if error.is_of_ended_connection() => desk.became(&held.claim, handed),
            _ => None,
        };
        let leaving = self.leaving(result.is_ok(), reached);
        let end = info_span!("release").in_scope(|| desk.let_go(&mut held, &leaving, handed));
        let unreached = |error: &&RunError| reached == Reached::Nothing && error.is_of_the_way();
        if let (Ok(_), Some(error)) = (&end, result.as_ref().err().filter(unreached)) {
            // It is let go of either way.
            if let Err(error) = desk.note_unreached(&mut held.claim, &error.to_string()) {
                printer.warning(&error.to_string());
            }
        }
        fault::point("run.after.let_go");
        drop(releasing);
        if matches!(end, Ok(End::Ready | End::Lingers)) {
            look_after(printer, &self.places, settings, &desk.registry, &held.claim);
        }
        listener.done(outcome);
        let end = end.map_err(|error| Unreleased {
            slug: held.claim.slug.clone(),
            error: error.to_string(),
        });
        match result {
            Ok(finished) => {
                let warnings = settings.warnings.iter().map(error_to_json).collect();
                let total = started.elapsed();
                let was_ready = held.how == How::FoundReady;
                let parked = parked::of_checkout(&desk.store, &self.source.root, settings);
                let claim = held.claim;
                Ok(Done { finished, claim, was_ready, end, parked, ready, total, warnings })
            }
            Err(error) => {
                let failed = explain(&error, &held.claim, self).since(became);
                Err(Failed { unreleased: end.err().map(Box::new), ..failed })
            }
        }
    }
}

impl Order {
    fn leaving(&self, is_well: bool, reached: Reached) -> Leaving {
        let is_warm = self.is_warm(is_well);
        let time = self.settings.linger;
        let linger = Linger { time, looked_after: !is_ephemeral() };
        Leaving {
            keep: self.wanted.keep,
            // Nothing is taken from under the hands of whoever uses it.
            ready: is_warm || reached == Reached::InUse,
            idle: self.settings.idle,
            asked_idle: self.asked.idle,
            longest_idle: self.settings.longest_idle,
            linger: Some(linger).filter(|_| !time.is_zero()),
            run_is_over: (is_well || reached != Reached::Box) && !is_warm,
        }
    }

    fn is_warm(&self, is_well: bool) -> bool {
        is_well && self.purpose() == Purpose::Warmup
    }

    /// Is the box left ready in any case?
    fn stays(&self, held: &Held, is_well: bool) -> bool {
        let stayed = held.claim.keep || held.how == How::FoundReady;
        self.wanted.keep || stayed || self.is_warm(is_well)
    }

    /// On a machine that is thrown away, whoever may have `started` a box has its provider end it in time.
    pub(super) fn limit(
        &self,
        desk: &mut Desk,
        held: &mut Held,
        started: bool,
    ) -> Result<(), CommandError> {
        if !started || !is_ephemeral() || held.claim.ending.action().is_none() {
            return Ok(());
        }
        let ttl = desk.own_ttl(&held.claim, self.asked.ttl, self.settings.ttl);
        desk.limit(held, ttl, &self.settings.provider_settings.handed)
    }

    /// The box gets more time while the run goes on. One that was somebody's before never ends by a time.
    pub(super) fn prolong(&self, desk: &Desk, held: &Held, printer: Printer) -> Prolonging {
        let ends = held.claim.ending.action().is_some();
        let deadline = held.claim.deadline.clone().filter(|_| ends);
        let prolong = Prolong {
            lease: held.claim.id.clone(),
            asked: self.is_asked_for_more(held, deadline.as_ref(), printer),
            deadline,
            ttl: desk.own_ttl(&held.claim, self.asked.ttl, self.settings.ttl),
            started: held.how == How::Started && !is_ephemeral(),
            settings: self.settings.provider_settings.handed.clone(),
        };
        Prolonging::start(desk, prolong)
    }

    /// Does the line ask for more time than a box has that stood ready? If for less, that is told of.
    fn is_asked_for_more(&self, held: &Held, deadline: Option<&Moment>, printer: Printer) -> bool {
        let ready = deadline.filter(|_| held.how == How::FoundReady);
        let Some((ttl, deadline)) = self.asked.ttl.zip(ready) else {
            return false;
        };
        let left = deadline.left().unwrap_or_default();
        if left > ttl {
            let (slug, left) = (&held.claim.slug, human::left(left));
            printer.phase(&format!(
                "{slug} may stay for {left} already, and `--ttl` takes nothing away"
            ));
        }
        left < ttl
    }
}

/// A repository may name only a provider that came with this program or that the user
/// has configured: else a checkout would choose what code runs here.
fn check_choice(settings: &Settings, desk: &Desk) -> Result<(), CommandError> {
    if !settings.provider_by_repository || desk.registry.is_bundled(&settings.provider) {
        return Ok(());
    }
    let name = &settings.provider;
    let asked = format!("this repository asks for the provider `{name}`, which");
    if let Err(FindError::Missing { .. }) = desk.registry.find(name) {
        return Err(CommandError::usage(format!("{asked} isn't installed here"))
            .hint(to_type(&["provider", "list"])));
    }
    Err(CommandError::usage(format!("{asked} you haven't configured"))
        .hint(Typed::here().with(&["--provider", name]).to_string())
        .note(format!("`[provider.{name}]` in your own config.toml allows it for good")))
}
