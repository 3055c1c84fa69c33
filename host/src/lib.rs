//! Crabbox's host: the command line and everything that it owns.
//!
//! It leases a box through a provider, makes the box's tree equal to a checkout, runs a command
//! there, and lets go of the box. The executable is [`cli::main`] and nothing else; the library is for it and
//! for the tests, and promises nothing to others.
//!
//! # Map
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
//! | [`events`] | a run, told to a machine while it goes on |
//! | [`history`] | what was run, and what came of it |
//! | [`mod@collect`] | what is brought here from a run |
//! | [`results`] | what the tests of a run came to |
//! | [`report`] | a run as one page |
//! | [`receipt`] | what a run was, for others to check |
//! | [`slow`] | why a run took as long as it did |
//! | [`bundle`] | all that is known of a run, in one file |
//! | [`copy`] | files to and from a box |
//! | [`tunnel`] | connections to a port of a box |
//! | [`visit`] | a session of whoever only visits a box, as these two |
//! | [`output`] | everything that is printed, and how failures look |
//! | [`log`] | what a command does, line by line: on the screen, in a file, kept for later |
//! | [`redact`] | secrets, and what is shown without them |
//! | [`places`] | where crabbox keeps its files on this machine |
//! | `sqlite` | what every database of ours needs, whatever is in it |
//! | `sys` | calls of the system that need `unsafe` |
//! | `tail` | the last words of a process, for messages |
//! | `turn` | one at a time, and who that is |
//! | [`fault`] | where a debug build ends itself, for tests of what a crash leaves |
//!
//! # How it hangs together
//!
//! `crabbox run` goes through all of it, in the order of the map. [`cli`] checks what was typed against
//! [`config`] and makes an order of it. [`sync::scan()`] reads the checkout while [`lease::Desk::acquire`]
//! finds a box: it writes to [`claims`] before it has [`provider`] call a hook of a library that
//! [`registry`] has found. [`run::run`] opens a session through [`transport`], states what it believes of
//! the box, sends what follows from that, corrects it, and passes output and signals on until the
//! command has ended. [`lease::Desk::let_go`] leaves the box ready or has it released. What is said of all
//! that, and the exit code, are made in [`cli`] and printed by [`output`].
//!
//! The other side of a session is the crate `crabbox-remote`, what both say is in [`crabbox_wire`], and what
//! host and provider say to each other in [`crabbox_provider_api`].
//!
//! # What it must not do
//!
//! - Decide by the text of an error: failures have types until [`output::CommandError`], which only people and
//!   exit codes see.
//! - Touch a resource that no claim proves to be ours, or call a provider before that is on disk.
//! - Trust what a box, a provider or a repository says beyond what its module checks.
//! - Print outside [`output`], or block on anything without a deadline or a way out by Ctrl-C.
//! - Name `abi_stable`, or depend on a provider.

pub mod bundle;
pub mod claims;
pub mod cli;
pub mod collect;
pub mod config;
pub mod copy;
pub mod events;
pub mod fault;
pub mod history;
pub mod lease;
pub mod log;
pub mod output;
pub mod places;
pub mod provider;
pub mod receipt;
pub mod redact;
pub mod registry;
pub mod report;
pub mod results;
pub mod run;
pub mod slow;
mod sqlite;
pub mod sync;
mod sys;
mod tail;
pub mod transport;
pub mod tunnel;
mod turn;
pub mod visit;
