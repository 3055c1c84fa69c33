//! Values that may be secrets, or of which nobody knows.

use super::answering;
use super::value::HIDDEN;
use crabbox_provider_api::manifest::Manifest;

/// What stands for a value of a provider that isn't here.
pub const ABSENT: &str = "(hidden: the provider isn't installed, so it may be a secret)";

/// What stands for a value of a setting that the provider doesn't have.
const UNKNOWN: &str = "(hidden: the provider has no such setting, so it may be a secret)";

/// What stands in the place of the value of a setting, by its whole name, where that is a secret or could be one.
#[must_use]
pub fn hidden(manifests: &[Manifest], key: &str) -> Option<&'static str> {
    let (provider, name) = key.strip_prefix("provider.")?.split_once('.')?;
    let Some(manifest) = answering(manifests, provider) else {
        return Some(ABSENT);
    };
    let secret = |name: &str| manifest.settings.get(name).map(|setting| setting.secret);
    match (secret(name), name.strip_suffix("-file").and_then(secret)) {
        (Some(false), _) | (None, Some(true)) => None,
        (Some(true), _) => Some(HIDDEN),
        (None, _) => Some(UNKNOWN),
    }
}
