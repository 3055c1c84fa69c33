//! What can stand for a lease, a run, a provider or a setting, from local records alone.

use crate::cli::ago;
use crate::cli::early::Early;
use crate::config::KEYS;
use crate::history;
use crate::lease::{LAST, REPO};
use crate::output::visible;
use clap::Command;
use clap::builder::StyledStr;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use crabbox_provider_api::manifest::Manifest;
use crabbox_provider_api::manifest::settings::key as full_key;
use std::ffi::OsStr;

/// Lets the arguments of this command, and of all below it, complete what their names say.
pub(super) fn attach(command: Command, early: &Early) -> Command {
    command
        .mut_args(|argument| match argument.get_id().as_str() {
            "id" => {
                let early = early.clone();
                argument.add(ArgValueCompleter::new(move |typed: &OsStr| leases(&early, typed)))
            }
            "run" => {
                let early = early.clone();
                argument.add(ArgValueCompleter::new(move |typed: &OsStr| runs(&early, typed)))
            }
            "provider" => {
                let early = early.clone();
                argument.add(ArgValueCompleter::new(move |typed: &OsStr| providers(&early, typed)))
            }
            "key" => {
                let early = early.clone();
                argument.add(ArgValueCompleter::new(move |typed: &OsStr| keys(&early, typed)))
            }
            _ => argument,
        })
        .mut_subcommands(|below| attach(below, early))
}

/// Slugs; ids once one is begun; and the words that stand for one of them here.
fn leases(early: &Early, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    let by_id = typed.starts_with("cb") && "cbx_".starts_with(&typed[..typed.len().min(4)]);
    let rows = early.leases();
    let mut words = Vec::new();
    let is_begun = typed.is_empty() || typed.starts_with('@');
    if is_begun && !rows.is_empty() {
        words.push((LAST, "the lease that was used last"));
        if !early.here(rows.clone()).is_empty() {
            words.push((REPO, "the lease of this checkout"));
        }
    }
    let words = words
        .into_iter()
        .filter(|(word, _)| word.starts_with(typed))
        .map(|(word, about)| CompletionCandidate::new(word).help(Some(about.into())));
    let slugs = rows.into_iter().filter_map(|row| {
        let name = if by_id { row.id } else { row.slug };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (name.starts_with(typed) && name.bytes().all(plain)).then(|| {
            let about = format!("{} on {}, {}", row.state, row.provider, row.repository);
            CompletionCandidate::new(name).help(Some(about.into()))
        })
    });
    slugs.chain(words).collect()
}

/// The last runs of this checkout, and the words that stand for one of them.
fn runs(early: &Early, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    let rows = early.runs();
    let mut words = Vec::new();
    if !rows.is_empty() {
        words.push((history::LAST, "the last run here"));
    }
    if rows.iter().any(|row| row.exit != 0) {
        words.push((history::LAST_FAILED, "the last run here that failed"));
    }
    let words = words.into_iter().map(|(word, about)| (word.to_owned(), about.to_owned()));
    let ids = rows.into_iter().map(|row| {
        let about = format!("exit {}, {}: {}", row.exit, ago(row.began), row.command);
        (row.id, about)
    });
    let begun = words.chain(ids).filter(|(word, _)| word.starts_with(typed));
    begun.map(|(word, about)| CompletionCandidate::new(word).help(Some(shown(&about)))).collect()
}

/// The providers that can be used, by name.
fn providers(early: &Early, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    let named = early.manifests().into_iter().filter(|manifest| manifest.name.starts_with(typed));
    named
        .map(|manifest| {
            CompletionCandidate::new(manifest.name).help(Some(shown(&manifest.description)))
        })
        .collect()
}

/// What a manifest says may move a cursor.
fn shown(text: &str) -> StyledStr {
    visible(text).into_owned().into()
}

/// The settings of the table; once `provider.` is begun, those of the providers.
fn keys(early: &Early, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    let of_host = KEYS.iter().map(|key| (key.name.to_owned(), key.about.to_owned()));
    let mut keys: Vec<(String, String)> = of_host.collect();
    if typed.starts_with("provider.") {
        for Manifest { name, settings, .. } in early.manifests() {
            let of_provider = settings.into_iter();
            keys.extend(of_provider.map(|(key, one)| (full_key(&name, &key), one.description)));
        }
    }
    let begun = keys.into_iter().filter(|(key, _)| key.starts_with(typed));
    begun.map(|(key, about)| CompletionCandidate::new(key).help(Some(shown(&about)))).collect()
}
