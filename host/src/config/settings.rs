//! What holds in the end.

use super::error::{ConfigError, Place, Problem};
use super::file::REPOSITORY_FILE;
use super::layers::{Flags, Layers, Origin};
use super::policy::{Bound, Enforcement};
use super::providers::{self, ProviderSettings};
use super::value::Setting;
use super::{Owner, keys, strays};
use crate::history::Retention;
use crate::output::CommandError;
use crate::places::Places;
use crate::registry::{self, Registry};
use crabbox_provider_api::payload::ReleaseAction;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The settings that hold.
#[derive(Debug)]
pub struct Settings {
    /// Which provider leases boxes.
    pub provider: String,
    /// The provider was chosen by the repository's file, which may only name one
    /// that came with this program or that the user has configured.
    pub provider_by_repository: bool,
    /// Folders with providers, before all others.
    pub provider_path: Vec<PathBuf>,
    /// Those of them that a file names: whoever wrote it knows.
    pub settled_provider_path: Vec<PathBuf>,
    /// The providers that run in this process, by the names that the user calls them.
    pub in_process: BTreeSet<String>,
    /// How long a kept box stays ready without use.
    pub idle: Duration,
    /// How long a box stays at most, unless a run is alive.
    pub ttl: Duration,
    /// How long a box stays ready after the run that got it; zero: it doesn't.
    pub linger: Duration,
    /// How long a box may be parked before that is told of.
    pub parked_ttl: Duration,
    /// What becomes of the resource at the end.
    pub release: ReleaseAction,
    /// Ends a command that takes longer.
    pub timeout: Option<Duration>,
    /// Names of variables that the command gets, if they are set here.
    pub env: Vec<String>,
    /// Patterns of files that stay here.
    pub exclude: Vec<String>,
    /// How long, how many and how much of runs is remembered.
    pub history: Retention,
    /// How much of a run's output is kept, in bytes.
    pub log_size: u64,
    /// Patterns of reports of tests.
    pub junit: Vec<String>,
    /// How much all artifacts of a run, and each download, may be, in bytes.
    pub artifacts_max_size: u64,
    /// Those of the chosen provider, where it is to be used: see [`Settings::for_provider`].
    pub provider_settings: ProviderSettings,
    /// The providers that the machine's own file allows, if it names any.
    pub providers: Option<Enforcement>,
    /// What the machine's own file says against deleting a box.
    pub no_deletion: Option<Enforcement>,
    /// How long the machine's own file lets a box stay at most, if it says so.
    pub longest_ttl: Option<Enforcement>,
    /// How long it lets one stay ready without use at most, whatever was asked for before it said so.
    pub longest_idle: Option<Duration>,
    /// What the repository's file asks for and doesn't get, and what else deserves a warning.
    pub warnings: Vec<ConfigError>,
}

impl Settings {
    /// Reads all layers, for a command that uses no provider. `repository`: the root of the
    /// checkout, if there is one.
    pub fn load(
        flags: Flags,
        repository: Option<&Path>,
        places: &Places,
    ) -> Result<Self, CommandError> {
        Self::read(flags, repository, places).map(|(settings, _)| settings)
    }

    /// The same for a command that uses the chosen provider: all that the provider will be given is
    /// checked here, before it is started, and secrets are read. The provider is called by its
    /// name from then on, also where an alias chose it. Of a repository whose file has errors nothing
    /// is taken where a lease is let go of, with a warning.
    pub fn for_provider(
        flags: Flags,
        repository: Option<&Path>,
        places: &Places,
    ) -> Result<Self, CommandError> {
        let (true, Some(root)) = (flags.of_lease, repository) else {
            return Self::with_provider(flags, repository, places);
        };
        Self::with_provider(flags.clone(), repository, places).or_else(|error| {
            // Whoever lets go of a box needn't mend a checkout first, which may be somebody else's.
            let mut settings = Self::with_provider(flags, None, places)?;
            let place = Place::File { path: root.join(REPOSITORY_FILE), line: None };
            let problem = Problem::SetAside(error.to_string());
            settings.warnings.push(ConfigError::new(place, problem));
            Ok(settings)
        })
    }

    fn with_provider(
        flags: Flags,
        repository: Option<&Path>,
        places: &Places,
    ) -> Result<Self, CommandError> {
        let (mut settings, layers) = Self::read(flags, repository, places)?;
        let registry = Registry::new(registry::Places::discover(settings.provider_path.clone()));
        // One that is missing or broken is told of when it is needed: a ready box needs none.
        let library = registry.find(&settings.provider).ok();
        let manifest = library.as_ref().map(|library| &library.manifest);
        let wrong = providers::check_chosen(&layers, &registry, &settings.provider, manifest);
        refuse(&layers, wrong)?;
        if let Some(manifest) = manifest {
            let (held, mut errors) = providers::hold(&layers, manifest);
            let all = || registry.list().into_iter().filter_map(|entry| entry.manifest).collect();
            errors.extend(strays::of_provider(manifest, all));
            settings.warnings.extend(refuse(&layers, errors)?);
            settings.provider_settings = held;
            settings.provider_by_repository &= !layers.is_configured(&manifest.name);
            settings.provider.clone_from(&manifest.name);
        }
        Ok(settings)
    }

