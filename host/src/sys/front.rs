//! Lends the terminal to a program: its keys are that program's alone until it has ended.
//!
//! The program is in a process group of its own, as a shell would have it. So what it leaves behind in the background
//! (`ssh` a connection, and whatever leads there) isn't in ours, which the keys reach afterwards.

#![expect(
    unsafe_code,
    reason = "std has no step before `exec`, and rustix no disposition of signals"
)]

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, getpgrp, getpid, kill_current_process_group, kill_process_group,
    setpgid, waitpid,
};
use rustix::stdio::stdin;
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

unsafe extern "C" {
    fn signal(number: i32, disposition: usize) -> usize;
}

/// `SIG_IGN`.
const IGNORED: usize = 1;

/// Runs it to its end, with standard input the terminal. An interrupt key that ended it was meant for us, too.
pub(crate) fn run_in_front(command: &mut Command) -> io::Result<ExitStatus> {
    let ours = getpgrp();
    // In the background there is nothing to lend.
    if tcgetpgrp(stdin()) != Ok(ours) {
        return command.status();
    }
    let steps = move || {
        setpgid(None, None)?;
        Ok(pass(ours, getpid())?)
    };
    // SAFETY: the steps run in the child between `fork` and `exec`, where other threads' locks may be held for ever:
    // they are system calls, without allocation or lock.
    unsafe {
        command.pre_exec(steps);
    }
    let child = command.spawn().inspect_err(|_| {
        // It may have had the terminal, and has no number any more by which it could be asked.
        let _ = hand_over(ours);
    })?;
    let program = Pid::from_child(&child);
    let ended = attend(program, ours);
    pass(program, ours)?;
    let status = ended?;
    let keys = [Signal::INT, Signal::QUIT];
    if let Some(key) = keys.into_iter().find(|key| status.signal() == Some(key.as_raw())) {
        kill_current_process_group(key)?;
    }
    Ok(status)
}

/// Until it has ended. One that is stopped by a key stops us, too, and goes on with us.
fn attend(program: Pid, ours: Pid) -> io::Result<ExitStatus> {
    loop {
        let status = match waitpid(Some(program), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) => status,
            Ok(None) | Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if !status.stopped() {
            return Ok(ExitStatus::from_raw(status.as_raw()));
        }
        pass(program, ours)?;
        kill_current_process_group(Signal::TSTP)?;
        pass(ours, program)?;
        kill_process_group(program, Signal::CONT)?;
    }
}

/// Gives the terminal from one process group to another, if it is the one's: a shell may have taken it.
fn pass(from: Pid, to: Pid) -> rustix::io::Result<()> {
    if tcgetpgrp(stdin()) == Ok(from) { hand_over(to) } else { Ok(()) }
}

/// Gives the terminal to this process group. Whoever is in the background is stopped for that, unless it ignores it.
fn hand_over(group: Pid) -> rustix::io::Result<()> {
    let number = Signal::TTOU.as_raw();
    // SAFETY: no handler is set, and the disposition that was there is put back.
    let before = unsafe { signal(number, IGNORED) };
    let given = tcsetpgrp(stdin(), group);
    // SAFETY: as above.
    unsafe { signal(number, before) };
    given
}
