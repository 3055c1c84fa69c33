//! External commands for providers. A provider's child relays what it asks for (as
//! [`crabbox_provider_api::exec::protocol`] says) and knows nothing of it; [`Execs`] serves it here.
//!
//! | | |
//! |---|---|
//! | [`find`] | which file a program's name stands for |
//! | [`mod@lock`] | which commands wait for each other |
//! | [`tool`] | one process: its streams, its deadline, its end |
//! | [`service`] | all that one provider runs |
//! | [`message`] | how its failures are told, without secrets |
//! | [`cassette`] | answers from a file instead, or a file of the answers |
//!
//! A tool is never read by a shell, never found in the checkout, runs in `/` with the variables that the manifest
//! declares and the command adds, holds no descriptor but its three streams, and can't outlive the hook that asked for it:
//! each has a [keeper](super::keeper), which ends it and whatever it has started.

pub mod cassette;
mod find;
mod lock;
mod message;
mod service;
mod tool;

pub(super) use service::Execs;

use crabbox_provider_api::ExecError;
use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;

/// Which file a program that a provider names stands for, whoever is to run it.
pub(crate) fn program(name: &str) -> Result<PathBuf, ExecError> {
    program_on(env::var_os("PATH").as_deref(), name)
}

/// The same on this `PATH`.
pub(crate) fn program_on(path: Option<&OsStr>, name: &str) -> Result<PathBuf, ExecError> {
    find::find(name, path, find::checkout().as_deref())
}
