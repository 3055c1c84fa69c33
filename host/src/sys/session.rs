//! Starts a program that no terminal is open to.

#![expect(unsafe_code, reason = "std has no other way to a step before `exec`")]

use rustix::process::setsid;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The command leads a session of its own, and so a process group, too: what it starts finds no terminal to ask at.
pub(crate) fn in_own_session(command: &mut Command) -> &mut Command {
    // SAFETY: the step runs in the child between `fork` and `exec`, and is one system call.
    unsafe {
        command.pre_exec(|| {
            setsid()?;
            Ok(())
        })
    }
}
