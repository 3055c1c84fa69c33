//! `crabbox config …`

mod check;
mod explain;
mod page;
mod path;
mod show;
mod trust;
mod trusted;

pub(in crate::cli) use show::Show;

use super::Shared;
use crate::config::{
    Bound, ConfigError, Enforcement, Flags, Layers, Origin, Owner, Place, REPOSITORY_FILE, Settings,
};
use crate::output::{CommandError, Exit, Printer, to_type};
use crate::registry::{Condition, Entry};
use crate::sync::Source;
use clap::Subcommand;
use crabbox_provider_api::manifest::Manifest;
use serde_json::{Value, json};
use std::env;
use std::path::PathBuf;

/// Where it is to be seen which file is meant.
fn paths() -> String {
    to_type(&["config", "path"])
}

/// Settings: what holds, where it comes from, what is wrong
#[derive(Debug, Subcommand)]
#[command(before_help = "Examples:
  crabbox config show
  crabbox config explain lease.idle
  crabbox config check")]
pub(in crate::cli) enum Config {
    Show(show::Show),
    Explain(explain::Explain),
    Check(check::Check),
    Path(path::Path),
    Trust(trust::Trust),
}

impl Config {
    pub(in crate::cli) fn execute(self, shared: &Shared) -> Result<Exit, CommandError> {
        match self {
            Self::Show(show) => show.execute(shared).map(|()| Exit::Ok),
            Self::Explain(explain) => explain.execute(shared).map(|()| Exit::Ok),
            Self::Check(check) => check.execute(shared),
            Self::Path(path::Path) => path::Path::execute(shared).map(|()| Exit::Ok),
            Self::Trust(trust) => trust.execute(shared).map(|()| Exit::Ok),
        }
    }
}

/// The root of the checkout that this is called in, if it is one.
pub(in crate::cli) fn repository() -> Option<PathBuf> {
    let folder = env::current_dir().ok()?;
    Source::checkout(&folder).ok().map(|source| source.root)
}

/// The same, or the folder where there is none.
pub(in crate::cli) fn checkout_or_folder() -> Result<PathBuf, CommandError> {
    let here = env::current_dir().and_then(|here| here.canonicalize());
    let here = here.map_err(|error| {
        CommandError::failed(format!("the folder of `{REPOSITORY_FILE}` isn't known"))
            .because(error)
    })?;
    Ok(repository().unwrap_or(here))
}

/// The layers, if nothing is wrong with them.
pub(in crate::cli) fn read(
    shared: &Shared,
    provider: Option<String>,
) -> Result<Layers, CommandError> {
    let places = shared.places()?;
    let flags = Flags { provider, ..shared.flags() };
    let (layers, errors) = Layers::read(flags, repository().as_deref(), &places);
    let Some(first) = errors.into_iter().find(|error| !error.is_warning()) else {
        return Ok(layers);
    };
    Err(CommandError::from(first).hint(layers.to_check()))
}

/// Errors if the line says something of a provider that it doesn't use.
pub(in crate::cli) fn refuse_others<'a>(
    layers: &Layers,
    used: impl IntoIterator<Item = &'a str>,
) -> Result<(), CommandError> {
    layers.of_others(used).into_iter().next().map_or(Ok(()), |error| Err(error.into()))
}

/// What the providers on this machine say of their settings, the usable ones alone.
fn manifests(shared: &Shared, layers: &Layers) -> Vec<Manifest> {
    usable(&shared.registry(&Settings::of(layers)).list())
}

/// The manifests of those that can be used.
pub(in crate::cli) fn usable(entries: &[Entry]) -> Vec<Manifest> {
    let usable = entries.iter().filter(|entry| matches!(entry.state, Condition::Ok));
    usable.filter_map(|entry| entry.manifest.clone()).collect()
}

/// Says what deserves a warning, and each line to type once.
pub(in crate::cli) fn warn(printer: Printer, warnings: &[ConfigError]) {
    for warning in warnings {
        printer.warning(&warning.to_string());
        if let Some(note) = warning.note() {
            printer.note(&note);
        }
    }
    let mut hints: Vec<String> = warnings.iter().filter_map(ConfigError::hint).collect();
    hints.dedup();
    for hint in hints {
        printer.hint(&hint);
    }
}

/// What the machine's own file enforces, as every command's `--json` shows it.
fn enforcement_to_json(enforcement: &Enforcement) -> Value {
    let (allowed, at_most_ms) = match &enforcement.bound {
        Bound::Allowed(allowed) => (Some(allowed), None),
        Bound::AtMost(most) => (None, Some(u64::try_from(most.as_millis()).unwrap_or(u64::MAX))),
    };
    let Place::File { path, line } = &enforcement.place else {
        return Value::Null;
    };
    json!({
        "allowed": allowed,
        "at_most_ms": at_most_ms,
        "path": path.to_string_lossy(),
        "line": line,
    })
}

/// An origin as every command's `--json` shows it.
pub(in crate::cli) fn origin_to_json(origin: &Origin) -> Value {
    match origin {
        Origin::Flag(name) => json!({ "kind": "flag", "name": name }),
        Origin::Variable(name) => json!({ "kind": "variable", "name": name }),
        Origin::File { owner, path, line } => json!({
            "kind": owner_word(*owner),
            "path": path.to_string_lossy(),
            "line": line,
        }),
        Origin::Default => json!({ "kind": "default" }),
    }
}

fn owner_word(owner: Owner) -> &'static str {
    match owner {
        Owner::Repository => "repository",
        Owner::User => "user",
        Owner::System => "system",
    }
}

/// An error as every command's `--json` shows it.
pub(in crate::cli) fn error_to_json(error: &ConfigError) -> Value {
    let (path, line) = match &error.place {
        Place::File { path, line } => (Some(path.to_string_lossy()), *line),
        _ => (None, None),
    };
    let (variable, flag) = match &error.place {
        Place::Variable(name) => (Some(name), None),
        Place::Flag(name) => (None, Some(name)),
        _ => (None, None),
    };
    json!({
        "severity": if error.is_warning() { "warning" } else { "error" },
        "code": error.code(),
        "path": path,
        "line": line,
        "variable": variable,
        "flag": flag,
        "message": error.problem.to_string(),
        "note": error.note(),
        "hint": error.hint(),
    })
}
