//! Mounts for the program under test and all that it starts, the server included, and for nobody else.

use crabbox_tests::built;
use crabbox_tests::ssh::Reached;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Crabbox behind these mounts, a line of shell in which `$box` is the home of commands, and with an empty `/var/tmp`: what
/// is there on this machine may be of other runs. What rides the connection later is behind them, too. `None`, and a
/// line that says so, where nothing may be mounted.
pub(super) fn behind(reached: &Reached, mounts: &str, arguments: &[&str]) -> Option<Command> {
    let flag = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    let can = Command::new("unshare").args([flag, "true"]).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        let _ = writeln!(std::io::stderr(), "skipped: nothing can be mounted here");
        return None;
    }
    let line = format!(
        "set -e; box=$1; shift; mount -t tmpfs -o mode=1777 none /var/tmp; {mounts}; exec \"$@\""
    );
    let home = reached.home().display().to_string();
    let crabbox = built().crabbox.display().to_string();
    let words = [&[flag, "sh", "-c", &line, "sh", &home, &crabbox], arguments].concat();
    Some(reached.dress(reached.world.command_of(Path::new("unshare"), &words)))
}
