//! Places: what a lease has of a box that several leases share. A provider with the capability `shared_box` only says
//! which box; that a place on it is taken, is this lease's, and is removed is done here, for every such provider.
//!
//! A place is looked for by all that makes it unlike any other ([`id`]), which is in the claim before it is taken
//! ([`take`]). What a provider says of it is completed by what the box says ([`proof`]), and only what the box proves to
//! be this place is removed ([`remove`]). [`ask`] is the session for each of these.

mod ask;
mod id;
mod proof;
mod remove;
mod take;

pub use ask::{Asker, explain_unasked, is_unreached};
pub(super) use id::of_claim;
pub use id::place_folder;
pub(super) use proof::{Says, in_place};
