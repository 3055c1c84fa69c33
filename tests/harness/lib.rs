//! The builder of end-to-end tests: a world of its own for each, around the
//! program that cargo has just built.

#![expect(clippy::missing_panics_doc, reason = "a test panics when its world is wrong")]

mod built;
mod settled;
pub mod transcript;
mod world;

pub use built::{Built, Profile, built};
pub use settled::{names, settle};
pub use world::{Peaks, Ran, World, until};
