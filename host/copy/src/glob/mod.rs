//! Patterns of paths, followed along with a walk: a folder that none of them leads through isn't entered, and no
//! path is compared twice.
//!
//! | | matches |
//! |---|---|
//! | `*` | any part of a name, also nothing, also a dot at its beginning |
//! | `?` | one character |
//! | `[a-z]`, `[!a-z]` | one character of these, or none of these |
//! | `{a,b}` | one of these, which may hold slashes and others |
//! | `**` | as a whole name: any number of folders, also none |
//! | `\x` | `x` itself |
//!
//! A pattern counts from the root of the walk. One that matches a folder matches all that is in it.
//!
//! [`globs`] walks with patterns, [`parse`] reads one, [`name`] compares one part of it with a name.

mod error;
mod globs;
mod name;
mod parse;

pub use error::GlobError;
pub use globs::{Files, Globs, Reach};
