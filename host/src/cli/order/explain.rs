//! What is said of an order that failed: the cause, and a line to type.

use super::{Order, Unreleased};
use crate::claims::{Claim, Ending};
use crate::lease::{fresh, not_waited_for};
use crate::output::{CommandError, Exit, Printer, Quoted, Typed, to_type};
use crate::places::home;
use crate::run::{Listener, Origin, Outcome, Purpose, RunError};
use crate::sync::SyncError;
use crate::transport::TransportError;
use crabbox_wire::message::{Command, Failure, FailureCode};
use crabbox_wire::text::Text;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What helps against a checkout that changes under our hands.
const AGAIN: &str = "run it again when nothing writes there";

/// A failure of ours, and whose it is.
pub(in crate::cli) struct Failed {
    pub(in crate::cli) error: Box<CommandError>,
    pub(in crate::cli) outcome: Outcome,
    /// Nobody reads the program's output any more: as a program that a closed pipe ends, this one
    /// says nothing of it.
    pub(super) unread: bool,
    /// The box couldn't be let go of, either.
    pub(super) unreleased: Option<Box<Unreleased>>,
}

impl From<CommandError> for Failed {
    fn from(error: CommandError) -> Self {
        Self {
            error: Box::new(error),
            outcome: Outcome::failure(Origin::Crabbox),
            unread: false,
            unreleased: None,
        }
    }
}

impl Failed {
    /// The line was wrong, or a setting: nothing was tried.
    pub(in crate::cli) fn is_of_usage(&self) -> bool {
        self.error.kind() == Exit::Usage
    }

    /// With what became of the box, if that is why.
    pub(super) fn since(self, became: Option<String>) -> Self {
        let error = became.into_iter().fold(*self.error, CommandError::because);
        Self { error: Box::new(error), ..self }
    }

    /// No box was to be had, or the user wants none any more.
    pub(super) fn of_acquiring(error: CommandError, listener: &Listener, purpose: Purpose) -> Self {
        if let Some(signal) = listener.received() {
            let why = CommandError::failed(purpose.interrupted()).code("run");
            let why = why.because(error.to_string());
            let why = error.notes().iter().cloned().fold(why, CommandError::note);
            let error = error.hints().iter().cloned().fold(why, CommandError::hint);
            return Self { outcome: Outcome::of_signal(signal), ..Self::from(error) };
        }
        let origin = match error.word() {
            "provider" => Origin::Provider,
            "transport" => Origin::Transport,
            _ => Origin::Crabbox,
        };
        Self { outcome: Outcome::failure(origin), ..Self::from(error) }
    }

    /// Tells of it; returns the exit code.
    pub(in crate::cli) fn show(self, purpose: Purpose, printer: Printer) -> u8 {
        let Self { error, outcome, unread, unreleased } = self;
        let exit = if unread {
            purpose.fail_silently(printer, *error, &outcome)
        } else {
            purpose.fail(printer, *error, &outcome)
        };
        if let Some(unreleased) = &unreleased {
            unreleased.show(printer);
        }
        exit
    }
}

pub(in crate::cli) fn explain_sync(error: &SyncError) -> CommandError {
    let result = CommandError::failed(error.to_string()).code("sync");
    let result = match std::error::Error::source(error) {
        Some(source) => result.because(source.to_string()),
        None => result,
    };
    match error {
        // Neither is good advice for all that somebody has, or the machine.
        SyncError::NotACheckout(folder) if home().is_some_and(|home| home.starts_with(folder)) => {
            result.note("go to the folder of a project first")
        }
        SyncError::NotACheckout(_) => {
            result.hint(Typed::here().with(&["--from-dir", "."]).to_string()).hint("git init")
        }
        SyncError::Distrusted { folder, .. } => {
            let folder = Quoted(folder);
            result.hint(format!("git config --global --add safe.directory {folder}"))
        }
        SyncError::Bare(_) => result.hint("git worktree add ../checkout"),
        SyncError::Read { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            result.note("what shan't be sent: --exclude PATTERN, or a line in `.crabboxignore`")
        }
        SyncError::MassDeletion { .. } => {
            result.hint(Typed::here().with(&["--allow-mass-deletion"]).to_string())
        }
        SyncError::Changed(_) => result.note(AGAIN),
        _ => result,
    }
}

