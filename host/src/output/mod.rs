//! Everything that crabbox prints, and how failures look.
//!
//! No other module writes to standard output or standard error ([`stream`] does). Standard output
//! carries the program's output or the data that was asked for, everything else goes to standard
//! error: lines ([`printer`]), and what is waited for ([`progress`]). What is shown on a terminal fits
//! there ([`table`], [`shorten`]), and what is to be typed next keeps what was typed ([`typed`]).

mod colour;
mod drawn;
mod error;
mod exit;
pub mod human;
mod printer;
mod progress;
mod quoted;
mod shorten;
mod stream;
mod table;
mod typed;
mod visible;

pub use colour::Colour;
pub use error::{CommandError, Kind};
pub use exit::Exit;
pub(crate) use printer::shown;
pub use printer::{Manner, Printer, Screen, unwritten};
pub use progress::{Progress, stand_aside, waiting_within};
pub use quoted::Quoted;
pub(crate) use shorten::{columns_of, cut, cut_start, rows_of, wrap};
pub(crate) use stream::{stderr, stdout};
pub use table::Table;
pub use typed::{Typed, to_type};
pub use visible::visible;
