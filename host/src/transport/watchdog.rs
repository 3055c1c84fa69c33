//! Ends a process that doesn't say what is waited for in time: a read from a pipe has no
//! deadline of its own.

use super::process::LocalEnd;
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
    /// Kills the process after this time. It must not have been waited for while the watchdog lives.
    pub(crate) fn over(process: LocalEnd, patience: Duration) -> Self {
        let (called_off, wait) = channel();
        let bit = thread::spawn(move || {
            let bite = wait.recv_timeout(patience) == Err(RecvTimeoutError::Timeout);
            if bite {
                process.kill();
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
    use super::super::process::Killed;
    use super::*;
    use rustix::process::Pid;
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
            let end = LocalEnd::new(Pid::from_child(&child), Killed::Group);
            let watchdog = Watchdog::over(end, Duration::from_millis(patience));
            let mut said = String::new();
            let mut pipe = child.stdout.take().expect("a pipe");
            pipe.read_to_string(&mut said).expect("reads");
            assert_eq!(watchdog.call_off(), bites, "{line}");
            assert_eq!(said.is_empty(), bites, "{line}");
            child.wait().expect("ends");
        }
    }
}
