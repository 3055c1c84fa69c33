//! Runs a provider and calls its hooks.
//!
//! A provider's library is loaded in a **child process**: this program again, with a
//! hidden sub-command ([`child`]), which loads exactly one library ([`load`]) and
//! speaks frames ([`frame`]) with its parent ([`process`]), whose callers see typed
//! [`hooks`]. So a panic, a segfault, an `exit` or a hang of a provider becomes an
//! [`error`] here, and it sees only the environment that its manifest declares. That is no
//! sandbox: it runs as the same user. The external commands of a provider run on this side ([`exec`]).

pub mod child;
mod error;
pub mod exec;
mod frame;
mod hooks;
mod load;
mod process;

pub use error::ProviderError;
pub(crate) use frame::FRAMES;
pub use hooks::{Callbacks, Provider, open};
pub use process::Options;
