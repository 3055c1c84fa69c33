//! `crabbox config trust --list`: the files that are trusted as they are, and what the user's own
//! file grants.

use super::{Shared, manifests};
use crate::config::{ConfigError, GrantTable, Layers, Owner, PinState, Pins, USER_FILE, hidden};
use crate::output::{CommandError, Table};
use crate::places::Places;
use crabbox_provider_api::manifest::Manifest;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The tables of the user's file that are about this checkout.
pub(super) fn tables_for(places: &Places, root: &Path) -> Vec<GrantTable> {
    let mut tables = tables(places).0;
    tables.retain(|table| table.is_for(root));
    tables
}

/// All of them, and what is wrong with the file.
fn tables(places: &Places) -> (Vec<GrantTable>, Vec<ConfigError>) {
    let (layers, errors) = Layers::of_file(&places.config.join(USER_FILE), Owner::User);
    (layers.grant_tables(), errors)
}

pub(super) fn list(shared: &Shared, places: &Places) -> Result<(), CommandError> {
    let (pins, broken) = Pins::new(&places.state)
        .list()
        .map_err(|error| CommandError::failed("what is trusted can't be listed").because(error))?;
    for error in broken {
        shared.printer.warning(&error.to_string());
    }
    let (tables, wrong) = tables(places);
    super::warn(shared.printer, &wrong);
    let (layers, _) = Layers::read(shared.flags(), None, places);
    let manifests = manifests(shared, &layers);
    if shared.printer.json {
        let files: Vec<Value> = pins
            .iter()
            .map(|pin| {
                json!({
                    "path": pin.path.to_string_lossy(),
                    "state": pin.state().as_str(),
                    "digest": format!("blake3:{}", pin.digest),
                    "trusted_at": pin.time,
                    "requests": values(&manifests, &pin.requests),
                    "denied": values(&manifests, &pin.denied),
                })
            })
            .collect();
        let tables: Vec<Value> = tables
            .iter()
            .map(|table| {
                json!({
                    "path": table.path,
                    "file": table.file.to_string_lossy(),
                    "line": table.line,
                    "granted": values(&manifests, &table.granted),
                })
            })
            .collect();
        let document = json!({ "schema_version": 1, "files": files, "tables": tables });
        return shared.printer.document(&document);
    }
    if pins.is_empty() && tables.is_empty() {
        shared.printer.phase("nothing is trusted, granted or denied");
        return Ok(());
    }
    let mut table = Table::new(&["STATE", "REQUESTS", "OF"]).texts(1).paths(2);
    for pin in &pins {
        let state = pin.state();
        let granted = match state {
            PinState::Trusted => words(&manifests, &pin.requests),
            PinState::Denied => words(&manifests, &pin.denied),
            _ => "-".to_owned(),
        };
        table.row([state.as_str().to_owned(), granted, pin.path.display().to_string()]);
    }
    for one in &tables {
        let to = format!("{}, by {one}", one.path);
        table.row(["granted".to_owned(), words(&manifests, &one.granted), to]);
    }
    shared.printer.table(&table)
}

/// What may be said, for machines; what isn't shown is `null`.
fn values(
    manifests: &[Manifest],
    requests: &BTreeMap<String, toml::Value>,
) -> BTreeMap<String, Value> {
    let shown = |(key, value): (&String, &toml::Value)| {
        let value = if hidden(manifests, key).is_some() { Value::Null } else { json!(value) };
        (key.clone(), value)
    };
    requests.iter().map(shown).collect()
}

fn words(manifests: &[Manifest], requests: &BTreeMap<String, toml::Value>) -> String {
    let text = |(key, value): (&String, &toml::Value)| match hidden(manifests, key) {
        Some(instead) => format!("{key} = {instead}"),
        None => format!("{key} = {value}"),
    };
    let texts: Vec<String> = requests.iter().map(text).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join("; ") }
}
