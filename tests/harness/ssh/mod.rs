//! Hosts to ssh to: the stock client, and a server over standard input and output as its proxy
//! command. No port, no root, no file of the system; every host has a folder of its own.
//!
//! | | |
//! |---|---|
//! | [`SshHost`] | a host: its configuration file, its alias, its keys, what it counted |
//! | [`SshHostBuilder`] | what it is, and what goes wrong with it |
//! | [`Server`] | whose server it is: russh's, or OpenSSH's own |
//! | [`Reached`] | a world whose boxes are on a host, for the program under test |
//! | [`Counts`] | connections, commands, bytes, turns |
//! | [`relay()`] | the line alone, for other servers |
//!
//! The servers differ where the real ones do: OpenSSH's opens a channel for no byte before the
//! command runs, which costs a round trip to whoever sends on standard input, and holds back a client
//! whose command doesn't read; the other one does neither.
//!
//! The client takes a home folder from the user database, never from `HOME`: so a test gives
//! it the file, [`SshHost::config_path`].

mod builder;
mod counts;
mod files;
mod host;
mod programs;
mod reached;

pub use builder::{Hang, Refuse, Server, SshHostBuilder};
pub use counts::Counts;
pub use host::SshHost;
pub use programs::relay;
pub use reached::Reached;
