//! How a run came to its box, and what it had to do on the way that the fastest run doesn't: all of it is known on the way
//! anyhow, and nothing is asked of anybody for it.

use crate::lease::How;
use serde::{Deserialize, Serialize};

/// The way of a run. What isn't known has its default, as all of a run from before this was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Way {
    /// How the box was had; `None`: it wasn't, or nothing is known of the way.
    pub had: Option<Had>,
    /// Was there a connection to it? `None`: none is needed to get there.
    pub connected: Option<bool>,
    /// Its provider was asked for it once more, since what the claim says of it could be old, or was.
    pub asked_again: bool,
    /// The helper was sent to it.
    pub helper_sent: bool,
    /// The checkout was read by the time that the box was asked; `None`: it wasn't asked.
    pub read_in_time: Option<bool>,
    /// What the box held before the sync; `None`: it didn't say.
    pub held: Option<BoxHeld>,
    /// For how long others who use the box were waited for, in milliseconds.
    pub waited_ms: u64,
    /// The box waited for values of variables.
    pub variables_sent: bool,
    /// How many files, folders and links the checkout's tree has; `None`: it isn't known.
    pub entries: Option<u64>,
}

/// How a box was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Had {
    /// It stood ready.
    Ready,
    /// Its provider was asked to start it, as far as it wasn't on.
    Started,
    /// It was leased for the run.
    Leased,
}

impl From<How> for Had {
    fn from(how: How) -> Self {
        match how {
            How::FoundReady => Self::Ready,
            How::Started => Self::Started,
            How::Acquired => Self::Leased,
        }
    }
}

/// What a box held, against what was believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxHeld {
    /// What was believed, or what was wanted.
    AsBelieved,
    /// Another tree: it had to say which.
    Another,
    /// Nothing yet.
    Nothing,
}
