//! Everything that crabbox prints, and how failures look.
//!
//! No other module writes to standard output or standard error. Standard output
//! carries the program's output or the data that was asked for, everything else
//! goes to standard error.

mod error;
mod exit;
mod printer;
mod table;

pub use error::{CommandError, Kind};
pub use exit::Exit;
pub use printer::Printer;
pub(crate) use printer::{program_stderr, program_stdout};
pub use table::Table;
