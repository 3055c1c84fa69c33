//! Claims: the durable record of every lease, written before anything is done to a resource.
//!
//! [`claim`] says what a claim holds, [`stage`] where it can stand, [`life`] which events there are and
//! where they lead: nothing else changes a claim. [`store`] keeps them in SQLite, in a private [`file`](mod@file), with
//! [`columns`] that are [`listed`] and [`search`]ed, and fails with an [`error`]; [`queries`] asks for claims, [`adopt`] stores those of what was there
//! before, [`forget`] drops one, [`record`] reads what a row holds, [`migrations`] brings an older database forward, [`reader`] looks at one without any
//! effect, [`salvage`] saves what can be read of a damaged one, with [`rows`]; [`locks`] refuses a folder where locks keep nobody out; [`moment`] is a time that no set
//! clock moves, [`holder`] tells whether somebody works with a lease right now, [`unattended`] whether somebody should, and [`id`] is what it is called. Nothing
//! here talks to a provider or a box.

mod adopt;
mod claim;
mod columns;
mod error;
mod file;
mod forget;
mod holder;
mod id;
mod life;
mod listed;
mod locks;
mod migrations;
mod moment;
mod queries;
mod reader;
mod record;
mod rows;
mod salvage;
mod search;
mod stage;
mod store;
mod unattended;

pub use adopt::{Adopted, Claimant};
pub use claim::{Claim, Ending, LastRun, Machine, Made, Owned, PLACE, Way};
pub use error::{ClaimError, lasting, put_aside};
pub use forget::Stored;
pub use holder::{Holder, describe as describe_holder};
pub use id::LeaseId;
pub use life::{Event, Refused};
pub use listed::Listed;
pub(crate) use locks::is_on_network;
pub use locks::{look as look_at_locks, on_this_machine};
pub use moment::Moment;
#[cfg(test)]
pub(crate) use moment::skew;
pub use reader::{Reader, Row};
pub use salvage::Salvaged;
pub use stage::{Stage, State};
pub use store::Store;
