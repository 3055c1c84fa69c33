//! Secrets, and whatever leaves this program without them.
//!
//! A [`Secret`] registers itself when it is made, [`learn`] registers what the environment and the
//! command line hold under a name such as `API_TOKEN`; [`text`] takes every registered one out of what
//! is to be shown or kept. [`forms`] are those in which a value could leave; a [`Redactor`] looks for all of them at once,
//! and whoever cuts a text has it cut there, since of a secret that reaches over the edge no part may stay.
//! What a command prints on a box is its own business where it is shown; in the log that is kept of it,
//! registered values are covered.

mod forms;
mod known;
mod plain;
mod redactor;

pub use known::{REDACTED, Secret, holds_secret, json, learn, looks_secret, register, text};
pub use plain::between;
pub use redactor::Redactor;
