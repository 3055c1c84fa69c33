//! Asks `ssh` once more, where it has failed, for what it says only then. Nobody is let in, and no connection is left.

use super::super::Watchdog;
use super::super::process::{Killed, LocalEnd};
use super::connect::{Way, ask_nobody, client};
use rustix::process::Pid;
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

/// How long that may take: it leads nowhere but to a better message.
const PATIENCE: Duration = Duration::from_secs(15);

/// The most that is read of what `ssh` says, in bytes.
const LIMIT: u64 = 256 * 1024;

/// What it says on standard error, and what leads there for it.
pub(super) fn said(way: &Way<'_>, log_level: &str) -> Option<String> {
    let options = ["ControlMaster=no", "ControlPath=none", "BatchMode=yes"];
    let mut command = client();
    command
        .arg("-F")
        .arg(way.folder.config())
        .args(options.into_iter().flat_map(|option| ["-o", option]))
        .args(["-o", &format!("LogLevel={log_level}")])
        // Should it get there by now.
        .args(["-o", "PreferredAuthentications=none"])
        .args([&way.destination(), "exit"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = ask_nobody(&mut command).spawn().ok()?;
    // Nobody rides this one.
    let end = LocalEnd::new(Pid::from_child(&child), Killed::Group);
    let watchdog = Watchdog::over(end, PATIENCE);
    let mut said = Vec::new();
    let _ = child.stderr.take()?.take(LIMIT).read_to_end(&mut said);
    watchdog.call_off();
    let _ = child.wait();
    Some(String::from_utf8_lossy(&said).into_owned())
}
