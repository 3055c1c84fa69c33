//! Ends a process that doesn't say what is waited for in time: a read from a pipe has no
//! deadline of its own.

use rustix::process::{Pid, Signal, kill_process_group};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Watches until it is called off.
#[derive(Debug)]
pub(crate) struct Watchdog {
    called_off: Sender<()>,
    bit: JoinHandle<bool>,
}

impl Watchdog {
    /// Kills the process group of `process` after this time. The process must not have been waited
    /// for while the watchdog lives.
    pub(crate) fn over(process: Pid, patience: Duration) -> Self {
        let (called_off, wait) = channel();
        let bit = thread::spawn(move || {
            let bite = wait.recv_timeout(patience) == Err(RecvTimeoutError::Timeout);
            if bite {
                let _ = kill_process_group(process, Signal::KILL);
            }
            bite
        });
        Self { called_off, bit }
    }

    /// Calls it off. Had it killed the process by then?
    pub(crate) fn call_off(self) -> bool {
        drop(self.called_off);
        self.bit.join().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    #[test]
    fn silence_is_ended_and_an_answer_is_not() {
        // The shell's own child holds the pipe, as what leads to a box may.
        for (line, patience, bites) in [("sleep 300 & wait", 10, true), ("echo x", 100_000, false)]
        {
            let mut command = Command::new("sh");
            command.args(["-c", line]).stdout(Stdio::piped()).process_group(0);
            let mut child = command.spawn().expect("a shell");
            let watchdog = Watchdog::over(Pid::from_child(&child), Duration::from_millis(patience));
            let mut said = String::new();
            let mut pipe = child.stdout.take().expect("a pipe");
            pipe.read_to_string(&mut said).expect("reads");
            assert_eq!(watchdog.call_off(), bites, "{line}");
            assert_eq!(said.is_empty(), bites, "{line}");
            child.wait().expect("ends");
        }
    }
}
