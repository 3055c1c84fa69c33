//! Makes a connection in the foreground, where `ssh` can ask for a passphrase, a PIN, a second factor, or whether a
//! host key is the right one. The sessions that follow ride it.

use super::super::error::TransportError;
use super::super::route::Route;
use super::connect::{Way, client};
use super::master::{self, Master};
use crate::output::stand_aside;
use crate::sys::run_in_front;
use crabbox_provider_api::payload::Transport;
use std::process::Stdio;

/// Makes the connection of this way, unless there is one, or lets `ssh` say why not: whoever goes this way next finds
/// out. To be called where standard input and standard error are a terminal, which is `ssh`'s meanwhile.
pub fn open_in_foreground(route: &Route<'_>) -> Result<(), TransportError> {
    let Transport::Ssh(ssh) = route.transport else {
        return Ok(());
    };
    let way = Way::to(route, ssh)?;
    let _lock = way.lock()?;
    let socket = way.folder.socket(0);
    if matches!(master::look(&socket), Master::Alive(_)) {
        return Ok(());
    }
    way.prepare()?;
    let aside = stand_aside();
    let mut ssh = client();
    ssh.args(way.making(&socket))
        // In the background as soon as nobody has to be asked any more.
        .args(["-o", "BatchMode=no", "-f", "-N"])
        .arg(way.destination())
        .stdout(Stdio::null());
    let status = run_in_front(&mut ssh)
        .map_err(|source| TransportError::Start { program: "ssh".to_owned(), source })?;
    drop(aside);
    if status.success() {
        way.note_master(&socket);
    }
    Ok(())
}
