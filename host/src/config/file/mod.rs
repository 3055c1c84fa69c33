//! One configuration file: [`text`] takes its bytes, if they can be taken from whoever wrote
//! them, [`parse`] reads them against the table of keys, and [`rules`] says what may stand where.

mod parse;
mod rules;
mod text;

use super::error::{ConfigError, Place};
use super::policy::Bound;
use super::trust::Grant;
use super::value::Setting;
use crabbox_wire::tree::Hash;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(super) use text::LIMIT;

/// The name of a repository's file, at the root of the checkout.
pub const REPOSITORY_FILE: &str = ".crabbox.toml";

/// The name of the user's file, in their configuration folder, and of the machine's.
pub const USER_FILE: &str = "config.toml";

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// `.crabbox.toml`: whoever wrote the repository.
    Repository,
    /// `config.toml`.
    User,
    /// The machine's own `config.toml`: root's.
    System,
}

/// The content of one file.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) settings: BTreeMap<&'static str, Lined<Setting>>,
    /// `[provider.NAME]`, as it stands: the manifest judges it.
    pub(super) providers: BTreeMap<String, Lined<BTreeMap<String, Lined<toml::Value>>>>,
    /// The providers that are to run in this process.
    pub(super) in_process: BTreeSet<String>,
    /// `[trust."PATH"]` of the user's file.
    pub(super) grants: Vec<Grant>,
    /// `[enforced]` of the machine's file.
    pub(super) enforced: BTreeMap<&'static str, Lined<Bound>>,
    /// `[enforced.provider.NAME]` of the machine's file.
    pub(super) pinned: BTreeMap<String, Lined<BTreeMap<String, Lined<toml::Value>>>>,
    /// Of all its bytes; `None`: there are none.
    pub(super) digest: Option<Hash>,
    pub(super) errors: Vec<ConfigError>,
}

/// Something that stands in a line, counted from 1.
#[derive(Clone, Debug)]
pub(super) struct Lined<T> {
    pub(super) line: usize,
    pub(super) value: T,
}

/// Reads a file; one that isn't there is empty.
pub(super) fn read(path: &Path, owner: Owner) -> Layer {
    match text::read(path, owner) {
        Ok(None) => Layer::default(),
        Ok(Some(text)) => {
            Layer { digest: Some(Hash::of(text.as_bytes())), ..parse::parse(path, &text, owner) }
        }
        Err((line, problem)) => {
            let place = Place::File { path: path.to_owned(), line };
            Layer { errors: vec![ConfigError::new(place, problem)], ..Layer::default() }
        }
    }
}
