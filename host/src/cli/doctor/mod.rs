//! `crabbox doctor`
//!
//! [`build`], [`storage`] and [`programs`] look at one kind of thing each, [`hooks`] asks the providers.
//! A check that fails hides no other, and nothing is written.

mod build;
mod hooks;
mod probe;
mod programs;
mod storage;

use super::config::{repository, usable};
use super::{Shared, version};
use crate::config::{ConfigError, Flags, Layers, Settings};
use crate::output::{CommandError, Exit, human, visible, wrap};
use crate::places::Places;
use clap::Args;
use crabbox_provider_api::manifest::Manifest;
use crabbox_provider_api::payload::{Check, CheckStatus};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Check that everything on this machine is as it should be
///
/// Nothing is written. Providers are asked for checks of their own: the one that a run here would use,
/// those with settings in your config.toml, and those with leases that aren't over. They are given
/// their settings, and for that the files of secrets are read. What fails or
/// deserves a warning comes with a line to paste. Exits with 1 if a check fails.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox doctor
  crabbox doctor --provider NAME
  crabbox doctor --json")]
pub(super) struct Doctor {
    /// As a run with this provider would find things
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

/// A check, and the provider whose own it is, if it is one's.
#[derive(Debug, Serialize)]
struct Row {
    provider: Option<String>,
    #[serde(flatten)]
    check: Check,
}

impl From<Check> for Row {
    fn from(check: Check) -> Self {
        Self { provider: None, check }
    }
}

impl Row {
    /// Of a provider, whose name comes first: two may look at the same.
    fn of(provider: &str, check: Check) -> Self {
        let id = format!("{provider}-{}", check.id);
        Self { provider: Some(provider.to_owned()), check: Check { id, ..check } }
    }
}

impl Doctor {
    pub(super) fn execute(self, shared: &Shared) -> Result<Exit, CommandError> {
        let rows = self.rows(shared);
        let failed = count(&rows, CheckStatus::Fail);
        if shared.printer.json {
            shared.printer.document(&to_json(&rows))?;
        } else {
            shared.printer.data(&render(&rows, shared.printer.columns()))?;
            shared.printer.phase(&conclusion(failed, count(&rows, CheckStatus::Warn)));
        }
        Ok(if failed == 0 { Exit::Ok } else { Exit::Failed })
    }

    /// What it would say of a run with this provider, as a document.
    pub(in crate::cli) fn document(provider: String, shared: &Shared) -> Value {
        to_json(&Self { provider: Some(provider) }.rows(shared))
    }

    fn rows(self, shared: &Shared) -> Vec<Row> {
        let mut checks = vec![pass("version", version::line())];
        let mut asked = Vec::new();
        match shared.places() {
            Ok(places) => {
                let root = repository();
                let flags = Flags { provider: self.provider.clone(), ..shared.flags() };
                let (layers, errors) = Layers::read(flags, root.as_deref(), &places);
                let settings = Settings::of(&layers);
                let registry = shared.registry(&settings);
                let providers = registry.list();
                let wanted = hooks::Wanted::of(&layers, &settings, &places.state);
                let found = configuration(&layers, errors, &usable(&providers), &wanted);
                let told: Vec<_> = found.iter().map(|check| check.message.clone()).collect();
                checks.extend(found);
                checks.extend(of_places(&places));
                checks.extend(build::providers(&providers, &settings.provider));
                asked = hooks::ask(
                    shared,
                    &layers,
                    &settings,
                    &registry,
                    &wanted,
                    &told,
                    &places.state,
                );
            }
            Err(error) => {
                let home = "export HOME=\"$(getent passwd \"$(id -u)\" | cut -d: -f6)\"";
                checks.push(fail("folders", error.to_string(), home));
                checks.push(skip("config", "nobody knows where it would be"));
            }
        }
        checks.extend(programs::all());
        checks.extend(build::helpers());
        checks.into_iter().map(Row::from).chain(asked).collect()
    }
}

fn count(rows: &[Row], status: CheckStatus) -> usize {
    rows.iter().filter(|row| row.check.status == status).count()
}

fn to_json(rows: &[Row]) -> Value {
    let ok = count(rows, CheckStatus::Fail) == 0;
    json!({ "schema_version": 1, "ok": ok, "checks": rows })
}

/// What the checks come to.
fn conclusion(failed: usize, warned: usize) -> String {
    let failures = || format!("{} failed", human::count(failed as u64, "check"));
    let warnings = || human::count(warned as u64, "warning");
    match (failed, warned) {
        (0, 0) => "nothing is wrong".to_owned(),
        (0, _) => format!("{}, nothing failed", warnings()),
        (_, 0) => failures(),
        _ => format!("{}, {}", failures(), warnings()),
    }
}

fn of_places(places: &Places) -> Vec<Check> {
    let mut checks = vec![storage::state_folder(&places.state)];
    checks.extend(storage::claims(&places.state));
    for (id, folder) in [
        ("space-state", &places.state),
        ("space-cache", &places.cache),
        ("space-data", &places.data),
    ] {
        checks.push(storage::space(id, folder));
    }
    checks.push(storage::runtime_folder());
    checks
}

fn configuration(
    layers: &Layers,
    mut errors: Vec<ConfigError>,
    manifests: &[Manifest],
    wanted: &hooks::Wanted,
) -> Vec<Check> {
    errors.extend(layers.contradictions());
    errors.extend(layers.ungranted());
    let in_use = wanted.in_use.iter().map(String::as_str);
    errors.extend(layers.of_others(layers.named_providers(manifests).into_iter().chain(in_use)));
    errors.extend(layers.check_providers(manifests));
    if errors.is_empty() {
        return vec![pass("config", "the settings are right")];
    }
    let check = layers.to_check();
    let told = errors.into_iter().map(|error| {
        let make = if error.is_warning() { warn } else { fail };
        let hint = error.hint().unwrap_or_else(|| check.clone());
        make("config", error.whole(), hint)
    });
    told.collect()
}

fn pass(id: &str, message: impl Into<String>) -> Check {
    Check { id: id.to_owned(), status: CheckStatus::Pass, message: message.into(), hint: None }
}

fn skip(id: &str, message: impl Into<String>) -> Check {
    Check { status: CheckStatus::Skip, ..pass(id, message) }
}

fn warn(id: &str, message: impl Into<String>, hint: impl Into<String>) -> Check {
    Check { status: CheckStatus::Warn, hint: Some(hint.into()), ..pass(id, message) }
}

fn fail(id: &str, message: impl Into<String>, hint: impl Into<String>) -> Check {
    Check { status: CheckStatus::Fail, hint: Some(hint.into()), ..pass(id, message) }
}

fn render(rows: &[Row], terminal: Option<usize>) -> String {
    let width = rows.iter().map(|row| visible(&row.check.id).len()).max().unwrap_or(0);
    let mut text = String::new();
    for Row { check, .. } in rows {
        let status = match check.status {
            CheckStatus::Pass => "pass",
            CheckStatus::Warn => "warn",
            CheckStatus::Fail => "FAIL",
            CheckStatus::Skip => "skip",
        };
        let message = wrap(&visible(&check.message), width + 8, terminal);
        let _ = writeln!(text, "{status}  {:<width$}  {message}", visible(&check.id));
        if let Some(hint) = &check.hint {
            let _ = writeln!(text, "      {:<width$}  hint: {}", "", visible(hint));
        }
    }
    text
}
