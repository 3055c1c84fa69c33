//! Starts the command.

use crate::environment::variables;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::sys;
use crabbox_wire::message::{Command as Wanted, Environment, FailureCode, Run};
use rustix::fs::Mode;
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Starts the command, with pipes for its output. Call it on the main thread ([`sys::prepare`]).
pub(crate) fn start(
    run: &Run,
    environment: &Environment,
    layout: &Layout,
    mask: Mode,
) -> Result<Child, Failure> {
    let directory = directory(run, layout)?;
    let mut command = command(&run.command)?;
    command
        .env_clear()
        .envs(variables(&run.environment, environment, &run.id, &directory, layout))
        .current_dir(&directory)
        .stdin(if run.stdin { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    sys::prepare(&mut command, mask);
    let child = command.spawn().map_err(|error| refusal(&command, &error))?;
    // Should memory run out, the command goes before the helper.
    let _ = fs::write(format!("/proc/{}/oom_score_adj", child.id()), "500");
    Ok(child)
}

fn directory(run: &Run, layout: &Layout) -> Result<PathBuf, Failure> {
    // Joining an empty path would leave a slash at the end, for every `pwd` to show.
    let directory = if run.directory.0.is_empty() {
        layout.workspace.clone()
    } else {
        layout.workspace.join(OsStr::from_bytes(&run.directory.0))
    };
    // Links in the tree may lead out of it; the working directory must not.
    let inside = fs::canonicalize(&directory)
        .ok()
        .zip(fs::canonicalize(&layout.workspace).ok())
        .is_some_and(|(directory, root)| directory.is_dir() && directory.starts_with(root));
    if inside {
        return Ok(directory);
    }
    let message = format!("there is no folder `{}` in the workspace", run.directory);
    Err(Failure::new(FailureCode::Directory, message))
}

/// The command, with nothing settled but its words.
pub(crate) fn command(wanted: &Wanted) -> Result<Command, Failure> {
    Ok(match wanted {
        Wanted::Shell(line) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(OsStr::from_bytes(&line.0));
            shell
        }
        Wanted::Argv(words) => {
            let (program, arguments) = words
                .split_first()
                .ok_or_else(|| Failure::new(FailureCode::Request, "there is no command to run"))?;
            let mut command = Command::new(OsStr::from_bytes(&program.0));
            command.args(arguments.iter().map(|word| OsStr::from_bytes(&word.0)));
            command
        }
    })
}

/// Why it can't be started.
pub(crate) fn refusal(command: &Command, error: &io::Error) -> Failure {
    let program = command.get_program().to_string_lossy();
    match Errno::from_io_error(error) {
        Some(Errno::NOENT) => Failure::new(
            FailureCode::CommandNotFound,
            format!("there is no program `{program}` on the box"),
        ),
        Some(Errno::ACCESS | Errno::PERM | Errno::NOEXEC) => Failure::new(
            FailureCode::CommandNotExecutable,
            format!("`{program}` can't be executed: {error}"),
        ),
        _ => Failure::new(FailureCode::System, format!("starting `{program}`: {error}")),
    }
}
