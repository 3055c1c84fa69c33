//! What a command does, line by line: for whoever looks on (`-v`, `-vv`, `CRABBOX_LOG`), for a file
//! (`--log-file`), and kept for later (`crabbox debug last`).
//!
//! Everything goes through `tracing`: spans for the command, its phases and each hook of a provider, events
//! within them, and what a provider logs, under the provider's name. [`collect`] turns all of it into
//! [`mod@line`]s, each at most once for each place that wants it; whatever was printed anyway is in the files,
//! too, and not printed again. A line holds no secret ([`crate::redact`]) and nothing that a terminal
//! would obey. What the [`mod@phases`] took is kept for the history. The files are [`kept`] and read again by [`mod@read`].
//!
//! A log never makes a command fail: one that can't be written ends, and nobody is told.

mod collect;
mod kept;
mod line;
mod phases;
mod read;
mod said;
mod start;

pub use kept::folder;
pub(crate) use phases::phases;
pub use read::{Record, records};
pub(crate) use said::{Matter, of_provider, printed};
pub(crate) use start::{Keep, Wanted, finish, start, wanted_of};
