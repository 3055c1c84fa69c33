//! What a run was, in a file that others can check: which tree, which command, on which box, and what came of it.
//!
//! [`mod@receipt`] is what stands in it, and [`verify`] says whether it is about a checkout. Nobody signs it: it says what was run to whoever trusts where the file comes from.

mod receipt;
mod verify;

pub use receipt::{Digested, Receipt, SCHEMA_VERSION};
pub use verify::{Checked, Checkout, check};
