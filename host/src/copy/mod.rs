//! Files between this machine and a box, through the helper: over whatever leads there, without `scp` or `sftp`.
//!
//! [`session`] is the conversation with the helper, in both directions; [`ends`] says what was typed for the two
//! ends, [`packing`] compresses where that pays, [`mod@error`] is how it fails. What is read and written at either end,
//! and what is refused of the other, is the crate [`crabbox_copy`]'s.

mod ends;
mod error;
mod packing;
mod session;

pub use ends::{Ends, EndsError, far_end};
pub use error::CopyError;
pub(crate) use packing::Unpacker;
pub use session::{Watch, get, put};
