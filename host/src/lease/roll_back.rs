//! Undoes a lease that failed, as far as it is proven ours.

use super::answer::{not_visible, why_not};
use super::desk::Desk;
use crate::claims::{Claim, ClaimError, Event, Made, Moment, Owned, State};
use crate::output::{CommandError, to_type, visible};
use crate::transport::{self, Route};
use crabbox_provider_api::Effect;
use crabbox_provider_api::payload::{
    Endpoint, Intent, Proof, ReleaseAction, Released, Resolution, Settings,
};
use std::path::Path;

/// What is left of a lease that failed.
enum Left {
    /// Nothing was made.
    Nothing,
    /// What was made is deleted.
    Deleted,
    /// What may have been made isn't there.
    Gone,
    /// What was made is parked.
    Parked,
    /// What was made stays as it is, as the user wants it; where it is on, the line that leads to it.
    Kept(Box<Owned>, Option<String>),
    /// Nothing is there, and it may still appear until then.
    Late(Moment),
    /// Something may be, for this reason.
    Unsure(String),
}

impl Desk {
    /// Undoes a lease that failed. What the user sees is the original error, with what became of
    /// the rest beneath it. The claim stays, with all that is left in it, until it is stopped.
    pub(super) fn roll_back(
        &mut self,
        mut claim: Claim,
        result: CommandError,
        effect: Effect,
        settings: &Settings,
    ) -> CommandError {
        self.working.undo();
        let left = self.undo(&mut claim, effect, settings).unwrap_or_else(|error| {
            let causes = error.causes();
            let all: Vec<_> = std::iter::once(error.to_string()).chain(causes).collect();
            Left::Unsure(all.join(": "))
        });
        let said = left.describe(&claim);
        let trouble = match &said {
            None => result.to_string(),
            Some(said) => format!("{result}; {said}"),
        };
        let nothing = matches!(left, Left::Nothing | Left::Deleted | Left::Gone);
        // Whoever left on purpose needs no reminder of what isn't there, and of what never was, nobody does.
        let never_was = effect == Effect::None && matches!(left, Left::Nothing);
        let gone = nothing && (never_was || self.working.is_interrupted());
        let event = match (claim.state(), claim.made()) {
            (State::Leasing, None) if gone => Event::Nothing,
            (State::Leasing, Some(_)) if gone => Event::Gone,
            (State::Releasing, _) if gone => Event::Deleted,
            // Of what isn't there, nothing is to be asked for when it is stopped.
            (_, made) => {
                let made = match &left {
                    Left::Kept(owned, _) => Some(Made::from((**owned).clone())),
                    _ => made,
                };
                let asked = (effect != Effect::None).then(Moment::now);
                let left = made.filter(|_| !nothing).map(|made| Made { asked, ..made });
                Event::LeaseFailed { left, why: trouble }
            }
        };
        let closed = if nothing {
            self.part(&mut claim, &event)
        } else {
            self.store.transition(&mut claim, &event)
        };
        let result = match said {
            None => result,
            Some(said) => result.note(said),
        };
        let slug = &claim.slug;
        let result = match nothing {
            true if gone => result,
            true => has_failed(result, slug),
            false => {
                let result = match left {
                    Left::Kept(_, shell) => {
                        let result = shell.into_iter().fold(result, CommandError::hint);
                        result.hint(to_type(&["inspect", slug]))
                    }
                    _ => result,
                };
                result.hint(to_type(&["stop", slug, "--delete", "--yes"]))
            }
        };
        as_closed(result, closed)
    }

    /// The same of one whose provider named what another lease has. That isn't asked for; what was made by
    /// a name that no other lease gives is its own all the same.
    pub(super) fn roll_back_taken(
        &mut self,
        mut claim: Claim,
        result: CommandError,
        settings: &Settings,
    ) -> CommandError {
        if claim.made().is_some_and(|made| made.is_named_after(&claim.id)) {
            return self.roll_back(claim, result, Effect::Maybe, settings);
        }
        let event = Event::LeaseFailed { left: None, why: result.to_string() };
        let closed = self.store.transition(&mut claim, &event);
        as_closed(has_failed(result, &claim.slug), closed)
    }

