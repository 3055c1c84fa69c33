//! All that the author of a crabbox provider depends on.

mod error;
pub mod payload;

pub use error::{Effect, Error, ErrorCode};
