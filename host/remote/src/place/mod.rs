//! Places: what a lease has of a box that several leases share.
//!
//! `order` does what the host asks for, `root` is the folder of all places with its lock, `folder` one place in it,
//! `removal` how one goes, and `survey` what the box says of itself.
//!
//! Nothing here follows a link below the work root, and nothing is removed but what carries the marker of the place
//! that is to go.

mod folder;
mod order;
mod removal;
mod root;
mod survey;

pub(crate) use folder::is_here;
pub(crate) use order::carry_out;
