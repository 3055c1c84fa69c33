//! A shell or a command on the box, between the streams of this very process: for people, who look around there. What
//! a run does goes through frames; this is what is typed and seen, byte by byte.

use super::bootstrap;
use super::error::TransportError;
use super::route::Route;
use super::ssh;
use crabbox_provider_api::payload::Transport;
use crabbox_wire::message::Request;
use std::path::Path;
use std::process::Command;

/// What becomes that on the box: a shell, or the command of the request. There must be a connection
/// ([`Link::socket`](super::Link)), and the helper must be there. `terminal`: the box gives it one.
pub fn attach(
    route: &Route<'_>,
    request: &Request,
    socket: Option<&Path>,
    terminal: bool,
) -> Result<Command, TransportError> {
    let script = bootstrap::becoming("shell", request)?;
    match route.transport {
        Transport::Exec { prefix } => {
            let words = prefix.iter().map(String::as_str).chain(["/bin/sh", "-c", &script]);
            let words: Vec<&str> = words.collect();
            let mut command = Command::new(words[0]);
            command.args(&words[1..]);
            Ok(command)
        }
        Transport::Ssh(to) => {
            let socket = socket.unwrap_or(Path::new("none"));
            ssh::attach(route, to, socket, &script, terminal)
        }
        _ => Err(TransportError::UnknownKind),
    }
}
