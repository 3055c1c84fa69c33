//! The system's OpenSSH client as the way to a box: one connection a lease, which its sessions share.
//!
//! [`folder`] holds what belongs to a connection, [`config`] is what `ssh` reads there; [`connect`] rides a live
//! [`master`], or makes one; [`proxy`] is what stands round a provider's own command on the way, and [`error`]
//! what `ssh` says when it doesn't get there; it is asked [`once_more`] for the [`fingerprint`] of a key that isn't known, and
//! for what ended a [`detour`] on the way. [`mod@print`] is for
//! whoever wants to type it. [`foreground`] makes a connection where
//! somebody can be asked for a passphrase, whoever makes one holds a [`mod@lock`], and [`end`] ends those of a lease, with
//! the processes that are [`recorded`]. Whether a connection that doesn't answer is of use to its [`riders`] is seen before it
//! is replaced.

mod config;
mod connect;
mod detour;
mod end;
mod error;
mod fingerprint;
mod folder;
mod foreground;
mod lock;
mod master;
mod once_more;
mod print;
mod proxy;
mod recorded;
mod riders;

pub(super) use connect::{attach, is_open, open};
pub use end::{close, close_other_ways, forget, forget_those_but};
pub use error::{SshError, SshFailure};
pub(super) use foreground::open as open_in_foreground;
pub use print::{editors, line};
pub(crate) use proxy::answer;
