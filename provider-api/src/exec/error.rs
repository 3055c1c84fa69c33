//! Why a command gave no answer.

use crate::{Effect, Error, ErrorCode};
use serde::{Deserialize, Serialize};

/// What went wrong, for the provider's decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExecErrorKind {
    /// There is no such program, or no such folder to run it in. Nothing was started.
    NotFound,
    /// It is there and can't be started: no right to, another machine's, without its interpreter.
    NotExecutable,
    /// It took too long, and was ended; or its whole time went by while another command held its lock.
    Deadline,
    /// The hook was cancelled, and the command was ended.
    Cancelled,
    /// It said more than the cap, and was ended.
    OverCap,
    /// The host doesn't run this: something in the command isn't allowed. Nothing was started.
    Refused,
    /// The system failed, or a host of another version says something else.
    #[serde(other)]
    Failed,
}

/// A command that gave no answer. One that ends with an exit code other than 0 *is* an
/// answer: [`Output::success`](crate::exec::Output::success).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ExecError {
    /// What went wrong, for decisions.
    pub kind: ExecErrorKind,
    /// What went wrong, for people; without registered secrets.
    pub message: String,
}

impl ExecError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: ExecErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// For `?` in a hook. What the command was for the host can't know: its effect is taken for
/// possible once it was started. A provider that knows better says so with [`Error::effect`].
impl From<ExecError> for Error {
    fn from(error: ExecError) -> Self {
        let (code, effect) = match error.kind {
            ExecErrorKind::NotFound => (ErrorCode::NotFound, Effect::None),
            ExecErrorKind::NotExecutable => (ErrorCode::InvalidConfig, Effect::None),
            ExecErrorKind::Deadline => (ErrorCode::Timeout, Effect::Maybe),
            ExecErrorKind::Cancelled => (ErrorCode::Cancelled, Effect::Maybe),
            ExecErrorKind::Refused => (ErrorCode::Internal, Effect::None),
            ExecErrorKind::OverCap | ExecErrorKind::Failed => (ErrorCode::Internal, Effect::Maybe),
        };
        Self::new(code, error.message).effect(effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_a_newer_host_is_a_failure() {
        let text = r#"{"kind":"on_strike","message":"m","since":1}"#;
        let error: ExecError = serde_json::from_str(text).expect("tolerated");
        assert_eq!(error.kind, ExecErrorKind::Failed);
        assert_eq!(Error::from(error).effect, Effect::Maybe);
    }
}
