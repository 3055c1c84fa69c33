//! What a repository's file asks for.

use super::{GrantTable, TrustProblem};
use crate::config::Owner;
use crate::config::error::{ConfigError, Place};
use crate::config::hidden;
use crate::config::keys::{KEYS, Repository};
use crate::config::layers::Layers;
use crabbox_provider_api::manifest::{Manifest, settings};
use std::collections::BTreeMap;

/// Something that only the user can grant.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its whole name.
    pub key: String,
    /// What the file says.
    pub value: toml::Value,
    /// In which line, counted from 1.
    pub line: usize,
    /// What it would choose.
    pub reason: String,
    /// Does it hold?
    pub granted: bool,
    /// Has the user said no to it?
    pub denied: bool,
}

impl Request {
    /// As it could stand in the file.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} = {}", self.key, self.value)
    }
}

impl Layers {
    /// Everything that the repository's file asks for, in the order of the table; of the settings of
    /// providers those of these.
    #[must_use]
    pub fn requests(&self, manifests: &[Manifest]) -> Vec<Request> {
        let settings = &self.file(Owner::Repository).1.settings;
        let of_host = KEYS.iter().filter_map(|key| {
            let Repository::Request(reason) = key.repository else {
                return None;
            };
            let found = settings.get(key.name)?;
            let value = found.value.to_toml();
            Some(Request {
                key: key.name.to_owned(),
                line: found.line,
                reason: reason.to_owned(),
                granted: self.grants().allows(key.name, &value),
                denied: self.grants().denies(key.name, &value),
                value,
            })
        });
        let of_providers = manifests.iter().flat_map(|manifest| {
            let settings = manifest.settings.iter();
            settings.filter_map(|(name, setting)| self.chain_of(manifest, name, setting).asked)
        });
        of_host.chain(of_providers).collect()
    }

    /// What the repository's file asks for of crabbox's own settings and doesn't get, each a warning
    /// with its line, but for what was denied. The first says how the file changed, if it was trusted once and asked for any
    /// of them or for a provider's setting that it still asks for.
    #[must_use]
    pub fn ungranted(&self) -> Vec<ConfigError> {
        let requests = self.requests(&[]);
        let file = &self.file(Owner::Repository).0;
        let warning = |line, problem: TrustProblem| {
            ConfigError::new(Place::File { path: file.clone(), line }, problem.into())
        };
        let mut warnings: Vec<_> = requests
            .iter()
            .filter(|request| !request.granted && !request.denied)
            .map(|request| {
                let (text, reason) = (request.text(), request.reason.clone());
                warning(Some(request.line), TrustProblem::Ungranted { text, reason })
            })
            .collect();
        let Some(pin) = self.grants().outdated() else { return warnings };
        let of_providers = self.of_providers();
        // What was a request is one still. Others of providers are for their manifests to judge.
        let (known, others): (Vec<_>, Vec<_>) =
            of_providers.into_iter().partition(|(key, _)| pin.requests.contains_key(key));
        let is_lost = |(key, value): &(String, toml::Value)| !self.grants().allows(key, value);
        if !warnings.is_empty() || known.iter().any(is_lost) {
            let of_host = requests.into_iter().map(|request| (request.key, request.value));
            let now: Vec<_> = of_host.chain(known).collect();
            let changes = changes(&pin.requests, &now, !others.is_empty(), &[]);
            warnings.insert(0, warning(None, TrustProblem::Changed { changes }));
        }
        warnings
    }

    /// All that the repository's file says of providers, each by its whole name.
    fn of_providers(&self) -> Vec<(String, toml::Value)> {
        let tables = self.file(Owner::Repository).1.providers.iter();
        let entries = tables.flat_map(|(provider, table)| {
            let of_one = table.value.iter();
            of_one.map(move |(name, found)| (settings::key(provider, name), found.value.clone()))
        });
        entries.collect()
    }

    /// What became of the requests of a file that was trusted and has changed since, in words.
    /// `requests`: all of them, as they are now. Values are shown as these manifests allow.
    #[must_use]
    pub fn changes(&self, requests: &[Request], manifests: &[Manifest]) -> Option<String> {
        let now = || requests.iter().map(|request| (request.key.clone(), request.value.clone()));
        self.grants()
            .outdated()
            .map(|pin| changes(&pin.requests, &now().collect::<Vec<_>>(), false, manifests))
    }

    /// The tables `[trust."PATH"]` of the user's file.
    #[must_use]
    pub fn grant_tables(&self) -> Vec<GrantTable> {
        let (file, layer) = self.file(Owner::User);
        layer.grants.iter().map(|grant| GrantTable::of(file, grant)).collect()
    }
}

/// What a change of the file did to its requests, in words: `now asks for …`. `more`: it may ask for
/// others, too.
fn changes(
    before: &BTreeMap<String, toml::Value>,
    now: &[(String, toml::Value)],
    more: bool,
    manifests: &[Manifest],
) -> String {
    let text = |key: &String, value: &toml::Value| match hidden(manifests, key) {
        Some(_) => format!("`{key}`"),
        None => format!("`{key} = {value}`"),
    };
    let new = now.iter().filter(|(key, value)| before.get(key) != Some(value));
    let new: Vec<String> = new.map(|(key, value)| text(key, value)).collect();
    let gone = before.iter().filter(|(key, _)| now.iter().all(|(known, _)| known != *key));
    let gone: Vec<String> = gone.map(|(key, value)| text(key, value)).collect();
    match (new.as_slice(), gone.as_slice()) {
        ([], []) if more => {
            "it asks for the same, perhaps for more, and other settings may give that another \
             meaning"
                .to_owned()
        }
        ([], []) => {
            "it asks for the same, but other settings may give that another meaning".to_owned()
        }
        (new, []) => format!("it now asks for {}", new.join(", ")),
        ([], gone) => format!("it no longer asks for {}", gone.join(", ")),
        (new, gone) => {
            format!("it now asks for {}, no longer for {}", new.join(", "), gone.join(", "))
        }
    }
}
