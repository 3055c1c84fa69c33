//! One byte stream to the remote helper on a box, whatever leads there.
//!
//! [`exec`] runs a script on the box, [`bootstrap`] is that script (and what the host does when the
//! helper isn't there yet), [`mod@helpers`] the executables that are embedded in this program,
//! [`watchdog`] ends a box's silence. Nothing above this module knows how a box is reached.

mod bootstrap;
mod exec;
mod helpers;
mod watchdog;

pub use bootstrap::{Link, open};
pub use exec::{Process, TransportError};
pub use helpers::embedded as helpers;
pub(crate) use watchdog::Watchdog;
