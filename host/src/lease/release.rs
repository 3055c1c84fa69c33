//! Parks a box or deletes it, by what its claim says and its provider vouches for.

use super::answer::{may_appear, not_visible, still_to_come, why_not};
use super::at_stop::AtStop;
use super::desk::Desk;
use super::hang_up::hang_up;
use super::look::Onlooker;
use super::place::is_unreached;
use crate::claims::{Claim, ClaimError, Ending, Event, Owned, State};
use crate::output::{CommandError, Exit, to_type};
use crate::provider::Provider;
use crabbox_provider_api::manifest::Capability;
use crabbox_provider_api::payload::{
    Intent, Proof, ReleaseAction, ReleaseRequest, Released, Resolution, ResourceState, Settings,
};
use std::time::Duration;

/// How long a provider may take to park or delete a resource.
pub(super) const RELEASE_DEADLINE: Duration = Duration::from_mins(10);

/// What became of the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It stays ready.
    Ready,
    /// It stays ready for a while, and is let go of then.
    Lingers,
    /// It is stopped, and still ours.
    Parked,
    /// The same, since an earlier time.
    WasParked,
    /// It is gone.
    Deleted,
    /// There was none.
    Closed,
    /// It stays as it is, and isn't ours any more.
    LetGo,
    /// The same, since an earlier time.
    WasLetGo,
}

impl End {
    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready | Self::Lingers => "ready",
            Self::Parked | Self::WasParked => "parked",
            Self::Deleted => "deleted",
            Self::Closed => "closed",
            Self::LetGo | Self::WasLetGo => "let go",
        }
    }
}

