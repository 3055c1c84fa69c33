//! What is said of a command that goes wrong before or beside what it does itself.

use crate::provider::keeper;
use crate::redact;
use crabbox_provider_api::{Command, ExecError, ExecErrorKind};
use rustix::io::Errno;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::ExitStatus;

/// A command in a message: its words, without secrets, and not too many.
pub(super) fn shown(command: &Command) -> String {
    const LONGEST: usize = 100;
    let line = command.argv().map(|word| word.escape_debug().to_string()).collect::<Vec<_>>();
    let line = redact::text(&line.join(" ")).into_owned();
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("`{}…`", &line[..at]),
        None => format!("`{line}`"),
    }
}

pub(super) fn not_started(shown: &str, error: &io::Error) -> ExecError {
    let (kind, why) = match error.kind() {
        // The file was there: what it needs to be started with isn't.
        ErrorKind::NotFound => {
            (ExecErrorKind::NotExecutable, "its interpreter is missing".to_owned())
        }
        ErrorKind::PermissionDenied => (ExecErrorKind::NotExecutable, error.to_string()),
        ErrorKind::ArgumentListTooLong | ErrorKind::InvalidInput => {
            (ExecErrorKind::Refused, error.to_string())
        }
        _ if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
            (ExecErrorKind::NotExecutable, "it is no program of this machine".to_owned())
        }
        _ => (ExecErrorKind::Failed, error.to_string()),
    };
    ExecError::new(kind, format!("{shown} can't be started: {why}"))
}

/// The folder that it was to run in is none, or isn't for us.
pub(super) fn not_entered(shown: &str, folder: &Path, errno: Errno) -> ExecError {
    let folder = folder.display();
    match errno {
        Errno::NOENT | Errno::NOTDIR => {
            let message = format!("there is no folder `{folder}` to run {shown} in");
            ExecError::new(ExecErrorKind::NotFound, message)
        }
        other => {
            let why = io::Error::from(other);
            let message = format!("the folder `{folder}` can't be entered to run {shown}: {why}");
            ExecError::new(ExecErrorKind::Failed, message)
        }
    }
}

pub(super) fn failed(shown: &str, error: &io::Error) -> ExecError {
    ExecError::new(ExecErrorKind::Failed, format!("{shown} can't be run: {error}"))
}

/// Its keeper is gone, whoever has ended that.
pub(super) fn unkept(shown: &str, status: ExitStatus) -> ExecError {
    ExecError::new(ExecErrorKind::Failed, format!("{shown} was ended, {}", keeper::unkept(status)))
}
