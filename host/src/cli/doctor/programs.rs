//! The programs of this machine that crabbox runs.

use super::{fail, pass, warn};
use crabbox_provider_api::payload::Check;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a program may take to name its version.
const ANSWERING: Duration = Duration::from_secs(5);

/// Git, without which no checkout can be read, and ssh, which only some providers need.
pub(super) fn all() -> Vec<Check> {
    let git = match version("git", "--version") {
        Ok(version) => pass("git", version),
        Err(error) => fail("git", error, "sudo apt-get install git"),
    };
    let ssh = match version("ssh", "-V") {
        Ok(version) => pass("ssh", version),
        Err(error) => warn(
            "ssh",
            format!("{error}; boxes on other machines need it"),
            "sudo apt-get install openssh-client",
        ),
    };
    vec![git, ssh]
}

/// The first line that it prints, wherever (ssh prints to standard error).
fn version(program: &str, flag: &str) -> Result<String, String> {
    let mut command = Command::new(program);
    // Not in the checkout: whatever lies there is not asked.
    command.arg(flag).current_dir("/").process_group(0).stdin(Stdio::null());
    let wrap = |error: io::Error| format!("`{program}` can't be run: {error}");
    let (mut output, both) = io::pipe().map_err(wrap)?;
    command.stdout(both.try_clone().map_err(wrap)?).stderr(both);
    let mut child = command.spawn().map_err(wrap)?;
    // Its ends of the pipe go with it; else nothing would ever end.
    drop(command);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = [0; 1024];
        let length = output.read(&mut bytes).unwrap_or(0);
        // Nobody listens any more when it took too long.
        let _ = sender.send(bytes[..length].to_vec());
    });
    let answer = receiver.recv_timeout(ANSWERING);
    // It has said what it was asked; whatever it does now, nobody waits for it.
    if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
    let answer = answer.map_err(|_| format!("`{program} {flag}` doesn't answer"))?;
    let text = String::from_utf8_lossy(&answer);
    match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
        Some(line) => Ok(line.escape_debug().to_string()),
        None => Err(format!("`{program} {flag}` prints nothing")),
    }
}
