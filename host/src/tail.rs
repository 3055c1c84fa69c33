//! The last words of a process: what it says on standard error is read for as long as it
//! speaks, and the end of it is kept for messages.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How much is kept, in bytes.
const LIMIT: usize = 64 * 1024;

/// What was said last, for the end of a message.
pub(crate) fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; it said: {stderr}") }
}

/// How long is waited for the rest once the process has ended. A process that it left
/// behind may hold the pipe open for ever.
const REST: Duration = Duration::from_millis(200);

/// The end of what comes out of a pipe.
#[derive(Debug)]
pub(crate) struct Tail {
    bytes: Arc<Mutex<VecDeque<u8>>>,
    reader: JoinHandle<()>,
}

impl Tail {
    /// Reads the pipe from now on.
    pub(crate) fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&chunk[..count]);
                let excess = kept.len().saturating_sub(LIMIT);
                kept.drain(..excess);
            }
        });
        Self { bytes, reader }
    }

    /// What was said last, so far.
    pub(crate) fn text(&self) -> String {
        let kept = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept.iter().copied().collect::<Vec<u8>>()).trim().to_owned()
    }

    /// Waits until the pipe has been read to its end, for a moment at most. For when the
    /// process has ended.
    pub(crate) fn finish(&self) {
        self.finish_within(REST);
    }

    /// The same, for so long at most.
    pub(crate) fn finish_within(&self, rest: Duration) {
        let end = Instant::now() + rest;
        while !self.reader.is_finished() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn said(line: &str) -> Tail {
        let mut command = Command::new("sh");
        let mut child = command.args(["-c", line]).stderr(Stdio::piped()).spawn().expect("a shell");
        let tail = Tail::of(child.stderr.take().expect("a pipe"));
        child.wait().expect("ends");
        tail.finish();
        tail
    }

    #[test]
    fn the_end_is_kept() {
        let text = said("head -c 100000 /dev/zero | tr '\\0' x >&2; echo last >&2").text();
        assert_eq!(text.len() + 1, LIMIT);
        assert!(text.ends_with("xlast"));
    }

    #[test]
    fn what_is_left_behind_with_the_pipe_is_not_waited_for() {
        let tail = said("sleep 5 & echo $! >&2");
        assert!(!tail.reader.is_finished());
        let kill = Command::new("kill").arg(tail.text()).status().expect("kill runs");
        assert!(kill.success());
    }
}
