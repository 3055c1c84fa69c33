//! Gives the box of a run more time, beside the run and for as long as that goes on. The run waits for
//! none of it, and a failure is told and changes nothing.

use super::desk::{Desk, Origin};
use super::working::Working;
use crate::claims::{LeaseId, Moment};
use crate::output::{CommandError, human};
use crabbox_provider_api::payload::Settings;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tracing::{Span, info};

/// The clock is looked at this often: the machine may sleep meanwhile.
const LOOK: Duration = Duration::from_mins(1);

/// A provider is asked this often at most, whatever little time it gives.
const PAUSE: Duration = Duration::from_secs(30);

/// How long a run waits for an answer that is of use to the next one alone.
const WHILE: Duration = Duration::from_secs(10);

/// Between two looks whether it has ended.
const MOMENT: Duration = Duration::from_millis(1);

/// What is to have more time.
#[derive(Debug)]
pub struct Prolong {
    /// The lease.
    pub lease: LeaseId,
    /// Until when its box may stay now.
    pub deadline: Option<Moment>,
    /// For how long it may stay each time.
    pub ttl: Duration,
    /// Its provider has just started it, and has to be told at once until when it may stay.
    pub started: bool,
    /// The user has just asked for `ttl`, which is more than there is.
    pub asked: bool,
    /// The provider's settings.
    pub settings: Settings,
}

/// Goes on until it is ended.
#[derive(Debug)]
pub struct Prolonging {
    end: Sender<()>,
    /// Hangs up when the thread is over.
    over: Receiver<()>,
    working: Working,
    thread: JoinHandle<()>,
}

impl Prolonging {
    /// Begins beside the work of `desk`.
    #[must_use]
    pub fn start(desk: &Desk, prolong: Prolong) -> Self {
        let (end, ended) = channel();
        let (alive, over) = channel::<()>();
        let working = Working::default();
        let (origin, within) = (desk.origin(), working.clone());
        let span = Span::current();
        let thread = thread::spawn(move || {
            let (_span, _alive) = (span.entered(), alive);
            Thread { prolong, origin, working: within, ended }.run();
        });
        Self { end, over, working, thread }
    }

    /// Ends it. What was begun is broken off; but if the box `stays`, its provider has to know until
    /// when, and has a while for that.
    pub fn end(self, stays: bool) {
        drop(self.end);
        let mut patience = if stays { WHILE } else { Duration::ZERO };
        while self.over.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            // It may be between two steps just now.
            self.working.break_off();
            patience = MOMENT;
        }
        let _ = self.thread.join();
    }
}

struct Thread {
    prolong: Prolong,
    origin: Origin,
    working: Working,
    ended: Receiver<()>,
}

/// What is believed of the box's time, which others may change.
struct Time {
    deadline: Moment,
    /// The most that its provider gives at once.
    span: Duration,
}

impl Thread {
    fn run(self) {
        let Some(deadline) = self.prolong.deadline.clone() else {
            return;
        };
        let mut time = Time { deadline, span: self.prolong.ttl };
        let mut at_once = self.prolong.started || self.prolong.asked;
        let mut pause = Duration::ZERO;
        loop {
            let wait = if at_once { Duration::ZERO } else { time.until_half().max(pause) };
            if !wait.is_zero() {
                let look = wait.min(LOOK);
                if self.is_over_within(look) {
                    return;
                }
                pause = pause.saturating_sub(look);
                continue;
            }
            match self.extend(&mut time, at_once) {
                Ok(true) => {
                    pause = PAUSE.min(self.prolong.ttl / 2);
                    info!("the box may stay until {}", time.deadline.wall);
                }
                // It isn't time yet, as it turns out.
                Ok(false) => {}
                Err(_) if self.working.is_interrupted() => return,
                Err(error) => {
                    let left = time.left();
                    self.warn(&error, left);
                    pause = (left / 2).max(PAUSE);
                }
            }
            at_once = false;
        }
    }

    /// `false`: it needn't be, since somebody else has given it time, its provider never gives as much as
    /// is wanted, or has no deadline to be told of.
    fn extend(&self, time: &mut Time, at_once: bool) -> Result<bool, CommandError> {
        let mut desk = self.origin.clone().desk()?.with_working(self.working.clone());
        let Prolong { lease, ttl, settings, asked, .. } = &self.prolong;
        let claim = desk.find(lease.as_str())?;
        let own = desk.own_deadline(&claim.provider)?;
        let given = own.as_ref().and_then(|own| own.to_extend(*ttl, desk.most(Duration::ZERO)));
        time.span = given.map_or(*ttl, |given| given.min(*ttl));
        if let Some(deadline) = &claim.deadline {
            time.deadline.clone_from(deadline);
        }
        let is_wanted = at_once && (*asked || own.is_some());
        let is_due = is_wanted || time.until_half().is_zero();
        if is_due {
            let claim = desk.prolong(claim, *ttl, settings)?;
            time.deadline = claim.deadline.unwrap_or_else(|| time.deadline.clone());
        }
        Ok(is_due)
    }

    fn warn(&self, error: &CommandError, left: Duration) {
        let printer = self.origin.printer;
        let left = human::duration(left);
        printer.warning(&format!("the box gets no more time, it may stay for {left}: {error}"));
    }

    fn is_over_within(&self, time: Duration) -> bool {
        self.ended.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
    }
}

impl Time {
    fn left(&self) -> Duration {
        self.deadline.left().unwrap_or_default()
    }

    /// How long until less than half of what may be had is left.
    fn until_half(&self) -> Duration {
        self.left().saturating_sub(self.span / 2)
    }
}
