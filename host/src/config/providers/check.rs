//! Finds all that is wrong in what is said of providers.

use super::answering;
use super::held::{place, required};
use super::problem::ProviderProblem;
use super::value::Value;
use crate::config::error::{ConfigError, Place, Problem};
use crate::config::file::Owner;
use crate::config::layers::{FILES, Layers};
use crate::config::strays::{self, is_near};
use crate::registry::Registry;
use crabbox_provider_api::manifest::Manifest;
use crabbox_provider_api::manifest::settings::{flag, key};
use std::collections::BTreeSet;

/// What stands in the way of a run with the chosen provider, beyond the values of its settings. All
/// other libraries are opened only if a table has nearly its name.
pub(in crate::config) fn check_chosen(
    layers: &Layers,
    registry: &Registry,
    chosen: &str,
    manifest: Option<&Manifest>,
) -> Vec<ConfigError> {
    let mut errors: Vec<_> = manifest.map(|one| of_tables(layers, one)).unwrap_or_default();
    errors.extend(layers.of_others(manifest.map(|one| one.name.as_str())));
    let is_own = |name: &str| {
        manifest.is_some_and(|own| own.name == name || own.aliases.iter().any(|one| one == name))
    };
    let mistyped = |name: &str| name != chosen && !is_own(name) && is_typo(name, chosen);
    for (name, place) in layers.provider_tables() {
        if mistyped(name) && registry.find(name).is_err() {
            let problem = Problem::NoProvider { name: name.to_owned(), meant: chosen.to_owned() };
            errors.push(ConfigError::new(place, problem));
        }
    }
    errors
}

impl Layers {
    /// What the command line says of settings of other providers than those that it uses, by their names.
    #[must_use]
    pub fn of_others<'a>(&self, used: impl IntoIterator<Item = &'a str>) -> Vec<ConfigError> {
        let used: Vec<&str> = used.into_iter().collect();
        let chosen = self.chosen_provider().map(|(name, _)| name).unwrap_or_default();
        let others = self.all_given().iter().filter(|given| !used.contains(&&*given.provider));
        let problem = |given: &super::Flag| {
            let (provider, chosen) = (given.provider.clone(), chosen.clone());
            let place = Place::Flag(flag(&given.provider, &given.setting).into());
            ConfigError::new(place, ProviderProblem::Other { provider, chosen }.into())
        };
        others.map(problem).collect()
    }

    /// The names of those that are chosen or have a table `[provider.NAME]`.
    #[must_use]
    pub fn named_providers<'a>(&self, manifests: &'a [Manifest]) -> BTreeSet<&'a str> {
        let chosen = self.chosen_provider().map(|(name, _)| name);
        let tables = self.provider_tables();
        let words = tables.iter().map(|(name, _)| *name).chain(chosen.as_deref());
        words.filter_map(|word| answering(manifests, word)).map(|one| one.name.as_str()).collect()
    }

    /// All that is wrong with the chosen provider, in the tables `[provider.NAME]`, in the
    /// variables and the flags, or can't be checked here. Files of secrets are
    /// read, and standard input isn't.
    #[must_use]
    pub fn check_providers(&self, manifests: &[Manifest]) -> Vec<ConfigError> {
        let names = || manifests.iter().map(|manifest| &manifest.name);
        let mut errors = Vec::new();
        let mut checked: Vec<&str> = Vec::new();
        let chosen = self.chosen_provider();
        if let Some((name, Some(place))) = &chosen
            && answering(manifests, name).is_none()
        {
            errors.push(ConfigError::new(place.clone(), not_known(name, names())));
        }
        for (name, place) in self.provider_tables() {
            match answering(manifests, name) {
                Some(manifest) if checked.contains(&manifest.name.as_str()) => {}
                Some(manifest) => {
                    checked.push(&manifest.name);
                    errors.extend(self.of_provider(manifest, manifests));
                }
                None => errors.push(ConfigError::new(place, not_known(name, names()))),
            }
        }
        let Some((name, place)) = chosen else {
            return errors;
        };
        let Some(manifest) = answering(manifests, &name) else {
            return errors;
        };
        if !checked.contains(&manifest.name.as_str()) {
            errors.extend(self.of_provider(manifest, manifests));
        }
        // What a repository chooses demands nothing of somebody who hasn't taken it up.
        let of_repository = &self.file(Owner::Repository).0;
        let by_repository =
            matches!(&place, Some(Place::File { path, .. }) if path == of_repository);
        if by_repository && !self.is_configured(&manifest.name) {
            return errors;
        }
        for (name, setting) in manifest.settings.iter().filter(|(_, setting)| setting.required) {
            let chain = self.chain_of(manifest, name, setting);
            if chain.found.is_empty() && chain.errors.is_empty() {
                errors.push(required(manifest, name, setting));
            }
        }
        errors
    }

    fn of_provider(&self, manifest: &Manifest, all: &[Manifest]) -> Vec<ConfigError> {
        let chains = manifest.settings.iter().flat_map(|(name, setting)| {
            let chain = self.chain_of(manifest, name, setting);
            let unread = chain.found.into_iter().next().and_then(|found| {
                let Value::Unread(source) = &found.value else { return None };
                let problem = source.look(&key(&manifest.name, name)).err()?;
                Some(ConfigError::new(place(&found.origin, manifest), problem.into()))
            });
            chain.errors.into_iter().chain(unread)
        });
        let mut errors: Vec<_> = chains.chain(of_tables(self, manifest)).collect();
        if !self.is_of_file() {
            errors.extend(strays::of_provider(manifest, || all.to_vec()));
        }
        errors.sort_by_key(|error| match &error.place {
            Place::File { path, line } => {
                (FILES.iter().position(|owner| self.file(*owner).0 == *path), *line)
            }
            _ => (None, None),
        });
        errors
    }
}

