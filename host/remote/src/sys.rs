//! What needs unsafe code: the steps of a new process between `fork` and `exec`.

use rustix::fs::Mode;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal, umask};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Gives the command its own `umask`, and has the kernel kill it should this process be killed:
/// a command without its supervisor can tell nobody how it ended, and would work on in a
/// workspace that the next session gets. The kernel watches the *thread* that starts the
/// command: call `spawn` on the main thread, which lives as long as the process. What the command
/// has started itself isn't reached by this; [`crate::lost`] looks for that.
#[expect(unsafe_code, reason = "std has no other way to a step before `exec`")]
pub(crate) fn prepare(command: &mut Command, mask: Mode) {
    let supervisor = getpid();
    let steps = move || {
        umask(mask);
        // A system that doesn't grant it leaves the search alone.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        // It may have died before the kernel was asked to watch it.
        if getppid() == Some(supervisor) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: the steps run in the child between `fork` and `exec`, where other threads' locks
    // may be held for ever: they are four system calls, without allocation or lock.
    unsafe {
        command.pre_exec(steps);
    }
}
