//! Connections to a port of this machine, carried to one of a box through the helper: over whatever leads there.
//!
//! [`mod@listen`] finds the port here, [`session`] is the conversation with the helper, [`mod@error`] is how it fails. How a
//! stream is kept from filling the others' way is the crate [`crabbox_tunnel`]'s business.

mod error;
mod listen;
mod session;

pub use error::TunnelError;
pub use listen::listen;
pub use session::Refusal;
pub(crate) use session::carry;
