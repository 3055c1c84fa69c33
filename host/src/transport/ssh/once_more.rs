//! Asks `ssh` once more, where it has failed, for what it says only then. Nobody is let in, and no connection is left.

use super::super::process::{Killed, LocalEnd};
use super::connect::{Way, ask_nobody, client};
use crate::tail::Tail;
use rustix::process::Pid;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long that may take: it leads nowhere but to a better message.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long the rest of its words may take once it has ended. What it left behind may hold the pipe for ever.
const REST: Duration = Duration::from_secs(1);

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// How much it says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Loudness {
    /// What goes wrong.
    Errors,
    /// Each step, also of those over other hosts on the way (`ProxyJump`).
    Debug,
}

/// What it says on standard error, and what leads there for it.
pub(super) fn said(way: &Way<'_>, loudness: Loudness) -> Option<String> {
    let options = ["ControlMaster=no", "ControlPath=none", "BatchMode=yes"];
    let mut command = client();
    command
        .arg("-F")
        .arg(way.folder.config())
        .args(options.into_iter().flat_map(|option| ["-o", option]))
        .args(match loudness {
            Loudness::Errors => &["-o", "LogLevel=ERROR"][..],
            // As an option of its own it isn't handed on to those which lead over other hosts.
            Loudness::Debug => &["-v"],
        })
        // Should it get there by now.
        .args(["-o", "PreferredAuthentications=none"])
        .args([&way.destination(), "exit"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = ask_nobody(&mut command).spawn().ok()?;
    let said = Tail::of(child.stderr.take()?);
    end_of(&mut child);
    said.finish_within(REST);
    Some(said.text())
}

/// Waits until it ends, or ends it.
fn end_of(child: &mut Child) {
    let until = Instant::now() + PATIENCE;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= until {
            // Nobody rides this one.
            LocalEnd::new(Pid::from_child(child), Killed::Group).kill();
            let _ = child.wait();
        } else {
            thread::sleep(PAUSE);
        }
    }
}
