//! What the tests of a run came to.
//!
//! [`totals`] counts them.

mod totals;

pub use totals::Totals;
