//! The file.

use super::pattern;
use crate::exec::{Command, ExecErrorKind, Status};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// External commands and their answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cassette {
    /// One for each time that a command is run.
    #[serde(default, rename = "call")]
    pub calls: Vec<Call>,
}

/// One time that a command is run: exactly one of `exit`, `signal` and `error`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The program as the provider names it, and its arguments, with `${NAME}` for what differs from time to time.
    pub argv: Vec<String>,
    /// What it read: `sha256:` and 64 hex digits; nothing if the key isn't there. What a tool
    /// reads is often secret, and never written down.
    #[serde(default)]
    pub stdin: Option<String>,
    /// Its exit code.
    #[serde(default)]
    pub exit: Option<i32>,
    /// The signal that ended it.
    #[serde(default)]
    pub signal: Option<i32>,
    /// Why it gave no answer, such as `not_found`.
    #[serde(default)]
    pub error: Option<ExecErrorKind>,
    /// How long it took, in milliseconds. A replay doesn't wait, but a call whose deadline is shorter fails by it.
    #[serde(default)]
    pub delay_ms: u64,
    /// What it said on standard output.
    #[serde(default)]
    pub stdout: String,
    /// The same in base64, where it isn't UTF-8.
    #[serde(default)]
    pub stdout_base64: String,
    /// What it said on standard error.
    #[serde(default)]
    pub stderr: String,
    /// The same in base64, where it isn't UTF-8.
    #[serde(default)]
    pub stderr_base64: String,
}

