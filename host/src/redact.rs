//! Secrets, and whatever leaves this program without them.
//!
//! A [`Secret`] registers itself when it is made; [`text`] takes every registered one out of what
//! is to be shown or kept. Both forms in which a value could leave are known: as it is, and
//! percent-encoded as in a URL.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::{PoisonError, RwLock};

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Shorter values aren't looked for, in bytes: they would be found in words that hold no secret.
const SHORTEST: usize = 6;

/// Registered values, longest first: one may be a part of another.
static VALUES: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// A value that neither `Debug` nor any document shows. There is no `Serialize`; whoever
/// hands it on says so with [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value, and registers it.
    #[must_use]
    pub fn new(value: String) -> Self {
        register(&value);
        Self(value)
    }

    /// The value, for the one place that it is meant for.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// From now on this value is taken out of every text.
pub fn register(value: &str) {
    let encoded = percent_encoded(value);
    let mut values = VALUES.write().unwrap_or_else(PoisonError::into_inner);
    for value in [value.trim(), &encoded] {
        if value.len() >= SHORTEST && !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
}

/// The text without the registered values.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    let values = VALUES.read().unwrap_or_else(PoisonError::into_inner);
    let mut result = Cow::Borrowed(text);
    for value in values.iter() {
        if result.contains(value.as_str()) {
            result = Cow::Owned(result.replace(value.as_str(), REDACTED));
        }
    }
    result
}

fn percent_encoded(value: &str) -> String {
    let mut result = String::new();
    for byte in value.trim().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            result.push(char::from(byte));
        } else {
            let _ = write!(result, "%{byte:02X}");
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_in_both_forms_and_longest_first() {
        register("opensesame");
        let secret = Secret::new("opensesame/and more\n".to_owned());
        assert_eq!(text("a opensesame/and more b"), "a [redacted] b");
        assert_eq!(text("?token=opensesame%2Fand%20more&"), "?token=[redacted]&");
        assert_eq!(text("opensesame"), REDACTED);
        assert_eq!(format!("{secret:?}"), REDACTED);
        assert_eq!(secret.expose(), "opensesame/and more\n");
    }

    #[test]
    fn what_is_too_short_is_left_alone() {
        register("on");
        assert!(matches!(text("on and on"), Cow::Borrowed("on and on")));
    }
}
