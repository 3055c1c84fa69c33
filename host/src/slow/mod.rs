//! Why a run took as long as it did, from what is remembered of it and of those before it: nothing is measured, and nobody
//! is asked.
//!
//! [`phases`] compares where the time went with where it usually goes, and with the [`budget`] where there is one;
//! [`detour`] is what was done on the way that the fastest run doesn't do.

mod budget;
mod detour;
mod median;
mod phases;

pub use budget::Budget;
pub use detour::{Advice, Cost, Detour, Kind, detours};
pub use phases::{Mark, OVERHEAD, Row, TOTAL, compare};
