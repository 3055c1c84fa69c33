//! Makes a connection in the foreground, where `ssh` can ask for a passphrase, a PIN, a second factor, or whether a
//! host key is the right one. The sessions that follow ride it.

use super::super::error::TransportError;
use super::super::route::Route;
use super::connect::{SLOTS, Way};
use super::error::SshFailure;
use super::master::{self, Master};
use super::riders;
use crate::output::stand_aside;
use crate::sys::run_in_front;
use crabbox_provider_api::payload::{HostKey, Transport};
use std::process::Stdio;

/// Makes another connection of this way, or lets `ssh` say why not: whoever goes this way next finds
/// out. To be called where standard input and standard error are a terminal, which is `ssh`'s meanwhile.
pub(in super::super) fn open(route: &Route<'_>) -> Result<(), TransportError> {
    let Transport::Ssh(ssh) = route.transport else {
        return Ok(());
    };
    let way = Way::to(route, ssh)?;
    let _lock = way.lock()?;
    // Those that are there have no room, or nobody would be asked.
    let is_free = |number: &usize| {
        let socket = way.folder.socket(*number);
        match master::look(&socket) {
            Master::Alive(_) => false,
            Master::Deaf => !riders::are_there(&socket),
            Master::Absent => true,
        }
    };
    let Some(number) = (0..SLOTS).find(is_free) else { return Ok(()) };
    let socket = way.folder.socket(number);
    way.clear(number);
    way.prepare()?;
    let mut command = way.making(&socket);
    // In the background as soon as nobody has to be asked any more.
    command.args(["-o", "BatchMode=no", "-f", "-N"]);
    if ssh.host_key == HostKey::Known {
        command.args(["-o", "StrictHostKeyChecking=ask"]);
    }
    command.arg(way.destination()).stdout(Stdio::null());
    let aside = stand_aside();
    let status = run_in_front(&mut command)
        .map_err(|source| TransportError::Start { program: "ssh".to_owned(), source })?;
    drop(aside);
    if status.success() && !way.note_master(number) {
        let said = "ssh went to the background, and keeps no connection".to_owned();
        return Err(way.failed(SshFailure::Other, said).into());
    }
    Ok(())
}
