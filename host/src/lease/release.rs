//! Lets go of a box: leaves it ready, parks it, or deletes it.

use super::acquire::{Held, How};
use super::answer::{NOT_VISIBLE, is_the_same, why_not};
use super::desk::{Clerk, Desk};
use crate::claims::{Claim, Event, State};
use crate::output::{CommandError, Exit, to_type};
use crate::provider::Provider;
use crabbox_provider_api::payload::{
    Intent, Proof, ReleaseAction, ReleaseRequest, Released, Resolution, Settings,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How long a provider may take to park or delete a resource.
const RELEASE_DEADLINE: Duration = Duration::from_mins(10);

/// What became of the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It stays ready.
    Ready,
    /// It is stopped, and still ours.
    Parked,
    /// It is gone.
    Deleted,
    /// There was none.
    Closed,
}

impl End {
    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Parked => "parked",
            Self::Deleted => "deleted",
            Self::Closed => "closed",
        }
    }
}

impl Desk {
    /// Lets go of a box after a run: a kept one, and one that stood ready before, stays ready for
    /// `idle`; any other is released by the action that was settled when it was leased.
    pub fn let_go(
        &mut self,
        held: &mut Held,
        keep: bool,
        idle: Duration,
        settings: &Settings,
    ) -> Result<End, CommandError> {
        let claim = &mut held.claim;
        if keep || claim.keep || held.how == How::FoundReady {
            let deadline = SignedDuration::try_from(idle)
                .ok()
                .and_then(|idle| Timestamp::now().checked_add(idle).ok());
            self.store.transition(claim, Event::Free, |claim| {
                claim.keep |= keep;
                claim.trouble = None;
                claim.idle_deadline = deadline;
            })?;
            return Ok(End::Ready);
        }
        let action = claim.release;
        self.store.transition(claim, Event::Release, |_| ())?;
        let mut provider = self.provider(&claim.provider)?;
        let _section = self.working.begin();
        self.finish(&mut provider, claim, action, settings)
    }

    /// Parks or deletes the box of a claim that nobody uses.
    pub fn stop(
        &mut self,
        reference: &str,
        delete: bool,
        settings: &Settings,
    ) -> Result<(Claim, End), CommandError> {
        let claim = self.find(reference)?;
        let _holder = match self.store.hold(&claim.id)? {
            Ok(holder) => holder,
            Err(by) => {
                return Err(CommandError::new(
                    Exit::Conflict,
                    format!("`{}` is in use by {by}", claim.slug),
                )
                .hint("end that command first"));
            }
        };
        let mut claim = self.find(claim.id.as_str())?;
        let action = if delete { ReleaseAction::Delete } else { claim.release };
        match (claim.state, action) {
            (State::Released, _) => return Ok((claim, End::Deleted)),
            (State::Parked, ReleaseAction::Park) if claim.trouble.is_none() => {
                return Ok((claim, End::Parked));
            }
            (State::Lost, _) => {
                return Err(CommandError::new(
                    Exit::NotFound,
                    format!("the box of `{}` is gone already", claim.slug),
                ));
            }
            (State::Leasing | State::Failed, _) if claim.resource.name.is_empty() => {
                // What may exist is named before it is made, so nobody has to be asked.
                self.store.transition(&mut claim, Event::Nothing, |_| ())?;
                return Ok((claim, End::Closed));
            }
            _ => {}
        }
        let line = ["stop", &claim.slug, "--delete"];
        let again = to_type(if delete { &line } else { &line[..2] });
        let mut provider = self.provider(&claim.provider).map_err(|error| match error.kind() {
            Exit::NotFound => stays(error.hint(format!("{again} --provider-path DIR"))),
            _ => error,
        })?;
        let _section = self.working.begin();
        match self.end(&mut provider, &mut claim, action, settings) {
            Ok(end) => Ok((claim, end)),
            Err(error) if error.kind() == Exit::Conflict => {
                Err(stays(error.hint(format!("{again}, once its provider vouches for it again"))))
            }
            Err(error) => Err(error),
        }
    }

