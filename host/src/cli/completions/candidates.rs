//! What can stand for a lease, a provider or a setting, from local records alone.

use crate::claims::Reader;
use crate::config::{Flags, KEYS, Layers, Settings};
use crate::places::Places;
use crate::registry::{self, Condition, Registry};
use crate::sync::Source;
use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Lets the arguments of this command, and of all below it, complete what their names say.
pub(super) fn attach(command: Command, words: &[OsString]) -> Command {
    let folders = Folders {
        state: values(words, "--state-dir")
            .pop()
            .or_else(|| env::var_os("CRABBOX_STATE_DIR").map(PathBuf::from)),
        providers: values(words, "--provider-path"),
    };
    attach_in(command, &folders)
}

fn attach_in(command: Command, folders: &Folders) -> Command {
    command
        .mut_args(|argument| match argument.get_id().as_str() {
            "id" => {
                let folders = folders.clone();
                argument.add(ArgValueCompleter::new(move |typed: &OsStr| leases(&folders, typed)))
            }
            "provider" => {
                let folders = folders.clone();
                argument
                    .add(ArgValueCompleter::new(move |typed: &OsStr| providers(&folders, typed)))
            }
            "key" => argument.add(ArgValueCompleter::new(keys)),
            _ => argument,
        })
        .mut_subcommands(|below| attach_in(below, folders))
}

/// What the line so far says of where things are.
#[derive(Clone)]
struct Folders {
    state: Option<PathBuf>,
    providers: Vec<PathBuf>,
}

/// The values that an option has on the line, with `=` or in the next word.
fn values(words: &[OsString], option: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut words = words.iter().take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        let joined = word.to_str().and_then(|word| word.strip_prefix(option)?.strip_prefix('='));
        if let Some(value) = joined {
            found.push(PathBuf::from(value));
        } else if word == option {
            found.extend(words.next().map(PathBuf::from));
        }
    }
    found
}

/// Slugs; ids once one is begun.
fn leases(folders: &Folders, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    let places = Places::discover(folders.state.as_deref()).ok();
    let reader = places.and_then(|places| Reader::open(&places.state).ok().flatten());
    let rows = reader.and_then(|reader| reader.live().ok()).unwrap_or_default();
    let by_id = typed.starts_with("cb") && "cbx_".starts_with(&typed[..typed.len().min(4)]);
    rows.into_iter()
        .filter_map(|row| {
            let name = if by_id { row.id } else { row.slug };
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (name.starts_with(typed) && name.bytes().all(plain)).then(|| {
                let about = format!("{} on {}, {}", row.state, row.provider, row.repository);
                CompletionCandidate::new(name).help(Some(about.into()))
            })
        })
        .collect()
}

/// The providers that can be used, by name.
fn providers(folders: &Folders, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    let root = env::current_dir().ok().and_then(|folder| Source::checkout(&folder).ok());
    let root = root.map(|source| source.root);
    let flags = Flags { provider_path: folders.providers.clone(), ..Flags::default() };
    let Ok(places) = Places::discover(None) else {
        return Vec::new();
    };
    // What is wrong with a file is told when a command reads it.
    let (layers, _) = Layers::read(flags, root.as_deref(), &places);
    let path = Settings::of(&layers).provider_path;
    let entries = Registry::new(registry::Places::discover(path)).list();
    entries
        .into_iter()
        .filter(|entry| matches!(entry.state, Condition::Ok) && entry.name.starts_with(typed))
        .map(|entry| {
            let about = entry.manifest.map(|manifest| manifest.description.into());
            CompletionCandidate::new(entry.name).help(about)
        })
        .collect()
}

/// The settings of the table.
fn keys(typed: &OsStr) -> Vec<CompletionCandidate> {
    let keys =
        KEYS.iter().filter(|key| typed.to_str().is_some_and(|typed| key.name.starts_with(typed)));
    keys.map(|key| CompletionCandidate::new(key.name).help(Some(key.about.into()))).collect()
}
