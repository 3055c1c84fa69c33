//! Crabbox's host: the command line and everything that it owns.
//!
//! | module | what it does |
//! |---|---|
//! | [`cli`] | one file a command: its arguments, its help, its execution |
//! | [`config`] | settings from flags, environment, repository and user files |
//! | [`registry`] | which providers there are |
//! | [`provider`] | runs one in a child process and calls its hooks |
//! | [`claims`] | the durable record of every lease |
//! | [`lease`] | the life cycle: acquire, reuse, release, roll back |
//! | [`transport`] | one byte stream to the remote helper on a box |
//! | [`sync`] | makes the box's tree equal to the checkout |
//! | [`run`] | one command on a box, from request to exit code |
//! | [`output`] | everything that is printed, and how failures look |
//! | [`places`] | where crabbox keeps its files on this machine |
//! | `tail` | the last words of a process, for messages |

pub mod claims;
pub mod cli;
pub mod config;
pub mod lease;
pub mod output;
pub mod places;
pub mod provider;
pub mod registry;
pub mod run;
pub mod sync;
mod tail;
pub mod transport;
