//! `crabbox provider options`

use super::super::Shared;
use super::manifest_of;
use crate::config::{default_text, placeholder};
use crate::output::{CommandError, visible, wrap};
use clap::Args;
use crabbox_provider_api::manifest::settings::{flag, key, variable};
use crabbox_provider_api::manifest::{Manifest, Setting, Type};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// List the settings of a provider, without running any of its code
///
/// For each: its type and default, the flag and the variables that set it, what it affects, and
/// what a repository's `.crabbox.toml` may do with it.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox provider options NAME
  crabbox provider options NAME --json")]
pub(in crate::cli) struct Options {
    /// Its name, or another one that it answers to
    #[arg(value_name = "NAME")]
    provider: String,
}

impl Options {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let manifest = manifest_of(shared, &self.provider)?;
        if shared.printer.json {
            let settings: Vec<Value> = manifest
                .settings
                .iter()
                .map(|(name, setting)| to_json(&manifest, name, setting))
                .collect();
            return shared.printer.document(&json!({
                "schema_version": 1,
                "provider": manifest.name,
                "settings": settings,
            }));
        }
        if manifest.settings.is_empty() {
            shared.printer.phase(&format!("`{}` has no settings", manifest.name));
            return Ok(());
        }
        let of_setting = |(name, setting): (&String, &Setting)| {
            text(&manifest, name, setting, shared.printer.columns())
        };
        let pages: Vec<String> = manifest.settings.iter().map(of_setting).collect();
        shared.printer.data(&pages.join("\n"))
    }
}

/// The flags that set it, each as it is typed.
pub(super) fn flags(provider: &str, name: &str, setting: &Setting) -> Vec<String> {
    let flag = flag(provider, name);
    match setting.kind {
        Type::Unknown => Vec::new(),
        _ if setting.secret => vec![format!("{flag}-stdin"), format!("{flag}-file FILE")],
        Type::Bool => vec![flag],
        _ => vec![format!("{flag} {}", placeholder(setting))],
    }
}

/// The variables that set it, the strongest first.
pub(super) fn variables(provider: &str, name: &str, setting: &Setting) -> Vec<String> {
    let own = variable(provider, name);
    let of_file = setting.secret.then(|| format!("{own}_FILE"));
    match setting.kind {
        Type::Unknown => Vec::new(),
        _ => [Some(own), of_file, setting.env.clone()].into_iter().flatten().collect(),
    }
}

fn text(manifest: &Manifest, name: &str, setting: &Setting, terminal: Option<usize>) -> String {
    let mut text = String::new();
    let kind = match setting.choices.as_slice() {
        [] => setting.kind.to_string(),
        choices => format!("one of {}", visible(&choices.join(", "))),
    };
    let more = match default_text(setting) {
        Some(default) => format!(", default {}", visible(&default)),
        None if setting.required => ", required".to_owned(),
        None => String::new(),
    };
    let secret = if setting.secret { ", secret" } else { "" };
    let _ = writeln!(text, "{name}: {kind}{secret}{more}");
    if !setting.description.is_empty() {
        let _ = writeln!(text, "  {}", wrap(&visible(&setting.description), 2, terminal));
    }
    let rows = [
        ("flag", flags(&manifest.name, name, setting).join(", ")),
        ("variable", variables(&manifest.name, name, setting).join(", ")),
        ("affects", setting.affects().as_str().to_owned()),
        ("repository", setting.repository().as_str().to_owned()),
    ];
    for (word, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "  {word:<12}{}", wrap(value, 14, terminal));
    }
    text
}

fn to_json(manifest: &Manifest, name: &str, setting: &Setting) -> Value {
    json!({
        "name": name,
        "key": key(&manifest.name, name),
        "description": setting.description,
        "type": setting.kind.as_str(),
        "choices": setting.choices,
        "default": setting.default,
        "required": setting.required,
        "secret": setting.secret,
        "flags": flags(&manifest.name, name, setting),
        "variables": variables(&manifest.name, name, setting),
        "affects": setting.affects().as_str(),
        "repository": setting.repository().as_str(),
    })
}
