//! Judges `[provider.NAME]` by what the provider's manifest says. None of its code is run.

use super::error::{ConfigError, Place, Problem};
use super::layers::{Layers, Origin, ProviderSetting};
use super::settings::Settings;
use super::value::parse_duration;
use crate::registry::{Places, Registry};
use crabbox_provider_api::manifest::{Manifest, Setting};
use serde_json::{Map, Value};

/// What stands in the way of a run with the chosen provider. Libraries are opened only if it has
/// settings, or if a table has nearly its name.
pub(super) fn check_chosen(layers: &Layers, settings: &Settings) -> Vec<ConfigError> {
    let chosen = &settings.provider;
    let registry = || Registry::new(Places::discover(settings.provider_path.clone()));
    let mut errors = Vec::new();
    if !settings.provider_settings.is_empty() {
        // One that is missing or broken is told of when it is needed: a ready box needs none.
        if let Ok(library) = registry().find(chosen) {
            errors.extend(check_entries(layers, chosen, &library.manifest));
        }
    }
    let mistyped = |name: &str| name != chosen && is_typo(name, chosen);
    for (name, place) in layers.provider_tables() {
        if mistyped(name) && registry().find(name).is_err() {
            let problem = Problem::NoProvider { name: name.to_owned(), meant: chosen.clone() };
            errors.push(ConfigError::new(place, problem));
        }
    }
    errors
}

impl Layers {
    /// All that is wrong with the chosen provider and in the tables `[provider.NAME]`, or can't
    /// be checked here.
    #[must_use]
    pub fn check_providers(&self, manifests: &[Manifest]) -> Vec<ConfigError> {
        let known = |name: &str| {
            let answers = |manifest: &&Manifest| {
                manifest.name == name || manifest.aliases.iter().any(|alias| alias == name)
            };
            manifests.iter().find(answers)
        };
        let names = || manifests.iter().map(|manifest| &manifest.name);
        let mut errors = Vec::new();
        if let Some((name, place)) =
            self.chosen_provider().filter(|(name, _)| known(name).is_none())
        {
            errors.push(ConfigError::new(place, not_known(&name, names())));
        }
        let mut checked = Vec::new();
        for (name, place) in self.provider_tables() {
            match known(name) {
                Some(_) if checked.contains(&name) => {}
                Some(manifest) => errors.extend(check_entries(self, name, manifest)),
                None => errors.push(ConfigError::new(place, not_known(name, names()))),
            }
            checked.push(name);
        }
        errors
    }

    /// What stands in `[provider.NAME]` for this name and shouldn't, by its manifest.
    #[must_use]
    pub fn check_provider(&self, name: &str, manifest: &Manifest) -> Vec<ConfigError> {
        check_entries(self, name, manifest)
    }
}

fn not_known<'a>(name: &str, mut known: impl Iterator<Item = &'a String>) -> Problem {
    match known.find(|known| is_typo(name, known)) {
        Some(meant) => Problem::NoProvider { name: name.to_owned(), meant: meant.clone() },
        None => Problem::NotInstalled { name: name.to_owned() },
    }
}

/// Was `meant` most likely meant? `coder2` and `coder-eu` are names of their own beside `coder`.
fn is_typo(name: &str, meant: &str) -> bool {
    let extends = |long: &str, short: &str| {
        let rest = long.strip_prefix(short).and_then(|rest| rest.bytes().next());
        rest.is_some_and(|first| first == b'-' || first.is_ascii_digit())
    };
    let far = if meant.len() < 4 { 1 } else { 2 };
    strsim::osa_distance(name, meant) <= far && !extends(name, meant) && !extends(meant, name)
}

fn check_entries(layers: &Layers, provider: &str, manifest: &Manifest) -> Vec<ConfigError> {
    let check = |entry: ProviderSetting| {
        let problem = match manifest.settings.get(&entry.name) {
            Some(setting) => check_value(provider, &entry, setting)?,
            None => no_setting(provider, &entry.name, manifest),
        };
        let Origin::File { path, line, .. } = entry.origin else {
            return None;
        };
        Some(ConfigError::new(Place::File { path, line: Some(line) }, problem))
    };
    layers.provider_chain(provider).into_iter().filter_map(check).collect()
}

fn no_setting(provider: &str, key: &str, manifest: &Manifest) -> Problem {
    let known: Vec<String> = manifest.settings.keys().cloned().collect();
    let meant = known.iter().find(|known| strsim::jaro_winkler(known, key) > 0.85).cloned();
    Problem::NoSetting { provider: provider.to_owned(), key: key.to_owned(), known, meant }
}

fn check_value(provider: &str, entry: &ProviderSetting, setting: &Setting) -> Option<Problem> {
    use toml::Value as Toml;
    let value = &entry.value;
    let (right, expected) = match setting.kind.as_str() {
        "string" | "path" | "enum" => (value.is_str(), "a string"),
        "integer" => (value.is_integer(), "an integer"),
        "bool" => (value.is_bool(), "`true` or `false`"),
        "list" => (value.is_array(), "a list"),
        "map" => (value.is_table(), "a table"),
        "duration" => (
            value.as_str().is_some_and(|text| parse_duration(text).is_some()),
            "a duration such as `90s`, `15m` or `2h`",
        ),
        // A kind of a later interface: the provider judges it.
        _ => (true, ""),
    };
    if right {
        return None;
    }
    let found = match value {
        _ if setting.secret => "what it is".to_owned(),
        Toml::Table(_) => "a table".to_owned(),
        Toml::Array(_) => "a list".to_owned(),
        plain => format!("`{plain}`"),
    };
    let key = format!("provider.{provider}.{}", entry.name);
    Some(Problem::Value { key, expected: expected.to_owned(), found })
}

/// As the provider gets it: what JSON doesn't have becomes text.
pub(super) fn to_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(yes) => (*yes).into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.iter().map(to_json).collect(),
        toml::Value::Table(table) => {
            let entries = table.iter().map(|(key, value)| (key.clone(), to_json(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_told_from_a_name_of_its_own() {
        for typo in ["lcoal", "locla", "loca", "locall", "lokal"] {
            assert!(is_typo(typo, "local"), "{typo}");
        }
        for name in ["local2", "local-eu", "coder", "ssh", "docker"] {
            assert!(!is_typo(name, "local"), "{name}");
        }
        assert!(is_typo("shh", "ssh"));
        assert!(!is_typo("sst-x", "ssh"));
    }
}
