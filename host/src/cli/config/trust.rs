//! `crabbox config trust`

use super::{Shared, manifests, repository, trusted};
use crate::cli::confirm::Question;
use crate::config::{Layers, Pin, Pins, REPOSITORY_FILE, Request};
use crate::output::{CommandError, Exit, Quoted, Table, to_type};
use crate::places::{Places, real};
use crate::sync::Source;
use clap::{Args, ValueHint};
use crabbox_provider_api::manifest::Manifest;
use crabbox_wire::tree::Hash;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Grant what a repository's file asks for
///
/// Shows what its `.crabbox.toml` asks for and no repository gets unasked, asks, and trusts the
/// file as it is: once a byte of it changes, it has to be trusted again. To grant in words of your
/// own instead, which hold whatever the rest of the file says, write `[trust."PATH"]` into your
/// config.toml, with what is granted below it as in the repository's file. What is denied is no longer
/// warned of, whatever becomes of the rest of the file.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox config trust
  crabbox config trust ~/code/project --yes
  crabbox config trust --deny
  crabbox config trust --list")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct Trust {
    /// The repository's folder or file, instead of this checkout
    #[arg(value_hint = ValueHint::AnyPath)]
    path: Option<PathBuf>,
    /// Don't ask
    #[arg(long, conflicts_with = "revoke")]
    yes: bool,
    /// Say no to what it asks for
    #[arg(long, conflicts_with_all = ["yes", "revoke"])]
    deny: bool,
    /// Trust it no more, and forget what was denied
    #[arg(long)]
    revoke: bool,
    /// List what is trusted, granted and denied
    #[arg(long, conflicts_with_all = ["path", "yes", "deny", "revoke"])]
    list: bool,
}

impl Trust {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        if self.list {
            return trusted::list(shared, &places);
        }
        let path = file_of(self.path.as_deref())?;
        match (self.revoke, self.deny) {
            (true, _) => revoke(shared, &places, &path),
            (_, true) => deny(shared, &places, &path),
            _ => grant(shared, &places, &path, self.yes),
        }
    }
}

/// The file that is meant, its folder without links: the file itself may be a link, which is refused
/// when it is read.
fn file_of(path: Option<&Path>) -> Result<PathBuf, CommandError> {
    let Some(path) = path else {
        let root = repository().ok_or_else(|| {
            CommandError::usage("this is no git checkout")
                .note("its path may be named behind the command")
        })?;
        return Ok(root.join(REPOSITORY_FILE));
    };
    if path.ends_with(REPOSITORY_FILE) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        return Ok(real(absolute.parent().unwrap_or(path)).join(REPOSITORY_FILE));
    }
    if path.is_file() {
        let message = format!("`{}` is neither a folder nor a `{REPOSITORY_FILE}`", path.display());
        return Err(CommandError::usage(message).hint(super::paths()));
    }
    let here = real(path).join(REPOSITORY_FILE);
    if here.symlink_metadata().is_ok() {
        return Ok(here);
    }
    Ok(Source::checkout(path).map_or(here, |source| source.root.join(REPOSITORY_FILE)))
}

/// What the file asks for, the layers that it is one of, and who judges its settings.
struct Asked {
    layers: Layers,
    manifests: Vec<Manifest>,
    requests: Vec<Request>,
}

fn asked(shared: &Shared, places: &Places, path: &Path) -> Result<Asked, CommandError> {
    let shown = path.display();
    if path.symlink_metadata().is_err() {
        return Err(CommandError::new(Exit::NotFound, format!("there is no `{shown}`"))
            .hint(super::paths()));
    }
    let (layers, errors) = Layers::read(shared.flags(), path.parent(), places);
    // What can't be read as it is meant can't be answered, either.
    if let Some(error) = errors.into_iter().find(|error| !error.is_warning()) {
        return Err(error.into());
    }
    let manifests = manifests(shared, &layers);
    let requests = layers.requests(&manifests);
    Ok(Asked { layers, manifests, requests })
}

fn grant(shared: &Shared, places: &Places, path: &Path, yes: bool) -> Result<(), CommandError> {
    let shown = path.display();
    let Asked { layers, manifests, requests } = asked(shared, places, path)?;
    let Some(digest) = layers.digest().filter(|_| !requests.is_empty()) else {
        let phase = format!("`{shown}` asks for nothing that has to be granted");
        return tell(shared, path, &layers, &requests, &phase);
    };
    if requests.iter().all(|request| request.granted) && layers.grants().trusted().is_some() {
        show(shared, &requests)?;
        let phase = format!("`{shown}` is trusted already");
        return tell(shared, path, &layers, &requests, &phase);
    }
    if let Some(changes) = layers.changes(&requests, &manifests) {
        shared.printer.phase(&format!("`{shown}` has changed since you trusted it: {changes}"));
    } else {
        shared.printer.phase(&format!("`{shown}` asks for:"));
    }
    show(shared, &requests)?;
    if !yes {
        Question {
            ask: "grant this to the file as it is now? [y/N]".to_owned(),
            refused: format!("trusting `{shown}` must be confirmed"),
            line: {
                let line = to_type(&["config", "trust"]);
                format!("{line} {} --yes", Quoted(path.parent().unwrap_or(path)))
            },
            left: format!("`{shown}` isn't trusted"),
        }
        .put(shared)?;
    }
    remember(places, path, digest, &requests, false)?;
    let (layers, _) = Layers::read(shared.flags(), path.parent(), places);
    let phase = format!("`{shown}` is trusted until it changes");
    tell(shared, path, &layers, &requests, &phase)
}

