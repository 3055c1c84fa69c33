//! The search: the first match wins, and a broken first match is an error, never a reason to
//! look further.

use super::error::FindError;
use super::library::{Library, Unusable};
use super::places::{self, Places, Source};
use crabbox_provider_api::manifest::Manifest;
use std::path::PathBuf;

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
}

/// Can a provider be used?
#[derive(Debug)]
pub enum Condition {
    /// Yes.
    Ok,
    /// An earlier entry has its name.
    Shadowed,
    /// No.
    Unusable(Unusable),
}

/// All places with providers.
#[derive(Debug)]
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
        for (source, path) in self.places.files() {
            let (name, manifest, state) = match Library::open(&path, source) {
                Ok(library) => {
                    (library.manifest.name.clone(), Some(library.manifest), Condition::Ok)
                }
                Err(reason) => (name_of_file(&path), None, Condition::Unusable(reason)),
            };
            let taken = entries.iter().any(|entry| entry.name == name);
            let state = if taken { Condition::Shadowed } else { state };
            entries.push(Entry { name, manifest, path, source, state });
        }
        entries
    }

    /// The provider that this name or alias stands for, opened and checked.
    pub fn find(&self, name: &str) -> Result<Library, FindError> {
        let mut known = Vec::new();
        for (source, path) in self.places.files() {
            match Library::open(&path, source) {
                Ok(library) if library.answers_to(name) => return Ok(library),
                Ok(library) => known.push(library.manifest.name),
                Err(reason) if name_of_file(&path) == name => {
                    return Err(FindError::Broken { name: name.to_owned(), path, reason });
                }
                Err(_) => {}
            }
        }
        known.dedup();
        Err(FindError::Missing { name: name.to_owned(), known })
    }

    /// Did the provider of this name come with this program?
    #[must_use]
    pub fn is_bundled(&self, name: &str) -> bool {
        self.find(name).is_ok_and(|library| library.source == Source::Bundled)
    }
}

/// `libcrabbox_provider_my_cloud.so` → `my-cloud`.
fn name_of_file(path: &std::path::Path) -> String {
    let file = path.file_stem().unwrap_or_default().to_string_lossy();
    file.strip_prefix(places::PREFIX).unwrap_or(&file).replace('_', "-")
}
