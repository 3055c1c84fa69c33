//! The one error that commands return: kind, what happened, why, and what to type next.

use super::exit::Exit;
use crate::run::Outcome;
use std::error::Error;
use std::fmt;

/// Decides the exit code.
pub type Kind = Exit;

/// A failed command.
#[derive(Debug)]
pub struct CommandError {
    kind: Kind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    notes: Vec<String>,
    hints: Vec<String>,
    /// A stable word for machines, where there is one beyond the kind.
    code: &'static str,
    retryable: bool,
    /// The signal that ended the command, which its exit code tells then.
    signal: Option<i32>,
}

impl CommandError {
    /// An error of this kind. Message: lower case, no full stop, back-ticks round names.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            notes: Vec::new(),
            hints: Vec::new(),
            code: code_of(kind),
            retryable: kind == Exit::TryAgain,
            signal: None,
        }
    }

    /// Something went wrong that the user didn't cause.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The command line or a configuration file is wrong.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds the cause, shown on lines of its own.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds what is to be known of it, in words.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds what to do about it: a line to paste, or a few words that don't look like one.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Without what to do about it, where that isn't the way here.
    #[must_use]
    pub fn without_hints(mut self) -> Self {
        self.hints.clear();
        self
    }

    /// In other words.
    #[must_use]
    pub fn reworded(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Sets the word for machines.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// The word for machines.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.code
    }

    /// What decides the exit code.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The command ended since this signal came.
    #[must_use]
    pub fn of_signal(mut self, signal: i32) -> Self {
        self.signal = Some(signal);
        self
    }

    /// What the program exits with.
    #[must_use]
    pub fn exit(&self) -> u8 {
        self.signal.map_or(self.kind as u8, |signal| Outcome::of_signal(signal).exit)
    }

    /// What is to be known of it.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What to do about it.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The causes, outermost first, each in one line.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = next {
            causes.push(error.to_string());
            next = error.source();
        }
        causes
    }

    /// What happened and why, in one line.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        let causes = self.causes().into_iter();
        causes.fold(self.message.clone(), |line, cause| format!("{line}: {cause}"))
    }

    /// The document of `run`, whose exit code is its outcome's.
    #[must_use]
    pub fn to_json_of_run(&self, outcome: &Outcome) -> serde_json::Value {
        let mut document = self.to_json();
        document["error"]["exit"] = outcome.exit.into();
        document["outcome"] = serde_json::json!(outcome);
        document
    }

    /// The document that `--json` prints for a failure.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "schema_version": 1,
            "error": {
                "code": self.code,
                "exit": self.exit(),
                "message": self.message,
                "causes": self.causes(),
                "notes": self.notes,
                "hints": self.hints,
                "retryable": self.retryable,
            },
        })
    }
}

fn code_of(kind: Kind) -> &'static str {
    match kind {
        Exit::Ok => "ok",
        Exit::Failed => "failed",
        Exit::Usage => "usage",
        Exit::Auth => "auth",
        Exit::NotFound => "not_found",
        Exit::Conflict => "conflict",
        Exit::TryAgain => "try_again",
        Exit::Quota => "quota",
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &dyn Error)
    }
}
