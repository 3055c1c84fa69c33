//! What came of a command.

use crate::{Effect, Error, ErrorCode};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// By itself, with this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// What a command that has ended said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: Status,
    /// Its standard output: bytes, which need not be text.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// The beginning of a stream is missing: [`AtCap::KeepEnd`](crate::exec::AtCap::KeepEnd).
    pub cut: bool,
}

impl Output {
    /// Did it end with 0?
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == Status::Exit(0)
    }

    /// Its standard output as text; what isn't UTF-8 is replaced.
    #[must_use]
    pub fn stdout_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Its standard error as text; what isn't UTF-8 is replaced.
    #[must_use]
    pub fn stderr_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }

    /// The error of a tool whose failure nobody has foreseen: how it ended, and the last line that it said on
    /// standard error. Code `internal`, effect `maybe`.
    #[must_use]
    pub fn into_error(self, what: &str) -> Error {
        let stderr = self.stderr_text();
        let last = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
        let said = last.map(|line| format!(": {line}")).unwrap_or_default();
        let message = format!("`{what}` failed ({}){said}", self.status);
        Error::new(ErrorCode::Internal, message).effect(Effect::Maybe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_named_by_its_last_line() {
        let stderr = b"usage: ...\n\xffno such box  \n\n".to_vec();
        let output = Output { status: Status::Signal(9), stdout: vec![], stderr, cut: false };
        assert!(!output.success());
        assert_eq!(
            output.into_error("tool list").message,
            "`tool list` failed (signal 9): \u{fffd}no such box"
        );
    }
}
