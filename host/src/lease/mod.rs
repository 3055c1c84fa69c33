//! The life cycle of a lease: acquire, reuse, release, roll back.
//!
//! Ownership is enforced here, once for every provider: what may exist is
//! recorded before the provider is called, and a resource is mutated only through a claim
//! that names its immutable id. Which transitions there are is in
//! [`crate::claims::State::after`].

mod acquire;
mod desk;
mod names;
mod release;

pub use acquire::{Held, How, Wanted};
pub use desk::Desk;
pub use names::{random_bits, workspace_name};
pub use release::End;
