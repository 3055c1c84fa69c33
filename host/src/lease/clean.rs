//! Does what [`super::cleanup`] says of a claim, while nobody else may work with it.

use super::answer::why_not;
use super::cleanup::{self, Facts, Order, RunSeen, Verdict, Why};
use super::desk::Desk;
use super::fate;
use super::release::End;
use crate::claims::{Claim, ClaimError, Event, Moment, Reader, State};
use crate::output::{CommandError, Exit};
use crabbox_provider_api::payload::{Proof, ReleaseAction, Resolution, ResourceState, Settings};

/// What was done to a claim.
#[derive(Debug)]
pub struct Cleaned {
    /// The claim, as it is now.
    pub claim: Claim,
    /// Why anything was done or told.
    pub why: Why,
    /// What it was.
    pub done: Done,
}

/// What was done, or would be.
#[derive(Debug)]
pub enum Done {
    /// Nothing yet: this would be.
    Planned(Verdict),
    /// It stays as it is.
    Left,
    /// Its box is there: the next run may have it.
    Found,
    /// Its box was let go of, or is gone.
    Ended(End),
    /// It couldn't be; the next cleanup tries again.
    Failed(CommandError),
}

impl Cleaned {
    /// Is there something left to try again?
    #[must_use]
    pub fn again(&self) -> bool {
        let of_run = matches!(self.why, Why::RunGoesOn | Why::RunUnknown);
        matches!(self.done, Done::Failed(_)) || of_run && matches!(self.done, Done::Left)
    }
}

/// What a cleanup would do to a claim, for whoever only looks: no lock is taken. `None`: nothing, or somebody works
/// with it.
pub fn plan(store: &Reader, listed: &Claim, order: &Order) -> Result<Option<Cleaned>, ClaimError> {
    let verdict = cleanup::verdict(listed, &facts(RunSeen::Unasked), order);
    let Some(why) = verdict.why() else {
        return Ok(None);
    };
    if store.holder(&listed.id)?.is_some() {
        return Ok(None);
    }
    let done = match verdict {
        Verdict::Report(_) => Done::Left,
        _ => Done::Planned(verdict),
    };
    Ok(Some(Cleaned { claim: listed.clone(), why, done }))
}

impl Desk {
    /// Cleans up after one claim. `None`: all is well with it, or somebody works with it.
    pub fn clean(
        &mut self,
        listed: &Claim,
        order: &Order,
        settings: &dyn Fn(&Claim) -> Result<Settings, CommandError>,
    ) -> Result<Option<Cleaned>, CommandError> {
        // Whose lock isn't needed isn't taken: it would be in the way of a run.
        if cleanup::verdict(listed, &facts(RunSeen::Unasked), order) == Verdict::Leave {
            return Ok(None);
        }
        let Ok(_holder) = self.store.hold(&listed.id)? else {
            return Ok(None);
        };
        // It may have changed between being listed and being locked.
        let Some(mut claim) = self.store.get(&listed.id)? else {
            return Ok(None);
        };
        let verdict = cleanup::verdict(&claim, &facts(RunSeen::Unasked), order);
        let Some(why) = verdict.why() else {
            return Ok(None);
        };
        self.working.set(Some(&claim.slug));
        let cleaned = match verdict {
            Verdict::Report(_) => Ok(Some((why, Done::Left))),
            _ => settings(&claim)
                .and_then(|settings| self.carry_out(&mut claim, verdict, why, order, &settings)),
        };
        self.working.set(None);
        let cleaned = cleaned.unwrap_or_else(|error| Some((why, Done::Failed(error))));
        Ok(cleaned.map(|(why, done)| Cleaned { claim, why, done }))
    }

    /// `None`: it was given more time meanwhile, and all is well with it.
    fn carry_out(
        &mut self,
        claim: &mut Claim,
        verdict: Verdict,
        why: Why,
        order: &Order,
        settings: &Settings,
    ) -> Result<Option<(Why, Done)>, CommandError> {
        if let Verdict::Close(_) = verdict {
            self.store.transition(claim, &Event::Nothing)?;
            return Ok(Some((why, Done::Ended(End::Closed))));
        }
        let mut provider = self.provider(&claim.provider)?;
        let _section = self.working.begin();
        let found = self.ask_about(&mut provider, claim, settings);
        let mut run = RunSeen::Unasked;
        let (why, action) = match verdict {
            Verdict::Release(why, action) => (why, action),
            // Nobody vouches for it already: nothing is noted of its not being found.
            Verdict::Check(_) => return self.check(claim, why, found?).map(Some),
            _ => {
                run = self.ask(claim, found.as_ref().ok());
                match cleanup::verdict(claim, &facts(run), order) {
                    Verdict::Release(why, action) => (why, action),
                    asked => return Ok(Some((asked.why().unwrap_or(why), Done::Left))),
                }
            }
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                // Without its run, which the claim would lose, nobody could tell what it was.
                if claim.state() != State::Busy {
                    self.note_trouble(claim, &error.to_string())?;
                }
                return Err(error);
            }
        };
        if let Resolution::Found(found) = &found {
            let is_off = found.state == ResourceState::Parked && action == ReleaseAction::Park;
            // It would come to the same each time.
            if is_off && claim.has_failed() && why == Why::Failed {
                return Ok(Some((why, Done::Left)));
            }
        }
        // Somebody may have extended it while its provider was asked.
        let still = |now: &Claim| {
            cleanup::verdict(now, &facts(run), order) == Verdict::Release(why, action)
        };
        let end = self.end_found(&mut provider, claim, found, action, settings, still)?;
        Ok(end.map(|end| (why, Done::Ended(end))))
    }

    /// Does the run of a claim go on, by what its box says?
    fn ask(&self, claim: &Claim, found: Option<&Resolution>) -> RunSeen {
        match found {
            Some(Resolution::Missing { proof: Proof::Deleted }) => RunSeen::Over,
            Some(Resolution::Found(found)) if claim.is_about(&found.resource, &found.scope) => {
                let _asking = self.printer.progress(format!("asking {}", claim.slug));
                fate::of_run(claim, found, &self.registry, self.store.folder())
            }
            _ => RunSeen::Unknown,
        }
    }

    /// Closes the claim of a box that is proven gone.
    fn check(
        &mut self,
        claim: &mut Claim,
        why: Why,
        found: Resolution,
    ) -> Result<(Why, Done), CommandError> {
        match found {
            Resolution::Missing { proof: Proof::Deleted } => {
                self.part(claim, &Event::Gone)?;
                Ok((why, Done::Ended(End::Deleted)))
            }
            Resolution::Found(found) if claim.is_about(&found.resource, &found.scope) => {
                Ok((why, Done::Found))
            }
            other => {
                let why = why_not(claim, &other);
                self.note_trouble(claim, &why)?;
                let message = format!("`{}` is left alone: {why}", claim.slug);
                Err(CommandError::new(Exit::Conflict, message))
            }
        }
    }
}

fn facts(run: RunSeen) -> Facts {
    Facts { now: Moment::now(), held: false, run }
}
