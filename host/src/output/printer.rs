//! The only code that writes to the standard streams.

use super::CommandError;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// How to print: settled once, from the global flags.
#[derive(Clone, Copy, Debug, Default)]
pub struct Printer {
    /// Say nothing but errors (the program's own output is never silenced).
    pub quiet: bool,
    /// Say more.
    pub verbose: bool,
    /// One JSON document on standard output, also on failure.
    pub json: bool,
}

impl Printer {
    /// One line about a phase.
    pub fn phase(&self, line: &str) {
        if !self.quiet {
            say("", line);
        }
    }

    /// Something that helps to understand a run, with `-v`.
    pub fn detail(&self, line: &str) {
        if self.verbose && !self.quiet {
            say("", line);
        }
    }

    /// A question, whatever `--quiet` says: without it the program would seem to hang.
    pub fn ask(&self, question: &str) {
        say("", question);
    }

    /// Something that isn't as it should be, and doesn't stop the command.
    pub fn warning(&self, line: &str) {
        say("warning: ", line);
    }

    /// What to do about it.
    pub fn hint(&self, line: &str) {
        say("  hint: ", line);
    }

    /// Why the command failed; with `--json`, as its document.
    pub fn error(&self, error: &CommandError) {
        if self.json {
            let _ = write_document(&error.to_json());
        }
        say("error: ", &error.to_string());
        for cause in error.causes() {
            for (index, line) in cause.lines().enumerate() {
                say(if index == 0 { "  because: " } else { "           " }, line);
            }
        }
        for hint in error.hints() {
            self.hint(hint);
        }
    }

    /// Text that was asked for, on standard output.
    pub fn data(&self, text: &str) -> Result<(), CommandError> {
        ignore_closed(io::stdout().lock().write_all(text.as_bytes()))
    }

    /// The document that `--json` asked for.
    pub fn document(&self, document: &impl Serialize) -> Result<(), CommandError> {
        ignore_closed(write_document(document))
    }
}

/// A line of ours on standard error, recognisable among the program's. What comes
/// from outside (a box, a provider) may hold terminal escapes: they are shown, not obeyed.
fn say(prefix: &str, line: &str) {
    let mut clean = String::with_capacity(line.len());
    for character in line.chars() {
        if character.is_control() && character != '\t' {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    let mut stderr = io::stderr().lock();
    let mark = if stderr.is_terminal() { "\u{1b}[2mcrabbox:\u{1b}[0m" } else { "crabbox:" };
    let mark = if std::env::var_os("NO_COLOR").is_some() { "crabbox:" } else { mark };
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(stderr, "{mark} {prefix}{clean}");
}

fn write_document(document: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(document).map_err(io::Error::other)?;
    text.push('\n');
    io::stdout().lock().write_all(text.as_bytes())
}

/// A reader that has seen enough (`| head -1`) is no failure.
fn ignore_closed(result: io::Result<()>) -> Result<(), CommandError> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::failed("standard output can't be written").because(error))
        }
        _ => Ok(()),
    }
}

/// The program's standard output, byte for byte.
pub(crate) fn program_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// The program's standard error, byte for byte.
pub(crate) fn program_stderr(bytes: &[u8]) -> io::Result<()> {
    io::stderr().lock().write_all(bytes)
}
