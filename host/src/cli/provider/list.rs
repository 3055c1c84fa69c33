//! `crabbox provider list`

use super::super::Shared;
use crate::config::Settings;
use crate::output::{CommandError, Printer, Table};
use crate::registry::{self, Clash, Condition, Entry};
use clap::Args;
use serde_json::{Value, json};

/// List the providers, without running any of their code
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox provider list
  crabbox provider list --json")]
pub(in crate::cli) struct List;

impl List {
    pub(super) fn execute(shared: &Shared) -> Result<(), CommandError> {
        let settings = Settings::load(shared.flags(), None, &shared.places()?)?;
        let entries = shared.registry(&settings).list();
        if shared.printer.json {
            let providers: Vec<Value> = entries.iter().map(to_json).collect();
            return shared
                .printer
                .document(&json!({ "schema_version": 1, "providers": providers }));
        }
        let mut table =
            Table::new(&["NAME", "VERSION", "ABI", "SOURCE", "STATE", "PATH"]).paths(5).optional(2);
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
        if entries.is_empty() {
            shared.printer.phase(&registry::none());
            return Ok(());
        }
        shared.printer.table(&table)?;
        for entry in &entries {
            explain(entry, shared.printer);
        }
        Ok(())
    }
}

/// What the table has no room for.
fn explain(entry: &Entry, printer: Printer) {
    let Entry { name, path, .. } = entry;
    let path = path.display();
    match &entry.state {
        Condition::Ok => {}
        Condition::Shadowed { by } => {
            printer.phase(&format!("`{name}` (`{path}`) is shadowed by `{}`", by.display()));
        }
        Condition::Unusable(reason) => {
            printer.warning(&format!("`{name}` (`{path}`) can't be used: {reason}"));
            if let Some(hint) = reason.hint() {
                printer.hint(&hint);
            }
        }
    }
    for Clash { word, with } in &entry.clashes {
        let with = with.display();
        printer.warning(&format!(
            "`{word}` doesn't lead to `{name}` (`{path}`): `{with}` answers to it, too"
        ));
    }
    let unknown = unknown_keys(entry);
    if !unknown.is_empty() {
        printer.warning(&format!(
            "the manifest of `{name}` (`{path}`) has keys that this crabbox doesn't know: `{}`",
            unknown.join("`, `")
        ));
    }
}

fn unknown_keys(entry: &Entry) -> &[String] {
    entry.manifest.as_ref().map_or(&[], |manifest| &manifest.unknown)
}

fn version(entry: &Entry) -> Option<String> {
    entry.manifest.as_ref().map(|manifest| manifest.version.to_string())
}

fn interface(entry: &Entry) -> Option<String> {
    entry.manifest.as_ref().map(|manifest| manifest.abi.to_string())
}

fn state(entry: &Entry) -> &'static str {
    match entry.state {
        Condition::Ok if entry.clashes.is_empty() => "ok",
        Condition::Ok => "clash",
        Condition::Shadowed { .. } => "shadowed",
        Condition::Unusable(_) => "unusable",
    }
}

fn to_json(entry: &Entry) -> Value {
    let (reason, hint) = match &entry.state {
        Condition::Unusable(reason) => (Some(reason.to_string()), reason.hint()),
        _ => (None, None),
    };
    let shadowed_by = match &entry.state {
        Condition::Shadowed { by } => Some(by.to_string_lossy()),
        _ => None,
    };
    let clashes: Vec<Value> = entry
        .clashes
        .iter()
        .map(|clash| json!({ "word": clash.word, "with": clash.with.to_string_lossy() }))
        .collect();
    json!({
        "name": entry.name,
        "aliases": entry.manifest.as_ref().map_or(&[][..], |manifest| &manifest.aliases),
        "version": version(entry),
        "abi": interface(entry),
        "source": entry.source.as_str(),
        "path": entry.path.to_string_lossy(),
        "state": state(entry),
        "reason": reason,
        "hint": hint,
        "shadowed_by": shadowed_by,
        "clashes": clashes,
        "unknown_keys": unknown_keys(entry),
    })
}
