//! What a repository's file asks for.

use super::{GrantTable, TrustProblem};
use crate::config::Owner;
use crate::config::error::{ConfigError, Place};
use crate::config::keys::{self, KEYS, Repository};
use crate::config::layers::Layers;
use crabbox_provider_api::manifest::Manifest;
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
            Some(Request {
                key: key.name.to_owned(),
                value: found.value.to_toml(),
                line: found.line,
                reason: reason.to_owned(),
                granted: self.grants().allows(key.name, &found.value.to_toml()),
            })
        });
        let of_providers = manifests.iter().flat_map(|manifest| {
            let settings = manifest.settings.iter();
            settings.filter_map(|(name, setting)| self.chain_of(manifest, name, setting).asked)
        });
        of_host.chain(of_providers).collect()
    }

    /// What the repository's file asks for of crabbox's own settings and doesn't get, each a warning
    /// with its line. The first says how the file changed, if it was trusted once.
    #[must_use]
    pub fn ungranted(&self) -> Vec<ConfigError> {
        let requests = self.requests(&[]);
        let file = &self.file(Owner::Repository).0;
        let warning = |line, problem: TrustProblem| {
            ConfigError::new(Place::File { path: file.clone(), line }, problem.into())
        };
        let mut warnings: Vec<_> = requests
            .iter()
            .filter(|request| !request.granted)
            .map(|request| {
                let (text, reason) = (request.text(), request.reason.clone());
                warning(Some(request.line), TrustProblem::Ungranted { text, reason })
            })
            .collect();
        let changes = self.grants().outdated().map(|pin| {
            let of_host = pin.requests.iter().filter(|(key, _)| keys::find(key).is_some());
            changes(&of_host.map(|(key, value)| (key.clone(), value.clone())).collect(), &requests)
        });
        if let Some(changes) = changes.filter(|_| !warnings.is_empty()) {
            warnings.insert(0, warning(None, TrustProblem::Changed { changes }));
        }
        warnings
    }

    /// What became of the requests of a file that was trusted and has changed since, in words.
    /// `requests`: all of them, as they are now.
    #[must_use]
    pub fn changes(&self, requests: &[Request]) -> Option<String> {
        self.grants().outdated().map(|pin| changes(&pin.requests, requests))
    }

    /// The tables `[trust."PATH"]` of the user's file.
    #[must_use]
    pub fn grant_tables(&self) -> Vec<GrantTable> {
        let (file, layer) = self.file(Owner::User);
        layer.grants.iter().map(|grant| GrantTable::of(file, grant)).collect()
    }
}

/// What a change of the file did to its requests, in words: `now asks for …`.
fn changes(before: &BTreeMap<String, toml::Value>, now: &[Request]) -> String {
    let new = now.iter().filter(|request| before.get(&request.key) != Some(&request.value));
    let new: Vec<String> = new.map(|request| format!("`{}`", request.text())).collect();
    let gone = before.iter().filter(|(key, _)| now.iter().all(|request| request.key != **key));
    let gone: Vec<String> = gone.map(|(key, value)| format!("`{key} = {value}`")).collect();
    match (new.as_slice(), gone.as_slice()) {
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