    /// Releases what `lease` may have made, by the action that was settled for it. What is recorded
    /// is asked for whatever the effect: it may be an earlier call's, and `none` is also what an
    /// author answers who didn't think of it.
    fn undo(
        &mut self,
        claim: &mut Claim,
        effect: Effect,
        settings: &Settings,
    ) -> Result<Left, CommandError> {
        if claim.made().is_none() {
            return Ok(Left::Nothing);
        }
        // The one that failed may be dead, or not itself any more.
        let mut provider = self.provider(&claim.provider)?;
        match self.resolve(&mut provider, claim, Intent::Status, settings)? {
            Resolution::Found(found) if claim.is_about(&found.resource, &found.scope) => {
                let Some(action) = claim.ending.action() else {
                    return Ok(Left::Unsure("it is to be left as it is".to_owned()));
                };
                let (found, endpoint) = (Owned::of(&found), found.endpoint);
                // Whoever leaves on purpose wants nothing to be looked at.
                let keeps = claim.keep && !self.working.is_interrupted();
                if let Some(owned) = found.clone().filter(|_| keeps) {
                    let shell = endpoint.and_then(|endpoint| self.shell_on(claim, &endpoint));
                    return Ok(Left::Kept(Box::new(owned), shell));
                }
                // Should this be killed, what is left is still never used.
                let event = Event::Release { found, action, failed: true, run_is_over: true };
                self.store.transition(claim, &event)?;
                let released = self.call_release(&mut provider, claim, settings)?;
                Ok(Left::after(&released, action, claim))
            }
            Resolution::Missing { proof: Proof::Deleted } if effect == Effect::None => {
                Ok(Left::Nothing)
            }
            // What was made is gone, or is still to come: it was asked for a moment ago.
            Resolution::Missing { proof: Proof::Deleted } => {
                let until =
                    Some(Moment::after(provider.settles())).filter(|until| !until.is_over());
                Ok(until.map_or(Left::Gone, Left::Late))
            }
            other => Ok(Left::Unsure(why_not(claim, &other))),
        }
    }

    /// The line that opens a shell on what was made, if it can be pasted. `crabbox ssh` needs a box that has proven
    /// itself once, which one of a lease that failed may never have.
    fn shell_on(&self, claim: &Claim, endpoint: &Endpoint) -> Option<String> {
        let route = Route {
            lease: claim.id.as_str(),
            transport: &endpoint.transport,
            state: self.store.folder(),
            declared: &|| Self::declared(&self.registry, &claim.provider),
            may_ask: false,
        };
        let folder = transport::folder_word(Path::new(&endpoint.work_root));
        let line = transport::shell_line(&route, &folder).ok()?;
        (visible(&line) == line).then_some(line)
    }
}

fn has_failed(result: CommandError, slug: &str) -> CommandError {
    result
        .note(format!("the lease `{slug}` has failed, and stays until it is stopped"))
        .hint(to_type(&["stop", slug]))
}

fn as_closed(result: CommandError, closed: Result<(), ClaimError>) -> CommandError {
    match closed {
        Ok(()) => result,
        Err(second) => result.note(format!("the claim couldn't be closed: {second}")),
    }
}

impl Left {
    /// What a provider's answer to `release` says, and no more than that.
    fn after(released: &Released, action: ReleaseAction, claim: &Claim) -> Self {
        match (released, action) {
            (Released::Parked, ReleaseAction::Park) => Self::Parked,
            (Released::Deleted | Released::Missing { proof: Proof::Deleted }, _) => Self::Deleted,
            (Released::Parked, ReleaseAction::Delete) => {
                Self::Unsure("it is parked, and was to be deleted".to_owned())
            }
            (Released::Missing { proof: Proof::NotVisible }, _) => {
                Self::Unsure(not_visible(claim).to_owned())
            }
            _ => Self::Unsure(
                "the provider gives an answer that this crabbox doesn't know".to_owned(),
            ),
        }
    }

    fn describe(&self, claim: &Claim) -> Option<String> {
        let name = claim.made().map(|made| made.name).unwrap_or_default();
        match self {
            Self::Nothing => None,
            Self::Gone => Some(format!("nothing is left of it: `{name}` isn't there")),
            Self::Deleted => Some(format!("what it made (`{name}`) is deleted")),
            Self::Parked => Some(format!("what it made (`{name}`) is parked")),
            Self::Kept(..) => Some(format!("what it made (`{name}`) is kept as it is")),
            Self::Late(until) => Some(format!(
                "`{name}` isn't there, and may still appear until {}",
                until.wall.strftime("%Y-%m-%d %H:%M:%SZ")
            )),
            Self::Unsure(why) => Some(format!("`{name}` may be left at the provider: {why}")),
        }
    }
}
