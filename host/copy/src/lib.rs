//! The two ends of a copy of files, for the host and for its remote helper alike: either can be the one that
//! sends.
//!
//! | module | what it does |
//! |---|---|
//! | [`mod@send`] | turns what lies at a path into records |
//! | [`mod@matching`] | the same of the files in a folder that match |
//! | [`glob`] | what that means |
//! | `budget` | how much is sent at most |
//! | [`receive`] | makes what the records say, below a place that was given |
//! | [`target`] | where that is: as `cp -R` has it |
//! | [`packing`] | is compressing worth its time? |
//! | [`partial`] | a file on its way: whole or not at all, and continued after a break |
//! | `begun` | a folder on its way, which the same copy goes on with |
//! | `git` | what nothing of a box goes into |
//! | `kept` | what is here and stays |
//! | [`reason`] | what the system says, in words |
//!
//! What the records are is in [`crabbox_wire::copy`]. How they travel isn't this crate's business: each end is given
//! something that carries them.
//!
//! # What it must not do
//!
//! - Write anywhere but below the place it was given: each record names one part of a path, folders are held open,
//!   and no link is followed on the way, whoever made it.
//! - Write into a `.git` of this machine what comes from a box ([`receive::Receiver::sparing_git`]).
//! - Put a file into its place before all of it is there and is what was announced.
//! - Hold more than one small file or one block in memory.

mod begun;
mod budget;
mod git;
pub mod glob;
mod kept;
pub mod matching;
pub mod packing;
pub mod partial;
pub mod reason;
pub mod receive;
pub mod send;
pub mod target;

/// The other side is gone, or gave up: nothing more is to be said to it.
#[derive(Debug, thiserror::Error)]
#[error("the other side is gone")]
pub struct Gone;