    /// Parks or deletes what is proven ours, or closes the claim of what is proven gone.
    fn end(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        action: ReleaseAction,
        settings: &Settings,
    ) -> Result<End, CommandError> {
        if self.intend(provider, claim, action, settings)? {
            self.finish(provider, claim, action, settings)
        } else {
            Ok(End::Deleted)
        }
    }

    /// Makes the intent to release durable, of a resource that is proven ours. `false`: it is
    /// proven gone, and its claim is closed.
    fn intend(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        action: ReleaseAction,
        settings: &Settings,
    ) -> Result<bool, CommandError> {
        if claim.resource.id.is_some() && claim.scope.is_some() {
            self.store.transition(claim, Event::Release, |claim| claim.release = action)?;
            return Ok(true);
        }
        // Leasing broke off before the id was known: only what the provider proves is touched.
        match self.resolve(provider, claim, Intent::Status, settings)? {
            Resolution::Found(found) if is_the_same(&claim.resource, &found.resource) => {
                self.store.transition(claim, Event::Release, |claim| {
                    claim.resource = found.resource;
                    claim.scope = Some(found.scope);
                    claim.attributes = found.attributes;
                    claim.release = action;
                })?;
                Ok(true)
            }
            Resolution::Missing { proof: Proof::Deleted } => {
                self.store.transition(claim, Event::Gone, |_| ())?;
                Ok(false)
            }
            other => Err(CommandError::new(
                Exit::Conflict,
                format!("`{}` is left alone: {}", claim.slug, why_not(&other)),
            )),
        }
    }

    /// From `releasing` to its end.
    fn finish(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        action: ReleaseAction,
        settings: &Settings,
    ) -> Result<End, CommandError> {
        let released = match self.call_release(provider, claim, action, settings) {
            Ok(released) => released,
            Err(error) => {
                self.note_trouble(claim, &error.to_string())?;
                return Err(error);
            }
        };
        let why = match released {
            Released::Parked if claim.rolled_back => {
                self.store.transition(claim, Event::LeaseFailed, |_| ())?;
                return Ok(End::Parked);
            }
            Released::Parked => {
                self.store.transition(claim, Event::Parked, |claim| {
                    claim.endpoint = None;
                    claim.keep = false;
                    claim.idle_deadline = None;
                    claim.trouble = None;
                })?;
                return Ok(End::Parked);
            }
            Released::Deleted | Released::Missing { proof: Proof::Deleted } => {
                self.store.transition(claim, Event::Deleted, |claim| claim.endpoint = None)?;
                return Ok(End::Deleted);
            }
            Released::Missing { proof: Proof::NotVisible } => NOT_VISIBLE,
            _ => "the provider gives an answer that this crabbox doesn't know",
        };
        self.note_trouble(claim, why)?;
        Err(CommandError::new(
            Exit::Conflict,
            format!("`{}` isn't released, and its claim stays: {why}", claim.slug),
        ))
    }

    /// Calls `release` for a claim.
    pub(super) fn call_release(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        action: ReleaseAction,
        settings: &Settings,
    ) -> Result<Released, CommandError> {
        let scope = claim.scope.clone().ok_or_else(|| {
            CommandError::new(
                Exit::Conflict,
                format!("nothing proves where the resource of `{}` belongs", claim.slug),
            )
        })?;
        let request = ReleaseRequest {
            lease: claim.id.to_string(),
            resource: claim.resource.clone(),
            scope,
            attributes: claim.attributes.clone(),
            action,
            settings: settings.clone(),
        };
        let longest = self.working.patience(RELEASE_DEADLINE);
        let (printer, stop) = (self.printer, self.working.stop());
        let mut clerk = Clerk { store: &mut self.store, claim, printer, stop };
        Ok(provider.release(&request, longest, &mut clerk)?)
    }
}

/// What becomes of a claim that can't be brought to its end now.
fn stays(error: CommandError) -> CommandError {
    error.hint(
        "until then the claim stays, and hinders no run; there is no command yet that forgets it",
    )
}