/// What the helper says, and what the user can do about it.
fn explain_box(failure: &Failure, claim: &Claim, command: Option<&Command>) -> CommandError {
    let error = CommandError::failed(failure.message.clone());
    match (failure.code, command) {
        (FailureCode::Verify, _) => error.code("sync").note(AGAIN),
        (FailureCode::Occupied, _) => error.code("sync").hint(fresh(claim)),
        // What is somebody else's, and stays as it is, isn't made room on.
        (FailureCode::DiskFull, _) if claim.ending == Ending::None => {
            error.code("run").hint(fresh(claim))
        }
        (FailureCode::DiskFull, _) => {
            error.code("run").hint(to_type(&["stop", &claim.slug, "--delete", "--yes"]))
        }
        (FailureCode::Locks, _) => error
            .code("run")
            .note(
                "two sessions could work in one workspace; on a disk of the box's own, they can't",
            )
            .hint(to_type(&["provider", "options", &claim.provider])),
        (code, Some(Command::Argv(words))) => {
            program_hint(code, words).into_iter().fold(error.code("run"), CommandError::hint)
        }
        (_, Some(Command::Shell(_)) | None) => error.code("run"),
    }
}

pub(super) fn explain(error: &RunError, claim: &Claim, order: &Order) -> Failed {
    let outcome = error.outcome();
    let unread = matches!(error, RunError::Unread);
    let may_pass = error.may_pass();
    let error = match error {
        RunError::Sync(error) => explain_sync(error),
        RunError::Box(failure) => {
            let command = order.program.as_ref().map(|program| &program.command);
            explain_box(failure, claim, command)
        }
        RunError::InUse { by } => not_waited_for(&claim.slug, by),
        RunError::Interrupted(_) => CommandError::failed(order.purpose().interrupted()).code("run"),
        RunError::Transport(TransportError::Ssh(error)) => error.into(),
        other => {
            let part = if outcome.origin == Origin::Transport { "transport" } else { "run" };
            let result = CommandError::failed(other.to_string()).code(part);
            match std::error::Error::source(other) {
                Some(source) => result.because(source.to_string()),
                None => result,
            }
        }
    };
    let lost = matches!(outcome.origin, Origin::Transport) && order.wanted.id.is_none();
    let lost = lost && may_pass;
    let error =
        if lost { error.hint(to_type(&["status", &claim.slug])).hint(fresh(claim)) } else { error };
    Failed { error: Box::new(error), outcome, unread, unreleased: None }
}

/// A file that nobody may execute.
fn is_plain(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.mode() & 0o111 == 0)
}

/// A file that is neither a program for some machine nor one that names its interpreter.
fn is_script(path: &Path) -> bool {
    // Whoever opens a pipe waits for somebody who writes to it.
    if !path.metadata().is_ok_and(|found| found.is_file()) {
        return false;
    }
    let mut start = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start != *b"\x7fELF" && !start.starts_with(b"#!")
}

/// What was most likely meant by a command that can't be started.
fn program_hint(code: FailureCode, words: &[Text]) -> Option<String> {
    let [first, rest @ ..] = words else { return None };
    let program = String::from_utf8_lossy(&first.0);
    match code {
        // A line of shell in one word.
        FailureCode::CommandNotFound if rest.is_empty() && program.contains(' ') => {
            Some(Typed::here().without_command().with(&["--shell", &program]).to_string())
        }
        // The mode is sent, too.
        FailureCode::CommandNotExecutable if is_plain(Path::new(&*program)) => {
            Some(format!("chmod +x {}", Quoted(Path::new(&*program))))
        }
        // The kernel doesn't know what it is: a script without its first line, most likely.
        FailureCode::CommandNotExecutable if is_script(Path::new(&*program)) => {
            let words = words.iter().map(|word| String::from_utf8_lossy(&word.0).into_owned());
            let words: Vec<String> = words.collect();
            let line = [&["--", "sh"], &*words.iter().map(String::as_str).collect::<Vec<_>>()];
            Some(Typed::here().without_command().with(&line.concat()).to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    #[test]
    fn a_workspace_without_locks_leads_to_the_settings_of_its_provider() {
        let message = "`/lock` can't keep others out: it lies on nfs".to_owned();
        let failure = Failure { code: FailureCode::Locks, message };
        let id = "cbx_0123456789ab".parse().expect("an id");
        let mut claim = Claim::new(id, "red-eel".to_owned());
        "desk".clone_into(&mut claim.provider);
        let error = explain_box(&failure, &claim, None);
        assert!(error.hints().iter().any(|hint| hint.ends_with("provider options desk")));
    }

    #[test]
    fn a_script_without_its_first_line_is_told_from_all_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("it");
        for (text, expected) in [
            ("echo 1\n", true),
            ("#!/no/such/shell\n", false),
            ("\x7fELF and more", false),
            ("", false),
        ] {
            fs::write(&path, text).expect("writes");
            assert_eq!(is_script(&path), expected, "{text}");
        }
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).expect("a pipe");
        let mut both = OpenOptions::new().read(true).write(true).open(&pipe).expect("opens");
        both.write_all(b"echo").expect("writes");
        assert!(!is_script(&pipe) && !is_script(folder.path()));
    }
}
