//! What each layer says, and where: the flags of a command line, the environment, the two
//! files, the defaults.

use super::error::{ConfigError, Place, Problem};
use super::file::{self, Layer, Owner, REPOSITORY_FILE, USER_FILE};
use super::keys::{self, KEYS, Key};
use super::value::Setting;
use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the command line says; it wins over everything else.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--provider`.
    pub provider: Option<String>,
    /// `--provider-path`.
    pub provider_path: Vec<PathBuf>,
    /// `--timeout`.
    pub timeout: Option<Duration>,
    /// `--exclude`; adds to the other layers.
    pub exclude: Vec<String>,
}

impl Flags {
    fn get(&self, key: &Key) -> Option<Setting> {
        match key.name {
            "lease.provider" => self.provider.clone().map(Setting::Text),
            "run.timeout" => self.timeout.map(Setting::Duration),
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
    Flag(&'static str),
    /// The environment.
    Variable(&'static str),
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

/// One setting of a provider.
#[derive(Clone, Debug)]
pub struct ProviderSetting {
    /// Its name in `[provider.NAME]`.
    pub name: String,
    /// The value.
    pub value: toml::Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// All layers, side by side.
#[derive(Debug)]
pub struct Layers {
    flags: Flags,
    environment: BTreeMap<&'static str, Setting>,
    repository: (PathBuf, Layer),
    user: (PathBuf, Layer),
}

impl Layers {
    /// Reads them, with all that is wrong. `repository`: the root of the checkout, if there
    /// is one; `user`: the folder that holds `config.toml`.
    #[must_use]
    pub fn read(flags: Flags, repository: Option<&Path>, user: &Path) -> (Self, Vec<ConfigError>) {
        let user = user.join(USER_FILE);
        let mut of_user = file::read(&user, Owner::User);
        let (repository, mut of_repository) =
            match repository.map(|root| root.join(REPOSITORY_FILE)) {
                Some(path) => {
                    let layer = file::read(&path, Owner::Repository);
                    (path, layer)
                }
                None => (PathBuf::new(), Layer::default()),
            };
        let (environment, mut errors) = environment();
        errors.append(&mut of_repository.errors);
        errors.append(&mut of_user.errors);
        let layers = Self {
            flags,
            environment,
            repository: (repository, of_repository),
            user: (user, of_user),
        };
        (layers, errors)
    }

    /// One file alone.
    #[must_use]
    pub fn of_file(path: &Path, owner: Owner) -> (Self, Vec<ConfigError>) {
        let mut layer = file::read(path, owner);
        let errors = std::mem::take(&mut layer.errors);
        let none = || (PathBuf::new(), Layer::default());
        let (repository, user) = match owner {
            Owner::Repository => ((path.to_owned(), layer), none()),
            Owner::User => (none(), (path.to_owned(), layer)),
        };
        let layers =
            Self { flags: Flags::default(), environment: BTreeMap::new(), repository, user };
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
            .map(|(setting, name)| Layered { setting, origin: Origin::Flag(name) });
        let variable = self.environment.get(key.name).zip(key.variable);
        let variable = variable.map(|(setting, name)| Layered {
            setting: setting.clone(),
            origin: Origin::Variable(name),
        });
        let default = key.default.and_then(|text| Setting::of_text(key, text));
        let default = default.map(|setting| Layered { setting, origin: Origin::Default });
        let of = |owner| self.in_file(owner, key);
        [flag, variable, of(Owner::Repository), of(Owner::User), default]
            .into_iter()
            .flatten()
            .collect()
    }

    fn in_file(&self, owner: Owner, key: &Key) -> Option<Layered> {
        let (path, layer) = self.file(owner);
        let found = layer.settings.get(key.name)?;
        let origin = Origin::File { owner, path: path.clone(), line: found.line };
        Some(Layered { setting: found.value.clone(), origin })
    }

    /// `[provider.NAME]` for this name, the repository's settings over the user's.
    #[must_use]
    pub fn provider(&self, name: &str) -> Vec<ProviderSetting> {
        let mut settings = BTreeMap::new();
        for owner in [Owner::User, Owner::Repository] {
            let (path, layer) = self.file(owner);
            for (key, found) in layer.providers.get(name).iter().flat_map(|table| &table.value) {
                let origin = Origin::File { owner, path: path.clone(), line: found.line };
                let setting =
                    ProviderSetting { name: key.clone(), value: found.value.clone(), origin };
                settings.insert(key, setting);
            }
        }
        settings.into_values().collect()
    }

    /// The names of all tables `[provider.NAME]`, each with its place, in their order.
    pub(super) fn provider_tables(&self) -> Vec<(&str, Place)> {
        let of = |owner| {
            let (path, layer) = self.file(owner);
            let mut tables: Vec<_> = layer.providers.iter().collect();
            tables.sort_by_key(|(_, table)| table.line);
            tables.into_iter().map(|(name, table)| {
                (name.as_str(), Place::File { path: path.clone(), line: Some(table.line) })
            })
        };
        of(Owner::Repository).chain(of(Owner::User)).collect()
    }

    /// The provider that a file or a variable chooses, and where.
    pub(super) fn chosen_provider(&self) -> Option<(String, Place)> {
        let found = keys::find("lease.provider").map(|key| self.chain(key))?.into_iter().next()?;
        let place = match found.origin {
            Origin::File { path, line, .. } => Place::File { path, line: Some(line) },
            Origin::Variable(name) => Place::Variable(name),
            Origin::Flag(_) | Origin::Default => return None,
        };
        Some((found.setting.text(), place))
    }

    /// Has the user a table `[provider.NAME]` for this name?
    pub(super) fn is_configured(&self, provider: &str) -> bool {
        self.user.1.providers.contains_key(provider)
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
                    value: found.value.clone(),
                    origin: Origin::File { owner, path: path.clone(), line: found.line },
                })
            })
        };
        let mut entries: Vec<_> = of(Owner::Repository).chain(of(Owner::User)).collect();
        entries.sort_by_key(|entry| match &entry.origin {
            Origin::File { owner, line, .. } => (*owner == Owner::User, *line),
            _ => (false, 0),
        });
        entries
    }

    fn file(&self, owner: Owner) -> &(PathBuf, Layer) {
        match owner {
            Owner::Repository => &self.repository,
            Owner::User => &self.user,
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
            errors.push(ConfigError::new(Place::Variable(name), problem));
        }
    }
    (settings, errors)
}
