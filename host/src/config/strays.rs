//! Variables that are called like one of a setting, and mean nothing.

use super::error::{ConfigError, Place, Problem};
use super::keys::KEYS;
use crabbox_provider_api::manifest::settings::variable;
use crabbox_provider_api::manifest::{Manifest, Setting};
use std::env;

/// Those that begin like this.
fn beginning(start: &str) -> Vec<String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(start)).collect();
    names.sort();
    names
}

/// Was `meant` most likely meant?
#[must_use]
pub(crate) fn is_near(word: &str, meant: &str) -> bool {
    let far = if meant.len() < 4 { 1 } else { 2 };
    strsim::osa_distance(word, meant) <= far
}

fn nearest(name: &str, mut known: impl Iterator<Item = String>) -> Option<String> {
    known.find(|one| is_near(name, one))
}

fn stray(name: String, meant: Option<String>) -> ConfigError {
    ConfigError::new(Place::Variable(name.into()), Problem::Stray { meant })
}

fn of_keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(|key| key.variable)
}

/// Those that are called nearly like one of crabbox's own settings. Others may be anybody's.
pub(super) fn of_host() -> Vec<ConfigError> {
    let names = beginning("CRABBOX_").into_iter();
    let near = names.filter(|name| of_keys().all(|known| known != name)).filter_map(|name| {
        let meant = nearest(&name, of_keys().map(str::to_owned))?;
        Some(stray(name, Some(meant)))
    });
    near.collect()
}

/// Those that are called like this provider's. `others`: all others on this machine, which are looked for only if
/// there is any.
pub(super) fn of_provider(
    manifest: &Manifest,
    others: impl FnOnce() -> Vec<Manifest>,
) -> Vec<ConfigError> {
    among(beginning(&variable(&manifest.name, "")), manifest, others)
}

fn among(
    mut names: Vec<String>,
    manifest: &Manifest,
    others: impl FnOnce() -> Vec<Manifest>,
) -> Vec<ConfigError> {
    let own = of_settings(manifest);
    let declared = |name: &String| manifest.environment.contains_key(name);
    names.retain(|name| !own.contains(name) && !declared(name) && of_keys().all(|one| one != name));
    if names.is_empty() {
        return Vec::new();
    }
    let start = variable(&manifest.name, "");
    for other in others().iter().filter(|other| other.name != manifest.name) {
        // With a longer name that begins as this one does, they are the other's, right or wrong.
        let its = variable(&other.name, "");
        let explained = of_settings(other);
        let closer = |name: &String| its.len() > start.len() && name.starts_with(&its);
        names.retain(|name| !explained.contains(name) && !closer(name));
    }
    let of = |name: String| {
        let meant = nearest(&name, own.iter().cloned());
        stray(name, meant)
    };
    names.into_iter().map(of).collect()
}

/// The variables of all settings of a provider.
fn of_settings(manifest: &Manifest) -> Vec<String> {
    let of = |(name, setting): (&String, &Setting)| {
        let own = variable(&manifest.name, name);
        let of_file = setting.secret.then(|| format!("{own}_FILE"));
        [Some(own), of_file, setting.env.clone()].into_iter().flatten().collect::<Vec<_>>()
    };
    manifest.settings.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, more: &str) -> Manifest {
        let text = format!("name = '{name}'\nversion = '1.0.0'\nabi = '1'\n{more}");
        Manifest::parse(&text).expect("a manifest")
    }

    fn strays(names: &[&str]) -> Vec<String> {
        let own = manifest(
            "coder",
            "[environment]\nCRABBOX_CODER_HOME = 'where it lives'\n\
             [settings.url]\ntype = 'string'\n[settings.eu-zone]\ntype = 'string'\n\
             [settings.token]\ntype = 'string'\nsecret = true\n",
        );
        let sibling = manifest("coder-eu", "[settings.size]\ntype = 'string'\n");
        let short = manifest("code", "[settings.r-url]\ntype = 'string'\n");
        let names = names.iter().map(ToString::to_string).collect();
        let found = among(names, &own, || vec![own.clone(), sibling, short]);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_setting_or_another_provider_explains_is_no_stray() {
        let own = ["CRABBOX_CODER_URL", "CRABBOX_CODER_EU_ZONE", "CRABBOX_CODER_TOKEN_FILE"];
        assert_eq!(strays(&own), <[&str; 0]>::default());
        let of_others = ["CRABBOX_CODER_HOME", "CRABBOX_CODER_EU_SIZE", "CRABBOX_CODER_EU_NOPE"];
        assert_eq!(strays(&of_others), <[&str; 0]>::default());
    }

    #[test]
    fn what_nothing_explains_is_one() {
        for name in ["CRABBOX_CODER_NOPE", "CRABBOX_CODER_URL_FILE", "CRABBOX_CODER_ULR"] {
            assert_eq!(strays(&[name]), [format!("{name}: it is no variable of a setting")]);
        }
    }

    #[test]
    fn others_are_not_looked_for_without_need() {
        let none = || panic!("nobody needs them");
        assert!(among(Vec::new(), &manifest("coder", ""), none).is_empty());
    }
}
