//! The search: the first match wins, and a broken first match is an error, never a reason to
//! look further. A name comes before an alias; a word that could mean two is an error.

use super::error::FindError;
use super::library::{Library, Refused, Unusable};
use super::places::{self, Places, Source};
use crabbox_provider_api::manifest::Manifest;
use std::path::{Path, PathBuf};

/// A provider's file, and what is known of it.
#[derive(Debug)]
pub struct Entry {
    /// The name it answers to: the manifest's, or the file's where that can't be read.
    pub name: String,
    /// Its manifest, where that can be read.
    pub manifest: Option<Manifest>,
    /// The file.
    pub path: PathBuf,
    /// Where it was found.
    pub source: Source,
    /// Can it be used?
    pub state: Condition,
    /// Its words that don't lead to it, since another provider has them, too.
    pub clashes: Vec<Clash>,
}

/// Can a provider be used?
#[derive(Debug)]
pub enum Condition {
    /// Yes.
    Ok,
    /// An earlier entry has its name.
    Shadowed {
        /// Its file.
        by: PathBuf,
    },
    /// No.
    Unusable(Unusable),
}

/// A word that two providers answer to.
#[derive(Debug, PartialEq, Eq)]
pub struct Clash {
    /// The name or alias.
    pub word: String,
    /// The other one's file.
    pub with: PathBuf,
}

impl Entry {
    /// Its name and its aliases.
    fn words(&self) -> impl Iterator<Item = &str> {
        let aliases = self.manifest.iter().flat_map(|manifest| &manifest.aliases);
        std::iter::once(self.name.as_str()).chain(aliases.map(String::as_str))
    }

    fn is_shadowed(&self) -> bool {
        matches!(self.state, Condition::Shadowed { .. })
    }
}

/// All places with providers.
#[derive(Clone, Debug)]
pub struct Registry {
    places: Places,
}

impl Registry {
    /// Of these places. Nothing is read yet.
    #[must_use]
    pub fn new(places: Places) -> Self {
        Self { places }
    }

    /// Every provider, in the order in which they are found.
    #[must_use]
    pub fn list(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for candidate in self.places.files() {
            let (path, source) = (candidate.path, candidate.source);
            let opened = match candidate.crowded {
                Some(crowded) => Err(Unusable::from(crowded).into()),
                None => Library::open(&path, source),
            };
            let (manifest, state) = match opened {
                Ok(library) => (Some(library.manifest), Condition::Ok),
                Err(Refused { manifest, reason }) => {
                    (manifest.map(|manifest| *manifest), Condition::Unusable(reason))
                }
            };
            let name = name_of(manifest.as_ref(), &path);
            let earlier = entries.iter().find(|entry| entry.name == name);
            let state = match earlier {
                Some(earlier) => Condition::Shadowed { by: earlier.path.clone() },
                None => state,
            };
            entries.push(Entry { name, manifest, path, source, state, clashes: Vec::new() });
        }
        let clashes: Vec<_> = entries.iter().map(|entry| clashes(entry, &entries)).collect();
        for (entry, clashes) in entries.iter_mut().zip(clashes) {
            entry.clashes = clashes;
        }
        entries
    }

    /// The provider that this name or alias stands for, opened and checked.
    pub fn find(&self, name: &str) -> Result<Library, FindError> {
        let mut earlier: Vec<(String, PathBuf)> = Vec::new();
        let mut by_alias: Option<Library> = None;
        let clash = |one: &Library, other: PathBuf| FindError::Clash {
            word: name.to_owned(),
            one: one.path.clone(),
            other,
        };
        for candidate in self.places.files() {
            if candidate.crowded.is_some() {
                continue;
            }
            let path = candidate.path;
            let opened = Library::open(&path, candidate.source);
            let its_name = match &opened {
                Ok(library) => library.manifest.name.clone(),
                Err(refused) => name_of(refused.manifest.as_deref(), &path),
            };
            if earlier.iter().any(|(name, _)| *name == its_name) {
                continue;
            }
            let is_named = its_name == name;
            earlier.push((its_name, path.clone()));
            match (opened, &by_alias) {
                (_, Some(first)) if is_named => return Err(clash(first, path)),
                (Ok(library), None) if is_named => return Ok(library),
                (Err(Refused { reason, .. }), None) if is_named => {
                    return Err(FindError::Broken { name: name.to_owned(), path, reason });
                }
                (Ok(library), first)
                    if library.manifest.aliases.iter().any(|word| word == name) =>
                {
                    match first {
                        Some(first) => return Err(clash(first, path)),
                        None => by_alias = Some(library),
                    }
                }
                _ => {}
            }
        }
        by_alias.ok_or_else(|| FindError::Missing {
            name: name.to_owned(),
            known: earlier.into_iter().map(|(name, _)| name).collect(),
        })
    }

    /// Did the provider of this name come with this program?
    #[must_use]
    pub fn is_bundled(&self, name: &str) -> bool {
        self.find(name).is_ok_and(|library| library.source == Source::Bundled)
    }
}

/// The words of an entry that don't lead to it, as [`Registry::find`] would have it.
fn clashes(entry: &Entry, all: &[Entry]) -> Vec<Clash> {
    if entry.is_shadowed() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for word in entry.words() {
        let mut answering =
            all.iter().filter(|other| !other.is_shadowed() && other.words().any(|own| own == word));
        let Some(first) = answering.next() else {
            continue;
        };
        let other = if first.path == entry.path { answering.next() } else { Some(first) };
        let wins = first.path == entry.path && first.name == word;
        if let Some(other) = other.filter(|_| !wins) {
            found.push(Clash { word: word.to_owned(), with: other.path.clone() });
        }
    }
    found
}

fn name_of(manifest: Option<&Manifest>, path: &Path) -> String {
    manifest.map_or_else(|| name_of_file(path), |manifest| manifest.name.clone())
}

/// `libcrabbox_provider_my_cloud.so` → `my-cloud`.
fn name_of_file(path: &Path) -> String {
    let file = path.file_stem().unwrap_or_default().to_string_lossy();
    file.strip_prefix(places::PREFIX).unwrap_or(&file).replace('_', "-")
}
