//! Does a setting hold that a repository's file names? The one place where that is decided.

use crate::config::layers::Layers;
use crabbox_provider_api::manifest::{Repository, Setting};
use toml::Value;

/// What becomes of a value in a repository's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It holds.
    Set,
    /// It was asked for, and holds if the user has granted it.
    Requested {
        /// Has the user?
        granted: bool,
    },
    /// It may not even ask.
    Refused,
}

/// Decides by what the provider's author says of the setting, and by what the user has granted. `key`:
/// the whole name.
pub(super) fn decide(layers: &Layers, setting: &Setting, key: &str, value: &Value) -> Decision {
    match setting.repository() {
        Repository::Set => Decision::Set,
        Repository::Request => Decision::Requested { granted: layers.grants().allows(key, value) },
        _ => Decision::Refused,
    }
}
