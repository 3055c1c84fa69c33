//! Makes what the records say, below the place that was given. What can't be made is told of, and the rest goes on.
//!
//! | module | what it does |
//! |---|---|
//! | [`receiver`] | takes records in their order, and settles where they go |
//! | [`folders`] | the folders on the way |
//! | [`files`] | a file, from its announcement until it is in its place |
//! | [`chosen`] | what is different where files were chosen: not a tree is copied, but what matches is collected |
//! | [`spool`] | files that are only read once: all in one file |
//! | [`answers`] | what is said to the sender, and to whoever watches |
//! | [`error`] | why it can't go on |

mod answers;
mod chosen;
mod error;
mod files;
mod folders;
mod receiver;
mod spool;

pub use answers::{Answers, Placed};
pub use error::ReceiveError;
pub use receiver::Receiver;
pub use spool::Spool;
