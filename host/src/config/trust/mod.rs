//! What a repository's file may do, given that whoever wrote the repository wrote it.
//!
//! The table of keys says which settings it may only ask for. [`owner`] says whose files are read
//! at all, [`grants`] what the user has granted: in words of their own, in `[trust."PATH"]` of
//! their `config.toml`, or by trusting the file as it is, which [`pins`] remembers. [`requests`]
//! are what it asks for, and [`problem`] is what is said of all that.

mod grants;
pub(super) mod owner;
mod pins;
mod problem;
mod requests;

pub(super) use grants::{Grant, folder_of_grant};
pub use grants::{GrantTable, Grants};
pub use pins::{Pin, PinError, PinState, Pins};
pub use problem::TrustProblem;
pub use requests::Request;
