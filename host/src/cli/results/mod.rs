//! `crabbox results`: [`command`] is what it takes, [`mod@lines`] what is said of tests, at the end of a run, too,
//! with those that [`failed`], and [`case`] all that is known of one; [`mod@name`] is how somebody says which.

mod case;
mod command;
mod failed;
mod lines;
mod name;

pub(in crate::cli) use case::describe;
pub(in crate::cli) use command::{Results, before, compared, kept};
pub(in crate::cli) use failed::Failed;
pub(in crate::cli) use lines::{changes, counts, slowest};
pub(in crate::cli) use name::parse_name;
