//! Sessions of whoever only visits a box, or asks it for something: they take no lock and change nothing of the lease.
//!
//! [`session`] opens one until the first answer is there, [`mod@look`] is for whoever wants no more than that, and [`mod@error`] says how
//! either fails. What is said after that is the visitor's.

mod error;
mod look;
mod session;

pub use error::VisitError;
pub use look::{look, of_place, prove};
pub(crate) use session::Session;
