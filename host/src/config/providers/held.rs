//! What a provider gets of its settings.

use super::chain::Found;
use super::check::of_tables;
use super::login::fingerprint;
use super::problem::{ProviderProblem, placeholder};
use super::value::Value;
use crate::config::error::{ConfigError, Place};
use crate::config::layers::Layers;
use crate::config::layers::Origin;
use crabbox_provider_api::manifest::settings::{flag, key};
use crabbox_provider_api::manifest::{Affects, Manifest, Names, Setting};
use crabbox_provider_api::payload::Settings;
use crabbox_wire::tree::Hash;
use std::collections::BTreeMap;
use std::env;

/// The settings of the chosen provider.
#[derive(Clone, Debug, Default)]
pub struct ProviderSettings {
    /// As its hooks get them, secrets included; `Debug` shows none of the values.
    pub handed: Settings,
    /// Digest of those that shape the resource; `None` where nobody knows which they are, since
    /// the provider isn't here.
    pub profile: Option<String>,
    /// What the names of new resources begin with, where the host makes them.
    pub prefix: Option<String>,
    /// Digest of what the provider's login comes from; `None`: it doesn't say.
    pub login: Option<String>,
}

impl Layers {
    /// What a provider would get, chosen or not, with secrets read, and all that is wrong with it.
    #[must_use]
    pub fn settings_of(&self, manifest: &Manifest) -> (ProviderSettings, Vec<ConfigError>) {
        let (settings, mut errors) = hold(self, manifest);
        errors.extend(of_tables(self, manifest));
        (settings, errors)
    }
}

/// What holds of a provider's settings, with secrets read, and all that is wrong.
pub(in crate::config) fn hold(
    layers: &Layers,
    manifest: &Manifest,
) -> (ProviderSettings, Vec<ConfigError>) {
    let mut handed = Settings::default();
    let mut prefix = None;
    let mut shaping = BTreeMap::new();
    let mut errors = Vec::new();
    let mut missing = Vec::new();
    for (name, setting) in &manifest.settings {
        let mut chain = layers.chain_of(manifest, name, setting);
        let is_wrong = chain.errors.iter().any(|error| !error.is_warning());
        errors.append(&mut chain.errors);
        let Some(found) = chain.found.into_iter().next() else {
            if setting.required && !is_wrong && layers.may_lease() {
                missing.push(required(manifest, name, setting));
            }
            continue;
        };
        let Found { value, origin } = found;
        if manifest.names.is_some() && name == Names::SETTING {
            prefix = Some(value.text());
            continue;
        }
        let value = match value {
            Value::Unread(source) => match source.read(&key(&manifest.name, name)) {
                Ok(secret) => Value::Secret(secret).handed(),
                Err(problem) => {
                    errors.push(ConfigError::new(place(&origin, manifest), problem.into()));
                    continue;
                }
            },
            read => read.handed(),
        };
        if setting.affects() == Affects::Resource {
            shaping.insert(name.clone(), value.clone());
        }
        handed.insert(name.clone(), value);
    }
    // What is wrong is more worth knowing than what is left out.
    errors.extend(missing);
    let login = fingerprint(manifest, &handed, |name| env::var_os(name));
    (ProviderSettings { handed, profile: Some(digest(&shaping)), prefix, login }, errors)
}

/// A setting that nothing says anything of, and without which nothing works.
pub(super) fn required(manifest: &Manifest, name: &str, setting: &Setting) -> ConfigError {
    let flag = flag(&manifest.name, name);
    let flag = if setting.secret {
        vec![format!("{flag}-file"), "FILE".to_owned()]
    } else {
        vec![flag, placeholder(setting).to_owned()]
    };
    let problem = ProviderProblem::Required { key: key(&manifest.name, name), flag };
    ConfigError::new(Place::Provider(manifest.name.clone()), problem.into())
}

pub(super) fn place(origin: &Origin, manifest: &Manifest) -> Place {
    origin.place().unwrap_or_else(|| Place::Provider(manifest.name.clone()))
}

/// The first character says how it was made, so that a digest of another kind isn't taken for
/// one that differs.
fn digest(shaping: &BTreeMap<String, serde_json::Value>) -> String {
    let text = serde_json::json!(shaping).to_string();
    format!("1:{}", &Hash::of(text.as_bytes()).to_string()[..16])
}
