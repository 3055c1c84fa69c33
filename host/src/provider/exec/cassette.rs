//! External commands from a cassette, or onto one, for whoever tests a provider: the environment says which.
//!
//! | variable | effect |
//! |---|---|
//! | `CRABBOX_CASSETTE_REPLAY=FILE` | no command is run: each is answered from the file, and one that isn't there fails |
//! | `CRABBOX_CASSETTE_RECORD=FILE` | each command is run, and what came of it is written to the file |
//!
//! One file holds what one command line of crabbox has its providers run. Registered secrets don't get into it; the lease's id
//! and slug stand in it as `${lease}` and `${slug}`, since they are others the next time. What a tool reads is there as its
//! digest, and the values of variables aren't there at all.

use crate::output::{CommandError, Exit};
use crate::redact;
use crabbox_provider_api::exec::{Status, Stream};
use crabbox_provider_api::testing::{Call, Cassette, Replay};
use crabbox_provider_api::{Command, ExecError};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

const REPLAY: &str = "CRABBOX_CASSETTE_REPLAY";
const RECORD: &str = "CRABBOX_CASSETTE_RECORD";

/// Both are for one command alone.
pub const VARIABLES: [&str; 2] = [REPLAY, RECORD];

/// Set once, before anything is run.
static MODE: OnceLock<Mode> = OnceLock::new();

#[derive(Debug)]
enum Mode {
    Replay { path: PathBuf, replay: Mutex<Replay> },
    Record { path: PathBuf, recorded: Mutex<Recorded> },
}

#[derive(Debug, Default)]
struct Recorded {
    cassette: Cassette,
    /// Why it couldn't be written.
    error: Option<io::Error>,
}

/// Reads what the environment says. A line for the user, if it says something.
pub fn begin() -> Result<Option<String>, CommandError> {
    let set = |name: &str| env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let (mode, line) = match (set(REPLAY).map(PathBuf::from), set(RECORD).map(PathBuf::from)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let message = format!("`{REPLAY}` and `{RECORD}` can't both be set");
            return Err(CommandError::usage(message).hint(format!("unset {REPLAY}")));
        }
        (Some(path), None) => {
            let cassette = Cassette::read(&path)
                .map_err(|error| CommandError::usage(error.to_string()).code("cassette"))?;
            let shown = path.display().to_string();
            let line = format!("commands of providers aren't run, but answered from `{shown}`");
            (Mode::Replay { path, replay: Mutex::new(Replay::new(cassette)) }, line)
        }
        (None, Some(path)) => {
            let line = format!("commands of providers are recorded in `{}`", path.display());
            (Mode::Record { path, recorded: Mutex::default() }, line)
        }
    };
    // A second time in one process would be the same environment.
    let _ = MODE.set(mode);
    Ok(Some(line))
}

/// What is wrong at the end of a command.
pub fn finish() -> Result<(), CommandError> {
    match MODE.get() {
        None => Ok(()),
        Some(Mode::Replay { path, replay }) => {
            let problems = replay.lock().unwrap_or_else(PoisonError::into_inner).problems();
            if problems.is_empty() {
                return Ok(());
            }
            let message = format!("the cassette `{}` doesn't fit", path.display());
            Err(CommandError::new(Exit::Failed, message)
                .code("cassette")
                .because(problems.join("\n")))
        }
        Some(Mode::Record { path, recorded }) => {
            let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
            match recorded.error.take() {
                None => Ok(()),
                Some(error) => {
                    let message = format!("the cassette `{}` can't be written", path.display());
                    Err(CommandError::failed(message).code("cassette").because(error))
                }
            }
        }
    }
}

/// What the lease of a hook is called, for the answers of a cassette.
pub(super) fn bind(names: &[(&'static str, String)]) {
    if let Some(Mode::Replay { replay, .. }) = MODE.get() {
        let mut replay = replay.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, value) in names {
            replay.bind(name, value);
        }
    }
}

/// The answer to a request, where a cassette gives it.
pub(super) fn answer(request: &[u8]) -> Option<(u32, Vec<u8>)> {
    match MODE.get() {
        Some(Mode::Replay { replay, .. }) => {
            Some(replay.lock().unwrap_or_else(PoisonError::into_inner).serve(request))
        }
        _ => None,
    }
}

/// A command that is being recorded.
#[derive(Debug)]
pub(super) struct Recording {
    call: Call,
    names: Vec<(&'static str, String)>,
    started: Instant,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Recording {
    /// Of a command that starts now; `None` where nothing is recorded.
    pub(super) fn of(command: &Command, names: &[(&'static str, String)]) -> Option<Self> {
        matches!(MODE.get(), Some(Mode::Record { .. })).then(|| Self {
            call: Call::of(command),
            names: names.to_vec(),
            started: Instant::now(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        })
    }

    pub(super) fn said(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Stdout => self.stdout.extend_from_slice(bytes),
            Stream::Stderr => self.stderr.extend_from_slice(bytes),
        }
    }

    pub(super) fn ended(mut self, status: Status) {
        let (stdout, stderr) = (without_secrets(&self.stdout), without_secrets(&self.stderr));
        self.call = std::mem::take(&mut self.call).ended(status, &stdout, &stderr);
        self.store();
    }

    /// What it said until then is no answer.
    pub(super) fn failed(mut self, error: &ExecError) {
        self.call.error = Some(error.kind);
        self.store();
    }

    fn store(self) {
        let Some(Mode::Record { path, recorded }) = MODE.get() else { return };
        let took = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let call = named(self.call, &self.names);
        let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.cassette.calls.push(Call { delay_ms: took, ..call });
        // Each time: a command that is ended has its cassette, too.
        recorded.error = write(path, &recorded.cassette.to_toml()).err();
    }
}

/// With names for what is another the next time.
fn named(mut call: Call, names: &[(&'static str, String)]) -> Call {
    let texts = call.argv.iter_mut().chain([&mut call.stdout, &mut call.stderr]);
    for text in texts {
        *text = redact::text(text).into_owned();
        for (name, value) in names.iter().filter(|(_, value)| !value.is_empty()) {
            *text = text.replace(value, &format!("${{{name}}}"));
        }
    }
    call
}

/// Bytes that are no text stay as they are, unless there is a secret among them.
fn without_secrets(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let redacted = redact::text(&text);
    if redacted == text { bytes.to_vec() } else { redacted.into_owned().into_bytes() }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    // Not only for whoever recorded it: it goes into a repository.
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_what_is_another_the_next_time_are_not_written_down() {
        redact::register("cassette-canary");
        let command = Command::new("tool").args(["--token=cassette-canary", "cbx_000000000007"]);
        let stdout = without_secrets(b"cassette-canary for cbx_000000000007 amber-crab");
        let binary = without_secrets(b"\xff cassette-canary");
        let call = Call::of(&command).ended(Status::Exit(0), &stdout, &binary);
        let names = [("lease", "cbx_000000000007".to_owned()), ("slug", "amber-crab".to_owned())];
        let call = named(call, &names);
        assert_eq!(call.argv, ["tool", "--token=[redacted]", "${lease}"]);
        assert_eq!(call.stdout, "[redacted] for ${lease} ${slug}");
        assert_eq!(call.stderr, "\u{fffd} [redacted]");
        assert_eq!(without_secrets(b"\xff\0"), b"\xff\0");
    }
}