/// A cassette that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CassetteError {
    /// The file can't be read or written.
    #[error("the cassette `{}`: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It isn't TOML, or has other keys.
    #[error("the cassette can't be read: {0}")]
    Syntax(String),
    /// A call that makes no sense.
    #[error("call {number} of the cassette (`{argv}`): {reason}")]
    Call {
        /// Counted from 1.
        number: usize,
        /// Its command.
        argv: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Cassette {
    /// Reads a file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, CassetteError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path)
            .map_err(|source| CassetteError::File { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, CassetteError> {
        let cassette: Self =
            toml::from_str(text).map_err(|error| CassetteError::Syntax(error.to_string()))?;
        for (index, call) in cassette.calls.iter().enumerate() {
            if let Some(reason) = call.problem() {
                let argv = call.argv.join(" ");
                return Err(CassetteError::Call { number: index + 1, argv, reason });
            }
        }
        Ok(cassette)
    }

    /// The text of a file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let calls: Vec<String> = self.calls.iter().map(Call::to_toml).collect();
        calls.join("\n")
    }

    /// Without the calls that this refuses.
    #[must_use]
    pub fn only(mut self, wanted: impl FnMut(&Call) -> bool) -> Self {
        self.calls.retain(wanted);
        self
    }
}

impl Call {
    /// How a command that ran has ended; the rest is empty.
    #[must_use]
    pub fn of(command: &Command) -> Self {
        let argv = command.argv().map(pattern::escape).collect();
        Self { argv, stdin: digest(&command.stdin), ..Self::default() }
    }

    /// Notes how it ended.
    #[must_use]
    pub fn ended(mut self, status: Status, stdout: &[u8], stderr: &[u8]) -> Self {
        match status {
            Status::Exit(code) => self.exit = Some(code),
            Status::Signal(signal) => self.signal = Some(signal),
        }
        (self.stdout, self.stdout_base64) = as_text(stdout);
        (self.stderr, self.stderr_base64) = as_text(stderr);
        self
    }

    /// One line a key, and one a line of what was said: for whoever reviews it.
    fn to_toml(&self) -> String {
        let argv: Vec<Value> = self.argv.iter().cloned().map(Value::String).collect();
        let mut text = format!("[[call]]\nargv = {}\n", Value::Array(argv));
        let word = |text: &String| (!text.is_empty()).then(|| Value::String(text.clone()));
        let error = self.error.and_then(|error| Value::try_from(error).ok());
        let delay = i64::try_from(self.delay_ms).ok().filter(|delay| *delay > 0);
        let keys = [
            ("stdin", self.stdin.clone().map(Value::String)),
            ("exit", self.exit.map(|code| Value::Integer(code.into()))),
            ("signal", self.signal.map(|signal| Value::Integer(signal.into()))),
            ("error", error),
            ("delay_ms", delay.map(Value::Integer)),
            ("stdout", word(&self.stdout)),
            ("stdout_base64", word(&self.stdout_base64)),
            ("stderr", word(&self.stderr)),
            ("stderr_base64", word(&self.stderr_base64)),
        ];
        for (key, value) in keys {
            if let Some(value) = value {
                let table = Table::from_iter([(key.to_owned(), value)]);
                // Strings and numbers: nothing that TOML can't say.
                text.push_str(&toml::to_string_pretty(&table).unwrap_or_default());
            }
        }
        text
    }

    pub(super) fn stdout_bytes(&self) -> Vec<u8> {
        as_bytes(&self.stdout, &self.stdout_base64)
    }

    pub(super) fn stderr_bytes(&self) -> Vec<u8> {
        as_bytes(&self.stderr, &self.stderr_base64)
    }

    fn problem(&self) -> Option<&'static str> {
        let ends = [self.exit.is_some(), self.signal.is_some(), self.error.is_some()];
        let decodes = |text: &str| BASE64_STANDARD.decode(text).is_ok();
        if self.argv.is_empty() {
            Some("`argv` is empty")
        } else if ends.into_iter().filter(|end| *end).count() != 1 {
            Some("needs exactly one of `exit`, `signal` and `error`")
        } else if !decodes(&self.stdout_base64) || !decodes(&self.stderr_base64) {
            Some("what should be base64 isn't")
        } else if !(self.stdout.is_empty() || self.stdout_base64.is_empty())
            || !(self.stderr.is_empty() || self.stderr_base64.is_empty())
        {
            Some("has a stream twice")
        } else {
            None
        }
    }
}

/// What a command reads, as cassettes name it; `None` for nothing.
pub(super) fn digest(stdin: &[u8]) -> Option<String> {
    if stdin.is_empty() {
        return None;
    }
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(stdin) {
        // Writing to a string doesn't fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

fn as_text(bytes: &[u8]) -> (String, String) {
    match str::from_utf8(bytes) {
        Ok(text) => (pattern::escape(text), String::new()),
        Err(_) => (String::new(), BASE64_STANDARD.encode(bytes)),
    }
}

fn as_bytes(text: &str, base64: &str) -> Vec<u8> {
    if base64.is_empty() {
        return text.as_bytes().to_vec();
    }
    BASE64_STANDARD.decode(base64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_text_stays_readable() {
        let command = Command::new("tool").args(["say", "${HOME}"]).stdin("opensesame");
        let text = "{\n  \"a\": '''1'''\n}\n\u{1b}[1m${x}\n";
        let calls = vec![
            Call::of(&command).ended(Status::Exit(3), text.as_bytes(), b"\xff\0"),
            Call { delay_ms: 7, ..Call::of(&Command::new("x")).ended(Status::Signal(9), b"", b"") },
            Call { error: Some(ExecErrorKind::NotFound), ..Call::of(&Command::new("y")) },
        ];
        let written = Cassette { calls: calls.clone() }.to_toml();
        assert!(
            written.contains("\nargv = [\"tool\", \"say\", \"$${HOME}\"]\nstdin = "),
            "{written}"
        );
        assert!(written.contains("\n  \"a\": "), "{written}");
        assert!(!written.contains("opensesame"), "{written}");
        assert_eq!(Cassette::parse(&written).expect("reads").calls, calls);
        assert_eq!(calls[0].stderr_bytes(), b"\xff\0");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_number() {
        let error = |text: &str| Cassette::parse(text).expect_err("refuses").to_string();
        let good = "[[call]]\nargv = ['a']\nexit = 0\n";
        assert_eq!(
            error(&format!("{good}[[call]]\nargv = ['b', 'c']\n")),
            "call 2 of the cassette (`b c`): needs exactly one of `exit`, `signal` and `error`"
        );
        assert!(error(&format!("{good}signal = 9\n")).contains("exactly one"));
        assert!(error(&format!("{good}stdout_base64 = '*'\n")).contains("base64"));
        assert!(error(&format!("{good}exti = 0\n")).contains("exti"));
        assert!(error("[[call]]\nargv = []\nexit = 0\n").contains("empty"));
    }
}
