//! What `crabbox stop` does with a lease as it stands: the table by which it goes, and by which it is told of before
//! anybody types it.

use crate::claims::{Claim, State};
use crabbox_provider_api::payload::ReleaseAction;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtStop {
    /// Its box is parked.
    Park,
    /// Its box is deleted.
    Delete,
    /// It ends, and its box stays as it is.
    Leave,
    /// It ends: no box was ever made.
    Close,
    /// Nothing: it is over, or parked already, if it is as its claim says.
    Nothing,
}

impl AtStop {
    /// By the action that was settled when it was leased.
    #[must_use]
    pub fn of(claim: &Claim) -> Self {
        Self::by(claim, claim.ending.action())
    }

    /// By this one.
    pub(super) fn by(claim: &Claim, action: Option<ReleaseAction>) -> Self {
        match (claim.state(), action) {
            (State::Released | State::Lost, _) => Self::Nothing,
            (State::Parked, Some(ReleaseAction::Park)) if claim.trouble.is_none() => Self::Nothing,
            // What may exist is named before it is made.
            (State::Leasing | State::Failed, _) if claim.made().is_none() => Self::Close,
            (_, None) => Self::Leave,
            (_, Some(ReleaseAction::Park)) => Self::Park,
            (_, Some(ReleaseAction::Delete)) => Self::Delete,
        }
    }

    /// For machines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Park => "park",
            Self::Delete => "delete",
            Self::Leave => "leave",
            Self::Close => "close",
            Self::Nothing => "nothing",
        }
    }

    /// For people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Park => "parks its box",
            Self::Delete => "deletes its box, with all that is on it",
            Self::Leave => "leaves its box as it is",
            Self::Close => "closes it: no box was ever made",
            Self::Nothing => "changes nothing: its box is parked",
        }
    }
}