fn deny(shared: &Shared, places: &Places, path: &Path) -> Result<(), CommandError> {
    let shown = path.display();
    let Asked { layers, requests, .. } = asked(shared, places, path)?;
    let Some(digest) = layers.digest().filter(|_| !requests.is_empty()) else {
        let phase = format!("`{shown}` asks for nothing that has to be granted");
        return tell(shared, path, &layers, &requests, &phase);
    };
    show(shared, &requests)?;
    remember(places, path, digest, &requests, true)?;
    let (layers, _) = Layers::read(shared.flags(), path.parent(), places);
    let phase = if requests.iter().any(|one| layers.grants().allows(&one.key, &one.value)) {
        format!("`{shown}` is denied what your own file doesn't grant, and no run warns of it")
    } else {
        format!("`{shown}` is denied this, and no run warns of it any more")
    };
    tell(shared, path, &layers, &requests, &phase)?;
    for line in granted_in(places, path) {
        shared.printer.warning(&format!("it is still granted something in {line}"));
    }
    Ok(())
}

/// Where the user's own file grants it something in words.
fn granted_in(places: &Places, path: &Path) -> Vec<String> {
    let tables = trusted::tables_for(places, path.parent().unwrap_or(path));
    tables.iter().map(ToString::to_string).collect()
}

/// Stores the answer to these requests, in the place of an earlier one.
fn remember(
    places: &Places,
    path: &Path,
    digest: Hash,
    requests: &[Request],
    no: bool,
) -> Result<(), CommandError> {
    let all = requests.iter().map(|one| (one.key.clone(), one.value.clone())).collect();
    let none = BTreeMap::new();
    let (requests, denied) = if no { (none, all) } else { (all, none) };
    let pin = Pin { path: path.to_owned(), digest, time: Timestamp::now(), requests, denied };
    Pins::new(&places.state).store(&pin).map_err(|error| {
        let word = if no { "denied anything" } else { "trusted" };
        CommandError::failed(format!("`{}` can't be {word}", path.display())).because(error)
    })
}

fn show(shared: &Shared, requests: &[Request]) -> Result<(), CommandError> {
    if shared.printer.json {
        return Ok(());
    }
    let mut table = Table::new(&["LINE", "KEY", "VALUE", "IT WOULD CHOOSE"]).texts(2);
    for one in requests {
        table.row([
            one.line.to_string(),
            one.key.clone(),
            one.value.to_string(),
            one.reason.clone(),
        ]);
    }
    shared.printer.table(&table)
}

fn tell(
    shared: &Shared,
    path: &Path,
    layers: &Layers,
    requests: &[Request],
    phase: &str,
) -> Result<(), CommandError> {
    if !shared.printer.json {
        shared.printer.phase(phase);
        return Ok(());
    }
    let trusted = layers.grants().trusted();
    // What is granted in words holds, whatever was denied.
    let is_denied = |one: &Request| {
        let grants = layers.grants();
        grants.denies(&one.key, &one.value) && !grants.allows(&one.key, &one.value)
    };
    let denied = requests.iter().all(is_denied);
    let requests: Vec<Value> = requests.iter().map(request_to_json).collect();
    shared.printer.document(&json!({
        "schema_version": 1,
        "path": path.to_string_lossy(),
        "trusted": trusted.is_some(),
        "granted_in": granted_in(&shared.places()?, path),
        "denied": !requests.is_empty() && denied,
        "digest": layers.digest().map(|digest| format!("blake3:{digest}")),
        "requests": requests,
    }))
}

fn request_to_json(request: &Request) -> Value {
    json!({
        "key": request.key,
        "value": request.value,
        "line": request.line,
        "chooses": request.reason,
    })
}

fn revoke(shared: &Shared, places: &Places, path: &Path) -> Result<(), CommandError> {
    let shown = path.display();
    let pins = Pins::new(&places.state);
    // One that can't be read is removed all the same.
    let denied = pins.find(path).is_ok_and(|pin| pin.is_some_and(|pin| pin.is_denial()));
    let removed = pins.remove(path).map_err(|error| {
        CommandError::failed(format!("what is known of `{shown}` can't be removed")).because(error)
    })?;
    let lines = granted_in(places, path);
    if !removed {
        let message = format!("`{shown}` is neither trusted nor denied anything");
        let error = CommandError::new(Exit::NotFound, message);
        return Err(match lines.first() {
            Some(line) => error.note(format!("it is granted something in {line}")),
            None => error.hint(to_type(&["config", "trust", "--list"])),
        });
    }
    if shared.printer.json {
        return shared.printer.document(&json!({
            "schema_version": 1,
            "path": path.to_string_lossy(),
            "granted_in": lines,
        }));
    }
    let what = if denied { "denied nothing any more" } else { "trusted no more" };
    shared.printer.phase(&format!("`{shown}` is {what}"));
    for line in lines {
        shared.printer.warning(&format!("it is still granted something in {line}"));
    }
    Ok(())
}
