//! `isolation` in `[provider.NAME]`: the one key there that is the host's own, and no provider's.
//! Only the user's own file may say it: it chooses what may happen to this very process.

use super::error::{ConfigError, Place, Problem};
use std::env;

/// The key.
pub(super) const KEY: &str = "isolation";

/// What it may be; the first one holds when nothing is set.
const CHOICES: [&str; 2] = ["process", "none"];

/// Is the provider to run in this process?
pub(super) fn is_none(value: &toml::Value) -> Option<bool> {
    let choice = CHOICES.iter().position(|choice| value.as_str() == Some(choice))?;
    Some(choice == 1)
}

/// What is said of a value that it can't be.
pub(super) fn not_that(provider: &str, value: &toml::Value) -> Problem {
    Problem::Value {
        key: format!("provider.{provider}.{KEY}"),
        expected: format!("one of `{}`", CHOICES.join("`, `")),
        found: format!("`{value}`"),
    }
}

/// A variable that would set it, were it a provider's setting.
pub(super) fn of_environment() -> Vec<ConfigError> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let ours = |name: &String| {
        let provider =
            name.strip_prefix("CRABBOX_").and_then(|rest| rest.strip_suffix("_ISOLATION"));
        provider.is_some_and(|provider| !provider.is_empty())
    };
    let errors = names.filter(ours);
    errors.map(|name| ConfigError::new(Place::Variable(name.into()), Problem::Isolation)).collect()
}
