//! What a repository's file asks for.

use crate::config::Owner;
use crate::config::keys::{KEYS, Repository};
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
}

/// What a change of the file did to its requests, in words: `now asks for …`.
pub(in crate::config) fn changes(
    before: &BTreeMap<String, toml::Value>,
    now: &[Request],
) -> String {
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
