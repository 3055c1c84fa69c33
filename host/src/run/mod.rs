//! One session with a box: from the request to the exit code of the command, if there is one.
//!
//! [`session`] is the conversation with the helper, [`syncing`], [`mod@program`] and [`collecting`] its parts,
//! [`outbox`] the shared way to it, [`environment`], [`signals`] and [`stdin`] what reaches the command,
//! [`met`] what is recorded of its way, [`outcome`] and [`mod@error`] how the end is told, [`purpose`] where it is told in another way: a warm-up has no command.

mod collecting;
mod environment;
mod error;
mod met;
mod outbox;
mod outcome;
mod program;
mod purpose;
mod quiet;
mod session;
mod signals;
mod stdin;
mod syncing;

pub use collecting::bring_later;
pub use environment::inherit;
pub use error::RunError;
pub use met::Met;
pub use outcome::{CRABBOX_FAILED, Origin, Outcome};
pub use purpose::Purpose;
pub use session::{Ended, Finished, Job, Seen, run};
pub(crate) use signals::{FINISHING, aside, end_log};
pub use signals::{Listener, STOPPING, Work};
pub use stdin::is_forwarded as stdin_is_forwarded;
