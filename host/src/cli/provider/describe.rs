//! `crabbox provider describe`

use super::super::Shared;
use super::super::config::{origin_to_json, read, refuse_others};
use super::library_of;
use crate::config::{Found, Layers};
use crate::output::{CommandError, Table, human, visible};
use crate::registry::Library;
use clap::Args;
use crabbox_provider_api::manifest::{Manifest, Setting};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::io::{self, Seek};

/// Show all that a provider says of itself, and what is set for it
///
/// None of its code is run. Secrets are never shown: only where they come from.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox provider describe NAME
  crabbox provider describe NAME --json")]
pub(in crate::cli) struct Describe {
    /// Its name, or another one that it answers to
    #[arg(value_name = "NAME")]
    provider: String,
}

impl Describe {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let layers = read(shared, Some(self.provider.clone()))?;
        let library = library_of(shared, &layers, &self.provider)?;
        refuse_others(&layers, [library.manifest.name.as_str()])?;
        let settings = settings(&layers, &library.manifest)?;
        let digest = digest(&library)
            .map_err(|error| CommandError::failed("the provider can't be read").because(error))?;
        if shared.printer.json {
            return shared.printer.document(&to_json(&library, &digest, &settings));
        }
        shared.printer.data(&about(&library, &digest))?;
        let Manifest { environment, .. } = &library.manifest;
        if !environment.is_empty() {
            let mut table = Table::new(&["VARIABLE", "HERE", "WHAT FOR"]).texts(2);
            for (name, reason) in environment {
                let here = if is_set(name) { "set" } else { "not set" };
                table.row([name.clone(), here.to_owned(), reason.clone()]);
            }
            shared.printer.data("\n")?;
            shared.printer.table(&table)?;
        }
        if !settings.is_empty() {
            let mut table = Table::new(&["SETTING", "VALUE", "FROM"]).paths(2).texts(1);
            for (name, found) in &settings {
                let value = found.as_ref().map_or_else(|| "-".to_owned(), |one| one.value.text());
                let from = found.as_ref().map(|one| one.origin.to_string()).unwrap_or_default();
                table.row([(*name).clone(), value, from]);
            }
            shared.printer.data("\n")?;
            shared.printer.table(&table)?;
        }
        Ok(())
    }
}

/// What holds of each setting.
fn settings<'a>(
    layers: &Layers,
    manifest: &'a Manifest,
) -> Result<BTreeMap<&'a String, Option<Found>>, CommandError> {
    let of_setting = |(name, setting): (&'a String, &'a Setting)| {
        let chain = layers.chain_of(manifest, name, setting);
        match chain.errors.into_iter().find(|error| !error.is_warning()) {
            Some(error) => Err(CommandError::from(error)),
            None => Ok((name, chain.found.into_iter().next())),
        }
    };
    manifest.settings.iter().map(of_setting).collect()
}

/// Of the file as it is loaded.
fn digest(library: &Library) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    let mut file = &library.file;
    file.rewind()?;
    hasher.update_reader(file)?;
    Ok(format!("blake3:{}", hasher.finalize().to_hex()))
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn about(library: &Library, digest: &str) -> String {
    let Manifest { name, version, description, .. } = &library.manifest;
    let Manifest { aliases, targets, capabilities, license, homepage, .. } = &library.manifest;
    let mut text = format!("{name} {version}");
    if !description.is_empty() {
        let _ = write!(text, ": {}", visible(description));
    }
    text.push('\n');
    let rows = [
        ("also called", aliases.join(", ")),
        ("interface", library.manifest.abi.to_string()),
        ("targets", targets.join(", ")),
        (
            "capabilities",
            capabilities.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        ),
        ("deadlines", deadlines(&library.manifest)),
        ("own deadline", own_deadline(&library.manifest)),
        ("names", names(&library.manifest)),
        ("login", login(&library.manifest)),
        ("licence", license.clone()),
        ("homepage", homepage.clone()),
        ("found in", library.source.as_str().to_owned()),
        ("file", library.path.display().to_string()),
        ("digest", digest.to_owned()),
    ];
    for (word, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "  {word:<14}{}", visible(value));
    }
    text
}

fn deadlines(manifest: &Manifest) -> String {
    let all = json!(manifest.deadlines);
    let all = all.as_object().into_iter().flatten();
    let all = all.map(|(hook, limit)| format!("{hook} {}", limit.as_str().unwrap_or_default()));
    all.collect::<Vec<_>>().join(", ")
}

/// The deadline that it puts on resources itself.
fn own_deadline(manifest: &Manifest) -> String {
    let Some(deadline) = &manifest.deadline else { return String::new() };
    let all = json!(deadline);
    let all = all.as_object().into_iter().flatten();
    let all = all.map(|(word, limit)| format!("{word} {}", limit.as_str().unwrap_or_default()));
    let all = all.collect::<Vec<_>>().join(", ");
    if all.is_empty() { "yes".to_owned() } else { all }
}

/// How its resources may be called.
fn names(manifest: &Manifest) -> String {
    let Some(names) = &manifest.names else { return String::new() };
    let alphabet = json!(names.alphabet);
    let alphabet = alphabet.as_str().unwrap_or_default();
    format!("{alphabet}, at most {}", human::count(names.max.into(), "byte"))
}

/// What its login comes from.
fn login(manifest: &Manifest) -> String {
    let Some(login) = &manifest.login else { return String::new() };
    [&login.environment[..], &login.settings, &login.files, &login.programs].concat().join(", ")
}

fn to_json(library: &Library, digest: &str, settings: &BTreeMap<&String, Option<Found>>) -> Value {
    let manifest = &library.manifest;
    let environment: Vec<Value> = manifest
        .environment
        .iter()
        .map(|(name, reason)| json!({ "name": name, "reason": reason, "set": is_set(name) }))
        .collect();
    let settings: Vec<Value> = settings
        .iter()
        .map(|(name, found)| {
            json!({
                "name": name,
                "secret": manifest.settings.get(*name).is_some_and(|setting| setting.secret),
                "set": found.is_some(),
                "value": found.as_ref().map(|found| found.value.to_json()),
                "origin": found.as_ref().map(|found| origin_to_json(&found.origin)),
            })
        })
        .collect();
    json!({
        "schema_version": 1,
        "name": manifest.name,
        "aliases": manifest.aliases,
        "version": manifest.version.to_string(),
        "abi": manifest.abi.to_string(),
        "description": manifest.description,
        "license": manifest.license,
        "homepage": manifest.homepage,
        "targets": manifest.targets,
        "capabilities": manifest.capabilities,
        "deadlines": manifest.deadlines,
        "deadline": manifest.deadline,
        "settles": manifest.settles,
        "names": manifest.names,
        "login": manifest.login,
        "environment": environment,
        "settings": settings,
        "source": library.source.as_str(),
        "path": library.path.to_string_lossy(),
        "digest": digest,
        "unknown_keys": manifest.unknown,
    })
}
