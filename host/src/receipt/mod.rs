//! What a run was, in a file that others can check: which tree, which command, on which box, and what came of it.
//!
//! [`content`] is what stands in it, and [`verify`] says whether it is about a checkout. Nobody signs it: it says what was run to whoever trusts where the file comes from.

mod content;
mod verify;

pub use content::{Digested, Receipt, SCHEMA_VERSION};
pub use verify::{Checked, Checkout, check};
