//! The file.

use super::pattern;
use crate::exec::{Command, ExecErrorKind, Status};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// External commands and their answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cassette {
    /// One for each time that a command is run.
    #[serde(default, rename = "call")]
    pub calls: Vec<Call>,
}

/// One time that a command is run: exactly one of `exit`, `signal` and `error`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The program as the provider names it, and its arguments, with `${NAME}` for what differs from time to time.
    pub argv: Vec<String>,
    /// What it read: `sha256:` and 64 hex digits; nothing if the key isn't there. What a tool
    /// reads is often secret, and never written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Its exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Why it gave no answer, such as `not_found`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExecErrorKind>,
    /// How long it took, in milliseconds. A replay doesn't wait, but a call whose deadline is shorter fails by it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// What it said on standard output.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// The same in base64, where it isn't UTF-8.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout_base64: String,
    /// What it said on standard error.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// The same in base64, where it isn't UTF-8.
    #[serde(default, skip_serializing_if = "String::is_empty")]
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
        // Strings, numbers and lists of strings: nothing that TOML can't say.
        toml::to_string_pretty(self).unwrap_or_default()
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
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
