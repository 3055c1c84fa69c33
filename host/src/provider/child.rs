//! The child's side: loads the one library that its standard input is, and serves its hooks.
//!
//! Descriptor 0 is the library's open file, descriptor 1 the socket to the host. Both
//! are moved before any code of the provider runs: what a provider prints goes to
//! standard error, and what it reads is empty.

use super::frame::{self, ToHost};
use super::load::load;
use super::serve::connection;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

/// The hidden command that this is.
pub(super) const COMMAND: &str = "__provider-child";

/// Serves until the host closes the connection.
#[must_use]
pub(super) fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        // The host sees the connection end, and says so.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    let (library, mut socket) = take_descriptors()?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", library.as_raw_fd()));
    let loaded = match load(&path) {
        Ok(loaded) => loaded,
        Err(reason) => return frame::write(&mut socket, ToHost::Unloadable { reason }),
    };
    let (connection, table) = connection();
    connection.lead_to(socket.try_clone()?);
    loaded.connect(table);
    connection.serve(loaded, socket, leave)
}

/// The host is gone or has what it wanted; a hook may still be running.
#[expect(clippy::exit, reason = "the main thread may be inside a hook that never ends")]
fn leave() {
    std::process::exit(0)
}

/// Moves the library and the socket to descriptors of their own.
fn take_descriptors() -> io::Result<(OwnedFd, UnixStream)> {
    let library = io::stdin().as_fd().try_clone_to_owned()?;
    let socket = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((library, UnixStream::from(socket)))
}
