//! What a line says before it is parsed, and which providers it could mean.

use super::config::{checkout_or_folder, repository, usable};
use crate::claims::{Reader, Row, State};
use crate::config::{Flags, Layers, Settings};
use crate::history;
use crate::lease::{LAST, REPO};
use crate::places::Places;
use crate::registry::{self, Registry};
use crabbox_provider_api::manifest::Manifest;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// So many runs are offered.
const RUNS: u32 = 20;

/// The words before the program's own.
#[derive(Clone, Debug)]
pub(super) struct Early(Vec<OsString>);

impl Early {
    pub(super) fn of_this_process() -> Self {
        Self::of(env::args_os().skip(1))
    }

    pub(super) fn of(words: impl IntoIterator<Item = OsString>) -> Self {
        Self(words.into_iter().take_while(|word| word != "--").collect())
    }

    /// The values that an option has on the line, with `=` or in the next word.
    pub(super) fn values(&self, option: &str) -> Vec<OsString> {
        let mut found = Vec::new();
        let mut words = self.0.iter();
        while let Some(word) = words.next() {
            let joined =
                word.to_str().and_then(|word| word.strip_prefix(option)?.strip_prefix('='));
            if let Some(value) = joined {
                found.push(OsString::from(value));
            } else if word == option {
                found.extend(words.next().cloned());
            }
        }
        found
    }

    /// What `--provider` says, or the word behind `provider describe` and `provider call`.
    pub(super) fn provider(&self) -> Option<String> {
        let given = self.values("--provider").pop().and_then(|name| name.into_string().ok());
        given.or_else(|| {
            let is_named =
                |two: &[OsString]| two == ["provider", "describe"] || two == ["provider", "call"];
            let at = self.0.windows(2).position(is_named)?;
            self.0.get(at + 2)?.to_str().filter(|word| !word.starts_with('-')).map(str::to_owned)
        })
    }

    /// The layers as far as they can be read: what is wrong with a file is told when a command
    /// reads it.
    fn layers(&self) -> Option<Layers> {
        let flags = Flags {
            provider: self.provider(),
            provider_path: self.values("--provider-path").into_iter().map(PathBuf::from).collect(),
            ..Flags::default()
        };
        let places = Places::discover(None).ok()?;
        Some(Layers::read(flags, repository().as_deref(), &places).0)
    }

    /// Every provider that can be used.
    pub(super) fn registry(&self) -> Option<Registry> {
        let path = Settings::of(&self.layers()?).provider_path;
        Some(Registry::new(registry::Places::discover(path)))
    }

    /// What the usable ones say of themselves.
    pub(super) fn manifests(&self) -> Vec<Manifest> {
        self.registry().map(|registry| usable(&registry.list())).unwrap_or_default()
    }

    /// What the provider says of itself that this line would use. What is about a lease uses its own.
    pub(super) fn chosen(&self) -> Option<Manifest> {
        let settings = Settings::of(&self.layers()?);
        let registry = Registry::new(registry::Places::discover(settings.provider_path));
        let provider =
            if self.is_about_a_lease() { self.lease()?.provider } else { settings.provider };
        registry.find(&provider).ok().map(|library| library.manifest)
    }

    /// Is it `crabbox stop` or `crabbox extend`?
    fn is_about_a_lease(&self) -> bool {
        let words = [OsString::from("crabbox")].into_iter().chain(self.0.iter().cloned());
        let matches = super::command().ignore_errors(true).try_get_matches_from(words);
        matches.is_ok_and(|matches| matches!(matches.subcommand_name(), Some("stop" | "extend")))
    }

    /// The lease that one of its words stands for.
    fn lease(&self) -> Option<Row> {
        let reader = self.reader()?;
        let words = self.0.iter().skip(1).filter_map(|word| word.to_str());
        let mut found = words.filter_map(|word| match word {
            LAST => reader.last_used().ok()?,
            REPO => self.here(reader.live().ok()?).into_iter().next(),
            word => reader.search(word).ok().filter(|rows| rows.len() == 1)?.pop(),
        });
        found.next()
    }

    /// Those of them that a run in the checkout here would look at.
    pub(super) fn here(&self, mut rows: Vec<Row>) -> Vec<Row> {
        let Some((root, layers)) = repository().zip(self.layers()) else { return Vec::new() };
        let (root, provider) = (root.to_string_lossy(), Settings::of(&layers).provider);
        let failed = State::Failed.as_str();
        rows.retain(|row| {
            row.repository == root && row.provider == provider && row.state != failed
        });
        rows
    }

    /// The leases that aren't over, as far as they can be read.
    pub(super) fn leases(&self) -> Vec<Row> {
        self.reader().and_then(|reader| reader.live().ok()).unwrap_or_default()
    }

    /// The last runs of the checkout here, as far as they can be read.
    pub(super) fn runs(&self) -> Vec<history::Row> {
        let read = || {
            let repository = checkout_or_folder().ok()?.to_string_lossy().into_owned();
            let filter = history::Filter {
                repository: Some(repository),
                limit: Some(RUNS),
                ..history::Filter::default()
            };
            history::Reader::open(&self.state()?).ok()?.rows(&filter).ok()
        };
        read().unwrap_or_default()
    }

    fn reader(&self) -> Option<Reader> {
        Reader::open(&self.state()?).ok().flatten()
    }

    fn state(&self) -> Option<PathBuf> {
        let state = self
            .values("--state-dir")
            .pop()
            .or_else(|| env::var_os("CRABBOX_STATE_DIR").filter(|folder| !folder.is_empty()));
        Places::discover(state.as_deref().map(Path::new)).ok().map(|places| places.state)
    }
}
