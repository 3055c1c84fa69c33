//! What is brought here from a run, once it has ended: reports of tests, artifacts, and whatever else was named.
//!
//! | module | what it does |
//! |---|---|
//! | [`wanted`] | what was asked for |
//! | [`download`] | one path of the box, and where it goes |
//! | [`errand`] | one part of it on its way |
//! | [`collected`] | what came, and what didn't |
//! | [`ours`] | the folder in a checkout that artifacts and bundles go to |
//!
//! The conversation with the box is [`crate::run`]'s; what is read there and written here, and what is refused of the
//! other side, is [`crabbox_copy`]'s.

mod collected;
mod download;
mod errand;
mod ours;
mod wanted;

pub use collected::{Brought, Collected, Kind, LeftOut, Matched, Undone};
pub use download::Download;
pub(crate) use errand::{Errand, Here};
pub use ours::OURS;
pub(crate) use ours::{Unmade, make_ours};
pub use wanted::{Artifacts, Reports, Wanted, check_glob};
