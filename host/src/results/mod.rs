//! What the tests of a run came to.
//!
//! [`discover`] says where reports lie, [`junit`] reads one of them, with the [`place`] that a failure names, and
//! [`gather`] all of a run; [`case`] is one test, of which all [`tries`] are put together, [`totals`] counts them, [`telling`]
//! is what of a failure stands in one line, from what the test [`printed`] where nothing else says it and as [`go`] writes
//! it, [`cause`] which of those that failed did so by themselves, and [`mod@compare`] says what is new since the run before. A [`source`] is one report; there
//! is [`room`] for so many tests one by one, and the others are counted. [`kept`] is how they lie beside the run's log, for
//! later.

mod case;
mod cause;
pub mod compare;
pub mod discover;
mod gather;
mod go;
mod junit;
pub mod kept;
mod place;
mod printed;
mod room;
#[cfg(test)]
mod secrets;
mod source;
mod telling;
mod totals;
mod tries;

pub use case::{Case, Place, Problem, Status};
pub use compare::{Compared, compare};
pub use gather::{Gather, Results};
pub use junit::{Report, Trouble, read};
pub use source::Source;
pub use totals::Totals;
