//! Claims: the durable record of every lease, written before anything is done to a resource.
//!
//! [`claim`] says what a claim holds, [`state`] which transitions there are,
//! [`store`] keeps them in SQLite and fails with an [`error`], [`reader`] looks at them without any
//! effect, [`holder`] tells whether somebody works with one right now. Nothing here talks to a
//! provider or a box.

mod claim;
mod error;
mod holder;
mod reader;
mod state;
mod store;

pub use claim::{Claim, LeaseId, Machine};
pub use error::ClaimError;
pub use holder::{Holder, describe as describe_holder};
pub use reader::{Reader, Row};
pub use state::{Event, State};
pub use store::Store;