/// What in a provider's tables isn't one of its settings, and tables with another name of it.
pub(super) fn of_tables(layers: &Layers, manifest: &Manifest) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let tables = FILES.map(|owner| layers.table(owner, &manifest.name));
    for (path, table) in tables.into_iter().chain([layers.pinned(&manifest.name)]) {
        for (name, entry) in table.into_iter().flatten() {
            if !is_setting(manifest, name) {
                let place = Place::File { path: path.to_owned(), line: Some(entry.line) };
                errors.push(ConfigError::new(place, no_setting(name, manifest)));
            }
        }
    }
    for (alias, place) in layers.provider_tables() {
        if manifest.aliases.iter().any(|one| one == alias) && alias != manifest.name {
            let problem =
                ProviderProblem::Alias { alias: alias.to_owned(), name: manifest.name.clone() };
            errors.push(ConfigError::new(place, problem.into()));
        }
    }
    errors
}

/// Also the key that names the file of a secret.
fn is_setting(manifest: &Manifest, key: &str) -> bool {
    let is_secret = |name| manifest.settings.get(name).is_some_and(|setting| setting.secret);
    manifest.settings.contains_key(key) || key.strip_suffix("-file").is_some_and(is_secret)
}

fn no_setting(key: &str, manifest: &Manifest) -> Problem {
    let known: Vec<String> = manifest.settings.keys().cloned().collect();
    let alike = known.iter().map(|known| (strsim::jaro_winkler(known, key), known));
    let best = alike.filter(|(alike, _)| *alike > 0.85).max_by(|a, b| a.0.total_cmp(&b.0));
    let meant = best.map(|(_, known)| known.clone());
    Problem::NoSetting { provider: manifest.name.clone(), key: key.to_owned(), known, meant }
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
    is_near(name, meant) && !extends(name, meant) && !extends(meant, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_setting_is_meant() {
        let text = "name = 's'\nversion = '1.0.0'\nabi = '1'\n\
            [settings.host-key]\ntype = 'map'\n[settings.hosts]\ntype = 'list'\n";
        let manifest = Manifest::parse(text).expect("reads");
        let Problem::NoSetting { meant, .. } = no_setting("host", &manifest) else {
            unreachable!("it is no setting");
        };
        assert_eq!(meant.as_deref(), Some("hosts"));
    }

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
