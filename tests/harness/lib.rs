//! The builder of end-to-end tests: a world of its own for each, around the
//! program that cargo has just built.
//!
//! | | |
//! |---|---|
//! | [`built()`] | the program and its providers, built once a process |
//! | [`World`] | a home, a state folder, a checkout and a folder of providers |
//! | [`Ran`] | what a command did; [`Ran::snapshot`] leaves out what differs from run to run |
//! | [`Coder`] | a world with a deployment of Coder in it |
//! | [`ssh`] | hosts to ssh to, each with what goes wrong with it |
//! | [`settle`], [`names`] | the same for any text |
//! | [`screen`] | what a person sees, on a terminal and off it |
//! | [`Typist`] | somebody at a terminal, who types |
//! | [`transcript`] | the terminal sessions in the documents, typed again |
//! | [`processes()`] | who runs on this machine |
//! | [`until`] | waits for what will happen, without asserting a time |
//! | [`scale`] | how often what is repeated is repeated |
//!
//! The tests themselves are in `tests/e2e/`, one file a subject, the measurements in `tests/benches/`.

#![expect(clippy::missing_panics_doc, reason = "a test panics when its world is wrong")]

mod built;
mod coder;
mod processes;
pub mod screen;
mod settled;
pub mod ssh;
pub mod transcript;
mod typist;
mod world;

pub use built::{Built, Profile, built};
pub use coder::Coder;
pub use processes::{is_alive, processes};
pub use settled::{names, settle};
pub use typist::{Left, Pty, Typist, led_by};
pub use world::{Peaks, Ran, World, on_disk, scale, until};
