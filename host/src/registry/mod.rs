//! Which providers there are, and whether they can be used.
//!
//! [`places`] says where to look, [`trust`] whose files may be loaded, [`elf`] what a file says
//! of itself, without running any of its code; [`library`] checks one file with both,
//! [`search`] puts them together, and [`error`] says how that fails.

mod elf;
mod error;
mod library;
mod places;
mod search;
mod trust;

pub use error::{FindError, none};
pub use library::{Library, Unusable};
pub use places::{Crowded, Places, Source};
pub use search::{Clash, Condition, Entry, Registry};
