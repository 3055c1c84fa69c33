//! Does a lock on a file keep others out, where the file lies? Host and helper rely on locks; on a network file system they
//! may be refused, be granted to everybody, or reach no other machine.
//!
//! [`reach()`] is one system call, and says how far the files of a file system are seen. Where that isn't this machine
//! alone, [`Ground`] is asked more: what it was [`mount`]ed with, and whether a lock that is held is [`seen`].

mod ground;
mod mount;
mod reach;
mod seen;

pub use ground::{Ground, NoLocks};
pub use reach::{Reach, reach, reach_at};
pub use seen::{is_seen, probe};
