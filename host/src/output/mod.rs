//! Everything that crabbox prints, and how failures look.
//!
//! No other module writes to standard output or standard error ([`stream`] does). Standard output
//! carries the program's output or the data that was asked for, everything else goes to standard
//! error: lines ([`printer`]), and what is waited for ([`progress`]).

mod colour;
mod error;
mod exit;
mod printer;
mod progress;
mod quoted;
mod stream;
mod table;
mod visible;

pub use colour::Colour;
pub use error::{CommandError, Kind};
pub use exit::Exit;
pub use printer::{Manner, Printer};
pub use progress::Progress;
pub use quoted::Quoted;
pub(crate) use stream::{stderr, stdout};
pub use table::Table;
pub use visible::visible;
