//! What runs for a provider is left by nobody: neither its own process nor its tools, nor whatever these have started.
//!
//! Each of them has a process of its own above it, the *keeper*: this program again, with a hidden command and
//! nothing else in its environment. It gets an [`order`] over a socket, starts what that says, and tells over the same
//! socket how it ended ([`keep`]); [`ward`] is the other end.
//!
//! A keeper is there for what a dead or killed program would leave behind. As a subreaper it becomes the parent of every
//! orphan below it, whatever process group or session that has moved to, and ends them all. It outlives the host
//! for just as long as that takes: when the other end of its socket is closed, nobody wants any of it any more. Should the
//! keeper itself be killed, the kernel kills what it has started, and orphans are nobody's.

mod keep;
mod order;
mod ward;

pub(super) use keep::{COMMAND, main};
pub(super) use order::Order;
pub(super) use ward::{Fate, LEFT, Ward, unkept};