impl Desk {
    /// Parks or deletes the box of a claim that nobody uses.
    pub fn stop(
        &mut self,
        reference: &str,
        delete: bool,
        settings: &Settings,
    ) -> Result<(Claim, End), CommandError> {
        let claim = self.find(reference)?;
        let _holder = self.hold_to_stop(&claim)?;
        let mut claim = self.find(claim.id.as_str())?;
        let action = if delete { Some(ReleaseAction::Delete) } else { claim.ending.action() };
        let action = match AtStop::by(&claim, action) {
            AtStop::Park => ReleaseAction::Park,
            AtStop::Delete => ReleaseAction::Delete,
            AtStop::Leave => {
                self.part(&mut claim, &Event::LetGo)?;
                return Ok((claim, End::LetGo));
            }
            AtStop::Close => {
                // Nobody has to be asked.
                self.store.transition(&mut claim, &Event::Nothing)?;
                return Ok((claim, End::Closed));
            }
            // It may be gone, or somebody has started it: whoever stops it wants neither to go unseen.
            AtStop::Nothing if claim.state() == State::Parked => ReleaseAction::Park,
            AtStop::Nothing => {
                return match ended(&claim) {
                    End::WasLetGo if delete => Err(not_ours(&claim)),
                    end => Ok((claim, end)),
                };
            }
        };
        let mut provider = self.provider(&claim.provider).map_err(|error| match error.kind() {
            Exit::NotFound => {
                stays(error.note("`--provider-path` names the folder that it is in"), &claim.slug)
            }
            _ => error,
        })?;
        let _section = self.working.begin();
        match self.end(&mut provider, &mut claim, action, settings) {
            Ok(end) => Ok((claim, end)),
            Err(error) if is_unreached(&error) => self.stop_unreached(claim, action, delete, error),
            Err(error) if error.kind() == Exit::Conflict => {
                let again = "the same line works once its provider vouches for it again";
                Err(stays(error.note(again), &claim.slug))
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
        let found = self.ask_about(provider, claim, settings)?;
        if let Resolution::Found(found) = &found
            && is_parked(found.state, provider)
            && AtStop::by(claim, Some(action)) == AtStop::Nothing
            && claim.is_about(&found.resource, &found.scope)
        {
            return Ok(End::WasParked);
        }
        // Whoever says so means it, whatever time it has.
        let end = self.end_found(provider, claim, found, action, settings, |_| true)?;
        end.ok_or_else(|| ClaimError::Raced(claim.id.clone()).into())
    }

    /// What the provider says of it; the user sees who is waited for.
    pub(super) fn ask_about(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        settings: &Settings,
    ) -> Result<Resolution, CommandError> {
        let (name, slug) = (&claim.provider, &claim.slug);
        let _asking = self.printer.progress(format!("asking {name} about {slug}"));
        self.resolve(provider, claim, Intent::Status, settings)
    }

    /// The same once the provider was asked for it, if that is `still` to be when the box was given
    /// another time meanwhile. `None`: it isn't.
    pub(super) fn end_found(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        found: Resolution,
        action: ReleaseAction,
        settings: &Settings,
        still: impl Fn(&Claim) -> bool,
    ) -> Result<Option<End>, CommandError> {
        match found {
            Resolution::Found(found) if claim.is_about(&found.resource, &found.scope) => {
                let found = Owned::of(&found);
                let event = Event::Release { found, action, failed: false, run_is_over: false };
                if !self.store.transition_if(claim, &event, still)? {
                    return Ok(None);
                }
                let (name, slug) = (&claim.provider, &claim.slug);
                let what = match action {
                    ReleaseAction::Park => "park",
                    ReleaseAction::Delete => "delete",
                };
                let _ending = self.printer.progress(format!("waiting for {name} to {what} {slug}"));
                self.finish(provider, claim, settings).map(Some)
            }
            Resolution::Missing { proof: Proof::Deleted } => {
                if let Some(until) = still_to_come(claim, provider) {
                    let message =
                        format!("`{}`: {}: its claim stays", claim.slug, may_appear(&until));
                    return Err(CommandError::new(Exit::TryAgain, message));
                }
                // One that was to be deleted is, by whoever was killed before it could say so.
                let was_ours = claim.state() == State::Releasing && claim.ending == Ending::Delete;
                let event = if was_ours { Event::Deleted } else { Event::Gone };
                self.part(claim, &event)?;
                Ok(Some(End::Deleted))
            }
            other => {
                let why = why_not(claim, &other);
                self.note_trouble(claim, &why)?;
                let message = format!("`{}` is left alone: {why}", claim.slug);
                Err(CommandError::new(Exit::Conflict, message))
            }
        }
    }

    /// From `releasing` to its end.
    pub(super) fn finish(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        settings: &Settings,
    ) -> Result<End, CommandError> {
        let released = match self.call_release(provider, claim, settings) {
            Ok(released) => released,
            Err(error) => return Err(self.in_doubt(claim, error)),
        };
        let why = match released {
            Released::Parked if claim.ending == Ending::Park => {
                self.store.transition(claim, &Event::Parked)?;
                return Ok(End::Parked);
            }
            Released::Parked => "it is parked, and was to be deleted",
            Released::Deleted | Released::Missing { proof: Proof::Deleted } => {
                self.part(claim, &Event::Deleted)?;
                return Ok(End::Deleted);
            }
            Released::Missing { proof: Proof::NotVisible } => not_visible(claim),
            _ => "the provider gives an answer that this crabbox doesn't know",
        };
        self.note_trouble(claim, why)?;
        Err(CommandError::new(
            Exit::Conflict,
            format!("`{}` isn't released, and its claim stays: {why}", claim.slug),
        ))
    }

    /// Has a provider do what the claim says is to be done.
    pub(super) fn call_release(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        settings: &Settings,
    ) -> Result<Released, CommandError> {
        let Some((owned, action)) = claim.to_release() else {
            let message = format!("nothing of `{}` is to be released", claim.slug);
            return Err(CommandError::new(Exit::Conflict, message));
        };
        let request = ReleaseRequest {
            lease: claim.id.to_string(),
            resource: owned.resource(),
            scope: owned.scope.clone(),
            attributes: owned.attributes.clone(),
            action,
            settings: settings.clone(),
        };
        let begun = self.audit.begin(action.into(), claim)?;
        let released = self.have_released(provider, claim, &request);
        self.audit.end(&begun, claim, &released);
        released
    }

    fn have_released(
        &mut self,
        provider: &mut Provider,
        claim: &Claim,
        request: &ReleaseRequest,
    ) -> Result<Released, CommandError> {
        if request.action == ReleaseAction::Delete && provider.can(&Capability::SharedBox) {
            let removed = self.remove_place(provider, claim, &request.settings)?;
            if removed != Released::Deleted {
                return Ok(removed);
            }
        }
        hang_up(claim);
        let longest = self.working.patience(RELEASE_DEADLINE);
        let mut onlooker = Onlooker::new(self.printer, self.working.stop());
        Ok(provider.release(request, longest, &mut onlooker)?)
    }
}

/// Is it off already? A place never is: parked, it is only left alone.
fn is_parked(state: ResourceState, provider: &Provider) -> bool {
    match state {
        ResourceState::Parked => true,
        ResourceState::Ready => provider.can(&Capability::SharedBox),
        _ => false,
    }
}

/// What becomes of a claim that can't be brought to its end now. The line is the one that works.
fn stays(error: CommandError, slug: &str) -> CommandError {
    error
        .note("until then the claim stays, and hinders no run; to drop it leaves the box as it is")
        .hint(to_type(&["forget", slug, "--yes"]))
}

/// Another command works with the lease.
pub(super) fn in_use(slug: &str, by: &str) -> CommandError {
    CommandError::new(Exit::Conflict, format!("`{slug}` is in use by {by}"))
        .note("end that command first")
        .hint(to_type(&["status", slug]))
}

/// A box that was let go of is to be deleted.
fn not_ours(claim: &Claim) -> CommandError {
    let Claim { slug, provider, .. } = claim;
    let name = claim.made().map(|made| made.name).unwrap_or_default();
    let message = format!("`{slug}` is over already, and its box stayed as it was");
    let adopt = ["adopt", &name, "--provider", provider, "--release", "delete"];
    CommandError::new(Exit::Conflict, message)
        .note("a box that no lease names is deleted only once it is adopted for that")
        .hint(to_type(&adopt))
}

/// What ended so, whatever is asked for now: an order to release would have settled another end. That its provider
/// has deleted a box, or somebody else, is what whoever stops it wants.
fn ended(claim: &Claim) -> End {
    match (claim.state(), claim.made(), claim.ending) {
        (State::Lost, ..) => End::Deleted,
        (_, None, _) => End::Closed,
        (_, Some(_), Ending::None) => End::WasLetGo,
        (_, Some(_), _) => End::Deleted,
    }
}
