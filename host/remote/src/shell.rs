//! What `crabbox ssh` gets: this process becomes a shell, or a command, in the workspace, once the box has proved to be
//! the leased one. Nothing of it is supervised, and no lock is taken: it is for somebody who looks around.

use crate::failure::Failure;
use crate::layout::Layout;
use crate::proof;
use crate::session::decode;
use crate::start;
use crabbox_wire::message::{FailureCode, Marker};
use std::env;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

/// What a box that isn't the leased one ends with: that of a run that crabbox itself fails.
const FAILED: u8 = 125;

/// What a command ends with that can't be started: as a shell has it, and a run.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Becomes what `argument`, a request, asks for; returns only with a failure, which has been told.
pub(crate) fn become_it(argument: &str) -> ExitCode {
    let failure = match prepare(argument) {
        Ok(mut command) => {
            let error = command.exec();
            start::refusal(&command, &error)
        }
        Err(failure) => failure,
    };
    let Failure::Told(failure) = failure else { return ExitCode::from(FAILED) };
    let _ = writeln!(io::stderr(), "crabbox: {}", failure.message);
    ExitCode::from(match failure.code {
        FailureCode::CommandNotFound => NOT_FOUND,
        FailureCode::CommandNotExecutable => NOT_EXECUTABLE,
        _ => FAILED,
    })
}

fn prepare(argument: &str) -> Result<Command, Failure> {
    let request = decode(argument)?;
    if request.marker == Marker::Write {
        return Err(Failure::new(FailureCode::Request, "a shell marks nothing"));
    }
    let layout = Layout::of(&request)?;
    proof::prove(&request, &layout)?;
    let shell = env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned());
    let mut command = match request.run.map(|run| run.command) {
        None => {
            let name = Path::new(&shell).file_name().unwrap_or_default().to_string_lossy();
            let mut command = Command::new(&shell);
            // So a shell is told that it is the first one.
            command.arg0(format!("-{name}"));
            command
        }
        Some(wanted) => start::command(&wanted)?,
    };
    let places = [&layout.workspace, &layout.work_root];
    if let Some(folder) = places.into_iter().find(|folder| folder.is_dir()) {
        command.current_dir(folder);
    }
    Ok(command)
}
