//! What each layer says, and where: the flags of a command line, the environment, the three
//! files, the defaults.

use super::error::{ConfigError, Place, Problem};
use super::file::{self, Layer, Lined, Owner, REPOSITORY_FILE, USER_FILE};
use super::isolation;
use super::keys::{self, KEYS, Key, Repository};
use super::providers::{Flag, Given};
use super::strays;
use super::trust::Grants;
use super::value::Setting;
use crate::output::to_type;
use crate::places::Places;
use crabbox_wire::tree::Hash;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The files, the strongest first.
pub(super) const FILES: [Owner; 3] = [Owner::Repository, Owner::User, Owner::System];

/// What the command line says; it wins over everything else.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--provider`.
    pub provider: Option<String>,
    /// It is about letting go of a lease: nothing is chosen any more.
    pub of_lease: bool,
    /// It is about a lease that is there: what only a new one needs may be missing.
    pub of_existing: bool,
    /// `--provider-path`.
    pub provider_path: Vec<PathBuf>,
    /// `--ttl`.
    pub ttl: Option<Duration>,
    /// `--idle`.
    pub idle: Option<Duration>,
    /// `--release`.
    pub release: Option<String>,
    /// `--timeout`.
    pub timeout: Option<Duration>,
    /// The names in `--env`; adds to the other layers.
    pub env: Vec<String>,
    /// `--junit`; adds to the other layers.
    pub junit: Vec<String>,
    /// `--exclude`; adds to the other layers.
    pub exclude: Vec<String>,
    /// `--NAME-KEY`, for any provider.
    pub settings: Vec<Flag>,
}

impl Flags {
    fn get(&self, key: &Key) -> Option<Setting> {
        match key.name {
            "lease.provider" => self.provider.clone().map(Setting::Text),
            "lease.ttl" => self.ttl.map(Setting::Duration),
            "lease.idle" => self.idle.map(Setting::Duration),
            "lease.release" => self.release.clone().map(Setting::Text),
            "run.timeout" => self.timeout.map(Setting::Duration),
            "run.env" => some(&self.env).map(Setting::Texts),
            "results.junit" => some(&self.junit).map(Setting::Texts),
            "sync.exclude" => some(&self.exclude).map(Setting::Texts),
            "providers.path" => some(&self.provider_path).map(Setting::Paths),
            _ => None,
        }
    }
}

fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag(Cow<'static, str>),
    /// The environment.
    Variable(Cow<'static, str>),
    /// A file.
    File {
        /// Whose.
        owner: Owner,
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// Nothing sets it.
    Default,
}

impl Origin {
    /// As a place; `None`: nothing sets it.
    pub(super) fn place(&self) -> Option<Place> {
        match self {
            Self::Flag(name) => Some(Place::Flag(name.clone())),
            Self::Variable(name) => Some(Place::Variable(name.clone())),
            Self::File { path, line, .. } => {
                Some(Place::File { path: path.clone(), line: Some(*line) })
            }
            Self::Default => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value, and where it comes from.
#[derive(Clone, Debug)]
pub struct Layered {
    /// The value.
    pub setting: Setting,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a setting of a provider stands in a file.
#[derive(Clone, Debug)]
pub struct ProviderSetting {
    /// Its name in `[provider.NAME]`.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// What stands in a table `[provider.NAME]`: the manifest judges it.
pub(super) type Table = BTreeMap<String, Lined<toml::Value>>;

/// All layers, side by side.
#[derive(Debug)]
pub struct Layers {
    flags: Flags,
    environment: BTreeMap<&'static str, Setting>,
    repository: (PathBuf, Layer),
    user: (PathBuf, Layer),
    system: (PathBuf, Layer),
    grants: Grants,
    /// It is one file alone: nobody asks about the environment.
    of_file: bool,
}

impl Layers {
    /// Reads them, with all that is wrong. `repository`: the root of the checkout, if there
    /// is one.
    #[must_use]
    pub fn read(
        flags: Flags,
        repository: Option<&Path>,
        places: &Places,
    ) -> (Self, Vec<ConfigError>) {
        let user = places.config.join(USER_FILE);
        let mut of_user = file::read(&user, Owner::User);
        let (path, mut of_repository) = match repository.map(|root| root.join(REPOSITORY_FILE)) {
            Some(path) => {
                let layer = file::read(&path, Owner::Repository);
                (path, layer)
            }
            None => (PathBuf::new(), Layer::default()),
        };
        let system = places.system.join(USER_FILE);
        let mut of_system = file::read(&system, Owner::System);
        let (environment, mut errors) = environment();
        errors.append(&mut of_repository.errors);
        errors.append(&mut of_user.errors);
        errors.append(&mut of_system.errors);
        let (grants, error) = Grants::read(&path, &of_repository, &of_user, &places.state);
        errors.extend(error);
        let layers = Self {
            flags,
            environment,
            repository: (path, of_repository),
            user: (user, of_user),
            system: (system, of_system),
            grants,
            of_file: false,
        };
        let tables = layers.provider_tables();
        let chosen = layers.chosen_provider().map(|(name, _)| name);
        let names = tables.iter().map(|(name, _)| *name).chain(chosen.as_deref());
        errors.extend(isolation::of_environment(names));
        (layers, errors)
    }

    /// One file alone; what it asks for isn't granted.
    #[must_use]
    pub fn of_file(path: &Path, owner: Owner) -> (Self, Vec<ConfigError>) {
        let mut layer = file::read(path, owner);
        let errors = std::mem::take(&mut layer.errors);
        let none = || (PathBuf::new(), Layer::default());
        let mut layers = Self {
            flags: Flags::default(),
            environment: BTreeMap::new(),
            repository: none(),
            user: none(),
            system: none(),
            grants: Grants::default(),
            of_file: true,
        };
        let place = match owner {
            Owner::Repository => &mut layers.repository,
            Owner::User => &mut layers.user,
            Owner::System => &mut layers.system,
        };
        *place = (path.to_owned(), layer);
        (layers, errors)
    }

    /// What the layers say of a key, the strongest first; the default is last. Where
    /// the layers don't add up, the first wins.
    #[must_use]
    pub fn chain(&self, key: &'static Key) -> Vec<Layered> {
        let flag = self
            .flags
            .get(key)
            .zip(key.flag)
            .map(|(setting, name)| Layered { setting, origin: Origin::Flag(name.into()) });
        let variable = self.environment.get(key.name).zip(key.variable);
        let variable = variable.map(|(setting, name)| Layered {
            setting: setting.clone(),
            origin: Origin::Variable(name.into()),
        });
        let default = key.default.and_then(|text| Setting::of_text(key, text));
        let default = default.map(|setting| Layered { setting, origin: Origin::Default });
        let files = FILES.map(|owner| self.in_file(owner, key));
        let said = [flag, variable].into_iter().chain(files).chain([default]);
        let mut chain: Vec<_> = said.flatten().collect();
        if let Some(instead) = self.instead(key, &chain) {
            chain.insert(0, instead);
        }
        chain
    }

    fn in_file(&self, owner: Owner, key: &Key) -> Option<Layered> {
        let (path, layer) = self.file(owner);
        let found = layer.settings.get(key.name)?;
        let asked = owner == Owner::Repository && matches!(key.repository, Repository::Request(_));
        if asked && !self.grants.allows(key.name, &found.value.to_toml()) {
            return None;
        }
        let origin = Origin::File { owner, path: path.clone(), line: found.line };
        Some(Layered { setting: found.value.clone(), origin })
    }

    /// Is it about letting go of a lease?
    pub(super) fn is_of_lease(&self) -> bool {
        self.flags.of_lease
    }

    /// May a new lease be wanted?
    pub(super) fn may_lease(&self) -> bool {
        !(self.flags.of_lease || self.flags.of_existing)
    }

    /// The line that tells all that is wrong, with the provider that this is about.
    #[must_use]
    pub fn to_check(&self) -> String {
        let check = ["config", "check", "--provider", self.flags.provider.as_deref().unwrap_or("")];
        to_type(if self.flags.provider.is_some() { &check } else { &check[..2] })
    }

    /// Is it one file alone?
    pub(super) fn is_of_file(&self) -> bool {
        self.of_file
    }

    /// What the user has granted to this repository's file.
    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Of all bytes of the repository's file, if there is one.
    #[must_use]
    pub fn digest(&self) -> Option<Hash> {
        self.repository.1.digest
    }

    /// The providers that are to run in this process, by the names that the user calls them.
    #[must_use]
    pub fn in_process(&self) -> &BTreeSet<String> {
        &self.file(Owner::User).1.in_process
    }

    /// The names of all tables `[provider.NAME]`, each with its place, in their order; those below
    /// `[enforced]` come last.
    pub(super) fn provider_tables(&self) -> Vec<(&str, Place)> {
        let of = |owner| {
            let (path, layer) = self.file(owner);
            let mut tables: Vec<_> = layer.providers.iter().collect();
            tables.sort_by_key(|(_, table)| table.line);
            tables.into_iter().map(|(name, table)| {
                (name.as_str(), Place::File { path: path.clone(), line: Some(table.line) })
            })
        };
        let (path, layer) = self.file(Owner::System);
        let pinned = layer.pinned.iter().map(|(name, table)| {
            (name.as_str(), Place::File { path: path.clone(), line: Some(table.line) })
        });
        FILES.into_iter().flat_map(of).chain(pinned).collect()
    }

    /// The chosen provider, and where a file or a variable chooses it.
    pub(super) fn chosen_provider(&self) -> Option<(String, Option<Place>)> {
        let found = keys::find("lease.provider").map(|key| self.chain(key))?.into_iter().next()?;
        let place = match found.origin {
            Origin::File { path, line, .. } => Some(Place::File { path, line: Some(line) }),
            Origin::Variable(name) => Some(Place::Variable(name)),
            Origin::Flag(_) | Origin::Default => None,
        };
        Some((found.setting.text(), place))
    }

    /// Has the user, or the machine, a table `[provider.NAME]` for this name?
    #[must_use]
    pub fn is_configured(&self, provider: &str) -> bool {
        [&self.user, &self.system].iter().any(|(_, layer)| layer.providers.contains_key(provider))
    }

    /// The names for which the user has a table `[provider.NAME]`.
    pub fn configured_providers(&self) -> impl Iterator<Item = &str> {
        self.user.1.providers.keys().map(String::as_str)
    }

    /// Every entry of the tables `[provider.NAME]`, the repository's first, those that are covered
    /// by another, too.
    #[must_use]
    pub fn provider_chain(&self, name: &str) -> Vec<ProviderSetting> {
        let of = |owner| {
            let (path, layer) = self.file(owner);
            layer.providers.get(name).into_iter().flat_map(move |table| {
                table.value.iter().map(move |(key, found)| ProviderSetting {
                    name: key.clone(),
                    origin: Origin::File { owner, path: path.clone(), line: found.line },
                })
            })
        };
        let mut entries: Vec<_> = FILES.into_iter().flat_map(of).collect();
        entries.sort_by_key(|entry| match &entry.origin {
            Origin::File { owner, line, .. } => (FILES.iter().position(|one| one == owner), *line),
            _ => (None, 0),
        });
        entries
    }

    /// What stands in `[provider.NAME]` of one file.
    pub(super) fn table(&self, owner: Owner, provider: &str) -> (&Path, Option<&Table>) {
        let (path, layer) = self.file(owner);
        (path, layer.providers.get(provider).map(|table| &table.value))
    }

    /// What stands in `[enforced.provider.NAME]`.
    pub(super) fn pinned(&self, provider: &str) -> (&Path, Option<&Table>) {
        let (path, layer) = self.file(Owner::System);
        (path, layer.pinned.get(provider).map(|table| &table.value))
    }

    /// What the command line says of a provider's setting.
    pub(super) fn given(&self, provider: &str, setting: &str) -> impl Iterator<Item = &Given> {
        let is_it = move |flag: &&Flag| flag.provider == provider && flag.setting == setting;
        self.flags.settings.iter().filter(is_it).map(|flag| &flag.given)
    }

    /// What the command line says of any provider's settings.
    pub(super) fn all_given(&self) -> &[Flag] {
        &self.flags.settings
    }

    pub(super) fn file(&self, owner: Owner) -> &(PathBuf, Layer) {
        match owner {
            Owner::Repository => &self.repository,
            Owner::User => &self.user,
            Owner::System => &self.system,
        }
    }
}

/// The variables of the table. An empty one counts as unset.
fn environment() -> (BTreeMap<&'static str, Setting>, Vec<ConfigError>) {
    let mut settings = BTreeMap::new();
    let mut errors = Vec::new();
    for (key, name) in KEYS.iter().filter_map(|key| Some((key, key.variable?))) {
        let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) else {
            continue;
        };
        if let Some(setting) = Setting::of_variable(key, &value) {
            settings.insert(key.name, setting);
        } else {
            let found = format!("`{}`", value.to_string_lossy());
            let problem = Problem::value(key.name, key.kind, found);
            errors.push(ConfigError::new(Place::Variable(name.into()), problem));
        }
    }
    errors.extend(strays::of_host());
    (settings, errors)
}
