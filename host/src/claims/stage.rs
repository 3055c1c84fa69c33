//! Where a lease can stand, and what is known of it there: no stage can hold what doesn't belong to it.

use super::claim::{Made, Owned, Way};
use super::moment::{self, Moment};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a lease stands, with what is known there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", try_from = "Flat")]
pub enum Stage {
    /// The provider is asked for a resource; one may exist.
    Leasing {
        /// What it may be, since the provider's first checkpoint.
        made: Option<Made>,
    },
    /// The box is there and free.
    Ready {
        /// Its resource.
        owned: Owned,
        /// The way to it. `None`: nobody vouches for it now, and the provider is asked before it is used.
        way: Option<Way>,
        /// Until when it may stay so without use.
        idle_until: Option<Moment>,
    },
    /// A command uses the box.
    Busy {
        /// Its resource.
        owned: Owned,
        /// The way to it.
        way: Way,
    },
    /// The provider is asked to park or delete the resource.
    Releasing {
        /// Which.
        owned: Owned,
        /// Leasing it failed: it is never used.
        failed: bool,
    },
    /// Stopped, still ours, reusable.
    Parked {
        /// Its resource.
        owned: Owned,
        /// Since when.
        since: Moment,
    },
    /// Let go of: the end.
    Released {
        /// What there was.
        made: Option<Made>,
    },
    /// The provider says that it is gone: the end.
    Lost {
        /// What there was.
        made: Option<Made>,
    },
    /// Leasing failed.
    Failed {
        /// What may be left.
        made: Option<Made>,
    },
}

/// As it stands in a record, whatever the stage: read in one pass. A tag that may come last would have all of it kept
/// before any of it is understood, and there may be thousands.
#[derive(Deserialize)]
struct Flat {
    state: State,
    #[serde(default)]
    made: Option<Made>,
    #[serde(default)]
    owned: Option<Owned>,
    #[serde(default)]
    way: Option<Way>,
    #[serde(default)]
    idle_until: Option<Moment>,
    #[serde(default)]
    failed: Option<bool>,
    #[serde(default, deserialize_with = "moment::of_any_version")]
    since: Option<Moment>,
}

/// A stage lacks what belongs to it.
#[derive(Debug, thiserror::Error)]
#[error("missing field `{0}`")]
struct Missing(&'static str);

impl TryFrom<Flat> for Stage {
    type Error = Missing;

    fn try_from(flat: Flat) -> Result<Self, Missing> {
        let Flat { state, made, owned, way, idle_until, failed, since } = flat;
        let owned = owned.ok_or(Missing("owned"));
        Ok(match state {
            State::Leasing => Self::Leasing { made },
            State::Ready => Self::Ready { owned: owned?, way, idle_until },
            State::Busy => Self::Busy { owned: owned?, way: way.ok_or(Missing("way"))? },
            State::Releasing => {
                Self::Releasing { owned: owned?, failed: failed.ok_or(Missing("failed"))? }
            }
            State::Parked => Self::Parked { owned: owned?, since: since.ok_or(Missing("since"))? },
            State::Released => Self::Released { made },
            State::Lost => Self::Lost { made },
            State::Failed => Self::Failed { made },
        })
    }
}

impl Stage {
    /// In one word.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self::Leasing { .. } => State::Leasing,
            Self::Ready { .. } => State::Ready,
            Self::Busy { .. } => State::Busy,
            Self::Releasing { .. } => State::Releasing,
            Self::Parked { .. } => State::Parked,
            Self::Released { .. } => State::Released,
            Self::Lost { .. } => State::Lost,
            Self::Failed { .. } => State::Failed,
        }
    }

    pub(super) fn made(&self) -> Option<Made> {
        match self {
            Self::Leasing { made }
            | Self::Released { made }
            | Self::Lost { made }
            | Self::Failed { made } => made.clone(),
            Self::Ready { owned, .. }
            | Self::Busy { owned, .. }
            | Self::Releasing { owned, .. }
            | Self::Parked { owned, .. } => Some(owned.clone().into()),
        }
    }

    pub(super) fn way(&self) -> Option<&Way> {
        match self {
            Self::Ready { way, .. } => way.as_ref(),
            Self::Busy { way, .. } => Some(way),
            _ => None,
        }
    }
}

/// Where a lease stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// [`Stage::Leasing`].
    Leasing,
    /// [`Stage::Ready`].
    Ready,
    /// [`Stage::Busy`].
    Busy,
    /// [`Stage::Releasing`].
    Releasing,
    /// [`Stage::Parked`].
    Parked,
    /// [`Stage::Released`].
    Released,
    /// [`Stage::Lost`].
    Lost,
    /// [`Stage::Failed`].
    Failed,
}

impl State {
    /// Nothing more can happen to it, and its slug is free again.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Released | Self::Lost)
    }

    /// As it stands in the database and in `--json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leasing => "leasing",
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::Releasing => "releasing",
            Self::Parked => "parked",
            Self::Released => "released",
            Self::Lost => "lost",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
