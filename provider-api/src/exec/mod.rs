//! External commands: a provider never starts a process itself, it asks the host to
//! ([`Host::exec`](crate::Host::exec)).
//!
//! ```no_run
//! # use crabbox_provider_api::{Command, Error, Host};
//! # fn example(host: &Host, token: &str) -> Result<(), Error> {
//! let list = host.exec(Command::new("coder").args(["list", "-o", "json"]).env("CODER_SESSION_TOKEN", token))?;
//! if !list.success() {
//!     return Err(list.into_error("coder list"));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The host owns the process: it finds the program, gives it the environment that the manifest
//! declares and what the command adds, and ends it with everything that it has started when it ends itself, when
//! the deadline is over, when the hook ends or is cancelled, when the output is too long, and when crabbox itself dies.
//! So nothing that a tool has started outlives the call. [`protocol`] is what both say meanwhile.

mod command;
mod error;
mod output;
pub mod protocol;
mod running;

pub use command::{
    AtCap, Command, DEFAULT_CAP, DEFAULT_DEADLINE, LARGEST_CAP, LONGEST_LOCK, LONGEST_STDIN,
};
pub use error::{ExecError, ExecErrorKind};
pub use output::{Output, Status, Stream};
