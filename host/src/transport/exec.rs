//! A command of this machine that runs another one on the box, or nothing in between.

use super::error::TransportError;
use super::process::{Killed, Process, Started};
use std::os::unix::process::CommandExt;
use std::process::Command;
use tracing::debug;

/// Runs `script` on the box that `prefix` leads to.
pub(super) fn start(prefix: &[String], script: &str) -> Result<Started, TransportError> {
    let mut words = prefix.iter().map(String::as_str).chain(["/bin/sh", "-c", script]);
    let program = words.next().unwrap_or("/bin/sh");
    debug!(
        "starting a shell on the box by `{}`",
        [prefix, &["/bin/sh".to_owned()]].concat().join(" ")
    );
    Process::start(Command::new(program).args(words).process_group(0), Killed::Group)
}
