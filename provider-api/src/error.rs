//! How a hook fails: typed, so that the host decides retries, roll-back and exit
//! codes from fields and never from text.

use serde::{Deserialize, Serialize};

/// What went wrong, for the host's decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// Not logged in, or the login has expired.
    Auth,
    /// Something that was named isn't there.
    NotFound,
    /// Something is there already, or is another's.
    Conflict,
    /// A limit of the account or the deployment.
    Quota,
    /// The far side doesn't answer now.
    Unavailable,
    /// A setting is wrong.
    InvalidConfig,
    /// It took too long.
    Timeout,
    /// The host asked the hook to stop.
    Cancelled,
    /// The provider has no such hook or can't do this.
    Unsupported,
    /// Everything else: a bug, an answer that makes no sense.
    Internal,
    /// A code of a newer interface; treated as [`ErrorCode::Internal`].
    #[serde(other)]
    Unknown,
}

/// Could the resource exist now, because of this call?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Certainly nothing happened.
    None,
    /// It happened, and the error came after.
    Done,
    /// Can't be told, or told in a way of a newer interface: the host must `resolve`.
    #[default]
    #[serde(other)]
    Maybe,
}

/// A failed hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Error {
    /// What went wrong, for decisions.
    pub code: ErrorCode,
    /// What went wrong, for people: lower case, no full stop.
    pub message: String,
    /// What to do about it, as a line that can be pasted where possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The same call may succeed if it is made again.
    #[serde(default)]
    pub retryable: bool,
    /// After how many seconds, if somebody has said so: the host makes a call again that had no effect, and a `lease`,
    /// which takes up what an earlier call for it has made. It takes anything above [`LONGEST_RETRY_AFTER`] for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Could the resource exist now?
    #[serde(default)]
    pub effect: Effect,
}

/// The longest wait before a call is made again, in seconds: 5 minutes.
pub const LONGEST_RETRY_AFTER: u32 = 300;

impl Error {
    /// An error that won't go away by itself. Whether it had an effect isn't known, until
    /// [`Error::effect`] says so.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            retryable: false,
            retry_after: None,
            effect: Effect::Maybe,
        }
    }

    /// The same, with another code.
    #[must_use]
    pub fn code(mut self, code: ErrorCode) -> Self {
        self.code = code;
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Marks that the same call may succeed if it is made again.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Marks that the same call may succeed after so many seconds. Where it had no effect, or is a `lease`, the host makes
    /// it again by itself then.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds.min(LONGEST_RETRY_AFTER));
        self.retryable()
    }

    /// Says whether the resource could exist now.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_newer_interface_are_taken_for_the_worst() {
        let text = r#"{"code":"on_strike","message":"m","effect":"half","since":1}"#;
        let error: Error = serde_json::from_str(text).expect("tolerated");
        assert_eq!((error.code, error.effect), (ErrorCode::Unknown, Effect::Maybe));
    }
}
