//! Places: what a lease has of a box that several leases share. A place is a folder below the work root of all of
//! them, with a marker in it that says whose it is.
//!
//! The host makes up everything that tells a place from others before it is taken, and records it: so a place
//! is known, and looked for by all of that, however the session ends that takes it.

use crate::text::Text;
use serde::{Deserialize, Serialize};

/// A place, with all that proves that it is this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The machine that it is on, as in [`crate::message::Proof::machine_id`]; one without an id gets a number of ours,
    /// with `crabbox-` before it. Never empty: nothing would tell it from others.
    pub machine_id: String,
    /// The work root that it is in: a random number in a file of that. An empty mount point has none, and a folder
    /// that was made anew another.
    pub root: String,
    /// Its folder, absolute; the last part is the lease's id.
    pub folder: Text,
    /// A random number in its marker.
    pub nonce: String,
}

/// What a session is to do about a place, instead of anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PlaceOrder {
    /// Say what there is.
    Survey {
        /// Make the work root, if it isn't there, and let this be its number, if it has none. `None`: change nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root: Option<String>,
    },
    /// Take it, if fewer than `limit` are taken; take it over, if it is this one already.
    Take {
        /// Which.
        place: Place,
        /// How many places there may be; `None`: any number.
        limit: Option<u32>,
    },
    /// Say what has become of it, and change nothing.
    Look {
        /// Which.
        place: Place,
    },
    /// Remove it with all that is in it, if it is this one.
    Remove {
        /// Which.
        place: Place,
    },
}

/// What came of a [`PlaceOrder`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PlaceAnswer {
    /// What there is.
    Surveyed(Survey),
    /// It is there.
    Here,
    /// What is left of a removal that was broken off is there.
    Rest,
    /// No more may be taken.
    Full {
        /// How many are.
        used: u32,
    },
    /// It isn't there, and this is where it would be.
    Gone,
    /// Nothing is proven of it: this is another machine, or another work root.
    Elsewhere {
        /// In what way; for people.
        why: String,
    },
    /// Something else has its name.
    Foreign {
        /// What; for people.
        why: String,
    },
    /// It is removed.
    Removed,
}

/// What a box says of itself to whoever may want a place on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// As in [`Place::machine_id`]; empty where none was ever taken.
    pub machine_id: String,
    /// As in [`Place::root`]; `None`: there is no work root yet.
    pub root: Option<String>,
    /// As in [`Place::folder`], of the place that this lease would have.
    pub folder: Text,
    /// How many places are taken.
    pub used: u32,
    /// The machine's own name.
    pub name: String,
    /// Bytes that may still be written where places are.
    pub free: Option<u64>,
    /// Its processors.
    pub processors: u32,
    /// How many processes wanted one in the last minute, such as `0.42`; empty: it doesn't say.
    pub load: String,
}
