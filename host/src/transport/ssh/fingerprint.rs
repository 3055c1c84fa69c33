//! The fingerprint of a host key that isn't known here: what somebody compares before they trust it. OpenSSH shows it
//! only where it can ask, or to whoever debugs it; so, where it has refused a key, it is asked once more.

use super::super::Watchdog;
use super::super::process::{Killed, LocalEnd};
use super::connect::{Way, client};
use crate::sys::in_own_session;
use rustix::process::Pid;
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

/// How long that may take: it leads nowhere but to a better message.
const PATIENCE: Duration = Duration::from_secs(15);

/// What stands before the key's kind and fingerprint.
const BEFORE: &str = "debug1: Server host key: ";

/// The most that is read of what `ssh` says, in bytes.
const LIMIT: u64 = 256 * 1024;

/// Such as `ssh-ed25519 SHA256:…`, if the server shows one.
pub(super) fn shown(way: &Way<'_>) -> Option<String> {
    let options = ["ControlMaster=no", "ControlPath=none", "BatchMode=yes", "LogLevel=DEBUG1"];
    let mut command = client();
    command
        .arg("-F")
        .arg(way.folder.config())
        .args(options.into_iter().flat_map(|option| ["-o", option]))
        // Should the key be known by now: nobody is let in for this.
        .args(["-o", "PreferredAuthentications=none"])
        .args([&way.destination(), "exit"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = in_own_session(&mut command).spawn().ok()?;
    // Nobody rides this one.
    let end = LocalEnd::new(Pid::from_child(&child), Killed::Group);
    let watchdog = Watchdog::over(end, PATIENCE);
    let mut said = Vec::new();
    let _ = child.stderr.take()?.take(LIMIT).read_to_end(&mut said);
    watchdog.call_off();
    let _ = child.wait();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().find_map(|line| line.strip_prefix(BEFORE))?;
    Some(line.trim().to_owned())
}
