//! `isolation` in `[provider.NAME]`: the one key there that is the host's own, and no provider's.
//! Only the user's own file may say it: it chooses what may happen to this very process.

use super::error::{ConfigError, Place, Problem};
use crabbox_provider_api::manifest::settings::variable;
use std::collections::BTreeSet;
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

/// Variables that would set it for one of these providers, were it a provider's setting. Others that
/// are called nearly so belong to somebody else.
pub(super) fn of_environment<'a>(providers: impl IntoIterator<Item = &'a str>) -> Vec<ConfigError> {
    let names: BTreeSet<String> =
        providers.into_iter().map(|provider| variable(provider, KEY)).collect();
    let set = names.into_iter().filter(|name| env::var_os(name).is_some());
    set.map(|name| ConfigError::new(Place::Variable(name.into()), Problem::Isolation)).collect()
}