    fn read(
        flags: Flags,
        repository: Option<&Path>,
        places: &Places,
    ) -> Result<(Self, Layers), CommandError> {
        let (layers, mut errors) = Layers::read(flags, repository, places);
        errors.extend(layers.contradictions());
        let warnings = refuse(&layers, errors)?;
        let mut settings = Self::of(&layers);
        settings.warnings.splice(0..0, warnings);
        Ok((settings, layers))
    }

    /// What the layers come to. Providers aren't looked at.
    #[must_use]
    pub fn of(layers: &Layers) -> Self {
        let (provider, by_repository) = match winner(layers, "lease.provider") {
            Some((Setting::Text(name), origin)) => (name, is_repository(&origin)),
            _ => (String::new(), false),
        };
        let duration = |name| match winner(layers, name) {
            Some((Setting::Duration(duration), _)) => Some(duration),
            _ => None,
        };
        let number = |name| match winner(layers, name) {
            Some((Setting::Size(number) | Setting::Count(number), _)) => number,
            _ => 0,
        };
        let release = match winner(layers, "lease.release") {
            Some((Setting::Text(word), _)) if word == "delete" => ReleaseAction::Delete,
            _ => ReleaseAction::Park,
        };
        let texts = |name| {
            all(layers, name, |setting| match setting {
                Setting::Texts(texts) => texts,
                _ => Vec::new(),
            })
        };
        Self {
            provider_settings: ProviderSettings::default(),
            provider_by_repository: by_repository && !layers.is_configured(&provider),
            provider,
            provider_path: all(layers, "providers.path", |setting| match setting {
                Setting::Paths(paths) => paths,
                _ => Vec::new(),
            }),
            settled_provider_path: settled_paths(layers),
            in_process: layers.in_process().clone(),
            idle: duration("lease.idle").unwrap_or_default(),
            ttl: duration("lease.ttl").unwrap_or_default(),
            linger: duration("lease.linger").unwrap_or_default(),
            parked_ttl: duration("lease.parked_ttl").unwrap_or_default(),
            release,
            timeout: duration("run.timeout"),
            env: texts("run.env"),
            exclude: texts("sync.exclude"),
            history: Retention {
                keep_for: duration("history.keep_for").unwrap_or_default(),
                keep: number("history.keep"),
                size: number("history.size"),
            },
            log_size: number("history.log_size"),
            junit: texts("results.junit"),
            artifacts_max_size: number("artifacts.max_size"),
            providers: keys::find("lease.provider").and_then(|key| layers.enforced(key)),
            longest_ttl: keys::find("lease.ttl").and_then(|key| layers.enforced(key)),
            longest_idle: longest_idle(layers),
            no_deletion: layers.objection("lease.release", &Setting::Text("delete".to_owned())),
            warnings: layers.ungranted(),
        }
    }
}

/// The first error that isn't only a warning (the others are for `config check`), or the warnings.
fn refuse(layers: &Layers, errors: Vec<ConfigError>) -> Result<Vec<ConfigError>, CommandError> {
    let (warnings, errors): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(ConfigError::is_warning);
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else {
        return Ok(warnings);
    };
    let result = CommandError::from(first);
    Err(if errors.next().is_some() { result.hint(layers.to_check()) } else { result })
}

fn winner(layers: &Layers, name: &str) -> Option<(Setting, Origin)> {
    let key = keys::find(name)?;
    layers.chain(key).into_iter().next().map(|found| (found.setting, found.origin))
}

fn settled_paths(layers: &Layers) -> Vec<PathBuf> {
    let chain = keys::find("providers.path").map(|key| layers.chain(key)).unwrap_or_default();
    let of_files = chain.into_iter().filter(|found| matches!(found.origin, Origin::File { .. }));
    let paths = of_files.map(|found| match found.setting {
        Setting::Paths(paths) => paths,
        _ => Vec::new(),
    });
    paths.flatten().collect()
}

/// What all layers say together.
fn all<T>(layers: &Layers, name: &str, items: impl Fn(Setting) -> Vec<T>) -> Vec<T> {
    let chain = keys::find(name).map(|key| layers.chain(key)).unwrap_or_default();
    chain.into_iter().flat_map(|found| items(found.setting)).collect()
}

fn is_repository(origin: &Origin) -> bool {
    matches!(origin, Origin::File { owner: Owner::Repository, .. })
}

fn longest_idle(layers: &Layers) -> Option<Duration> {
    match layers.enforced(keys::find("lease.idle")?)?.bound {
        Bound::AtMost(most) => Some(most),
        Bound::Allowed(_) => None,
    }
}
