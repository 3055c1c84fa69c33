//! `kill -9` at every step: of crabbox itself and of the provider's child, at each point that
//! [`crabbox::fault::POINTS`] names. At random moments: [`crate::moments`]. Whatever was going on, afterwards the claims
//! name all that exists, the next run works, and everything can be stopped.
//!
//! [`place`] is where it happens, [`scenes`] what goes on there, and [`points`] kills.

mod place;
mod points;
mod scenes;

pub(crate) use place::{Place, Provider};
pub(crate) use scenes::{SCENES, Scene};
