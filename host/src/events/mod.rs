//! A run, told to a machine while it goes on: a line of JSON for each thing that happens, in a file or a pipe of its own.
//!
//! [`event`] is what is told, [`target`] where to, and [`sink`] how it gets there without holding up the run, through
//! a [`queue`]. Whoever has something to tell calls [`tell`], or [`tell_late`] after the program; where nobody listens that
//! costs nothing.

mod event;
mod queue;
mod sink;
mod target;

pub use event::{Event, SCHEMA_VERSION, State};
pub use sink::{begin, finish, is_wanted, tell, tell_late};
pub use target::{Target, TargetError};
