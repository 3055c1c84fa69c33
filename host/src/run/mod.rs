//! One command on a box: from the request to its exit code.
//!
//! [`session`] is the conversation with the helper, [`outbox`] the shared way to it,
//! [`environment`], [`signals`] and [`stdin`] what reaches the command, [`outcome`] how
//! the end is told.

mod environment;
mod outbox;
mod outcome;
mod session;
mod signals;
mod stdin;

pub use environment::inherit;
pub use outcome::{CRABBOX_FAILED, Origin, Outcome};
pub use session::{Finished, Job, RunError, Seen, run};
pub use signals::{Listener, STOPPING, Work};
pub use stdin::is_forwarded as stdin_is_forwarded;
