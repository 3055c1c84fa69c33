//! Runs a provider and calls its hooks.
//!
//! A provider's library is loaded in a **child process**: this program again, with a
//! hidden word ([`hidden`]; [`child`]), which loads exactly one library ([`load`]) and [`serve`]s its hooks. Above it
//! stands a [`keeper`], which leaves nothing of it behind. Host and child speak frames
//! ([`frame`], [`out`]) over a [`link`]; callers see typed [`hooks`], whose answers [`named`] looks at, and some of which are
//! made [`again`]. So a panic, a segfault, an `exit` or a hang of a
//! provider becomes an [`error`] here, and it sees only the environment that its manifest declares. That is no
//! sandbox: it runs as the same user. [`process`] is all that for the host; [`inside`] does without
//! it, for whoever debugs a provider and says so. The external commands of a provider run on this side ([`exec`]).

mod again;
mod child;
mod error;
pub mod exec;
mod flood;
mod frame;
mod hidden;
mod hooks;
mod inside;
mod keeper;
mod link;
mod load;
mod named;
mod out;
mod process;
mod serve;
mod stop;

pub use error::{Ended, ProviderError};
pub(crate) use frame::FRAMES;
pub(crate) use hidden::answer;
#[cfg(test)]
pub(crate) use hooks::Runtime;
pub use hooks::{Callbacks, Provider, open};
pub use process::{Isolation, Options};
pub use stop::Stop;
