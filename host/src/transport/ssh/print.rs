//! The way to a box for other programs: a line to type, and a block for editors.

use super::super::error::TransportError;
use super::super::route::Route;
use super::config;
use super::connect::{Way, client};
use crabbox_provider_api::payload::{HostKey, Ssh};
use std::io;
use std::process::Command;

/// Words for `ssh`, from any folder, as long as the lease is this machine's.
pub fn line(route: &Route<'_>, ssh: &Ssh) -> Result<Vec<String>, TransportError> {
    let way = Way::to(route, ssh)?;
    way.prepare()?;
    let config = way.folder.config().to_string_lossy().into_owned();
    let mut words = ["ssh", "-t", "-F", &config].map(str::to_owned).to_vec();
    if ssh.host_key == HostKey::Known {
        // Somebody types it.
        words.extend(["-o", "StrictHostKeyChecking=ask"].map(str::to_owned));
    }
    words.push(way.destination());
    Ok(words)
}

/// A `Host` block under this name. What keeps terminals and forwardings from a run's connection isn't in it: an editor
/// wants them. Nor is that connection, which ends sooner than the lease.
pub fn editors(route: &Route<'_>, ssh: &Ssh, called: &str) -> Result<String, TransportError> {
    let way = Way::to(route, ssh)?;
    let block = resolved(ssh)
        .and_then(|resolved| config::for_editors(route, ssh, called, &resolved))
        .map_err(|error| way.misconfigured(error.to_string()))?;
    Ok(block)
}

/// What the user's own configuration says of the host, if it counts: under another name, nothing of it would hold.
fn resolved(ssh: &Ssh) -> io::Result<Vec<(String, String)>> {
    if !ssh.use_user_config {
        return Ok(Vec::new());
    }
    let theirs = options(client().args(["-G", &ssh.host]))?;
    let usual = options(client().args(["-F", "none", "-G", &ssh.host]))?;
    let differs = |option: &&(String, String)| option.0 == "hostname" || !usual.contains(option);
    let kept = theirs.iter().filter(differs).filter(|(name, _)| {
        // A connection of theirs under this name is none to the box's other name.
        name != "host" && !name.starts_with("control")
    });
    Ok(kept.map(|(name, value)| (name.clone(), in_quotes(name, value))).collect())
}

/// What `ssh -G` prints, in its order.
fn options(command: &mut Command) -> io::Result<Vec<(String, String)>> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let split = |line: &str| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
    Ok(text.lines().filter_map(split).collect())
}

/// A path is printed without the quotes that it needs to be read again.
fn in_quotes(name: &str, value: &str) -> String {
    let is_path = ["identityfile", "certificatefile", "identityagent"].contains(&name);
    if is_path && value.contains(' ') { format!("\"{value}\"") } else { value.to_owned() }
}
