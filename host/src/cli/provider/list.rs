//! `crabbox provider list`

use super::super::Shared;
use crate::config::Settings;
use crate::output::{CommandError, Table};
use crate::registry::{Condition, Entry};
use clap::Args;
use serde_json::{Value, json};

/// List the providers, without running any of their code
#[derive(Debug, Args)]
pub(in crate::cli) struct List;

impl List {
    pub(super) fn execute(shared: &Shared) -> Result<(), CommandError> {
        let settings = Settings::load(shared.flags(), None, &shared.places()?.config)?;
        let entries = shared.registry(&settings).list();
        if shared.printer.json {
            let providers: Vec<Value> = entries.iter().map(to_json).collect();
            return shared
                .printer
                .document(&json!({ "schema_version": 1, "providers": providers }));
        }
        let mut table = Table::new(&["NAME", "VERSION", "ABI", "SOURCE", "STATE", "PATH"]);
        for entry in &entries {
            table.row([
                entry.name.clone(),
                version(entry).unwrap_or_else(|| "-".to_owned()),
                interface(entry).unwrap_or_else(|| "-".to_owned()),
                entry.source.as_str().to_owned(),
                state(entry).to_owned(),
                entry.path.display().to_string(),
            ]);
        }
        shared.printer.data(&table.render())?;
        for entry in &entries {
            if let Condition::Unusable(reason) = &entry.state {
                shared.printer.warning(&format!("`{}` can't be used: {reason}", entry.name));
                if let Some(hint) = reason.hint() {
                    shared.printer.hint(&hint);
                }
            }
        }
        Ok(())
    }
}

fn version(entry: &Entry) -> Option<String> {
    entry.manifest.as_ref().map(|manifest| manifest.version.to_string())
}

fn interface(entry: &Entry) -> Option<String> {
    entry.manifest.as_ref().map(|manifest| manifest.abi.to_string())
}

fn state(entry: &Entry) -> &'static str {
    match entry.state {
        Condition::Ok => "ok",
        Condition::Shadowed => "shadowed",
        Condition::Unusable(_) => "unusable",
    }
}

fn to_json(entry: &Entry) -> Value {
    let reason = match &entry.state {
        Condition::Unusable(reason) => Some(reason.to_string()),
        _ => None,
    };
    json!({
        "name": entry.name,
        "version": version(entry),
        "abi": interface(entry),
        "source": entry.source.as_str(),
        "path": entry.path.to_string_lossy(),
        "state": state(entry),
        "reason": reason,
    })
}
