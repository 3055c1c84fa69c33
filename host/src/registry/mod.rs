//! Which providers there are, and whether they can be used.
//!
//! [`places`] says where to look, [`library`] reads one file without running any of its
//! code, [`trust`] says whose files may be loaded, [`search`] puts them together and [`error`]
//! says how that fails.

mod error;
mod library;
mod places;
mod search;
mod trust;

pub use error::FindError;
pub use library::{Library, Unusable};
pub use places::{Places, Source};
pub use search::{Condition, Entry, Registry};
