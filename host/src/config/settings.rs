//! Puts the layers together.

use super::file::{self, ConfigError, Layer, Origin, Setting};
use super::keys;
use crate::output::CommandError;
use crabbox_provider_api::payload::{self, ReleaseAction};
use std::env;
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

/// The settings that hold.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which provider leases boxes.
    pub provider: String,
    /// The provider was chosen by the repository's file, which may only name one
    /// that came with this program or that the user has configured.
    pub provider_by_repository: bool,
    /// Folders with providers, before all others.
    pub provider_path: Vec<PathBuf>,
    /// How long a kept box stays ready without use.
    pub idle: Duration,
    /// What becomes of the resource at the end.
    pub release: ReleaseAction,
    /// Ends a command that takes longer.
    pub timeout: Option<Duration>,
    /// Patterns of files that stay here.
    pub exclude: Vec<String>,
    /// `[provider.NAME]` for the chosen provider.
    pub provider_settings: payload::Settings,
}

impl Settings {
    /// Reads all layers. `repository`: the root of the checkout, if there is one;
    /// `user`: the folder that holds `config.toml`.
    pub fn load(
        flags: Flags,
        repository: Option<&Path>,
        user: &Path,
    ) -> Result<Self, CommandError> {
        let user = file::read(&user.join("config.toml"), Origin::User)?;
        let shared = match repository {
            Some(root) => file::read(&root.join(".crabbox.toml"), Origin::Repository)?,
            None => Layer::default(),
        };
        let layers = Layers { user, shared };

        let from_flag =
            flags.provider.is_some() || env::var_os(variable("lease.provider")).is_some();
        let from_repository = !from_flag && layers.shared.settings.contains_key("lease.provider");
        let provider = match flags.provider {
            Some(provider) => provider,
            None => layers.text("lease.provider")?.unwrap_or_else(|| "local".to_owned()),
        };
        let configured = layers.user.providers.contains_key(&provider);
        let mut provider_path = flags.provider_path;
        if let Some(paths) = env::var_os(variable("providers.path")) {
            provider_path
                .extend(env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()));
        }
        provider_path.extend(layers.texts("providers.path").into_iter().map(PathBuf::from));
        let mut exclude = flags.exclude;
        exclude.extend(layers.texts("sync.exclude"));
        Ok(Self {
            provider_settings: layers.provider(&provider)?,
            provider_by_repository: from_repository && !configured,
            provider,
            provider_path,
            idle: layers.duration("lease.idle")?.unwrap_or(Duration::from_mins(30)),
            release: match layers.text("lease.release")?.as_deref() {
                Some("delete") => ReleaseAction::Delete,
                _ => ReleaseAction::Park,
            },
            timeout: match flags.timeout {
                Some(timeout) => Some(timeout),
                None => layers.duration("run.timeout")?,
            },
            exclude,
        })
    }
}

struct Layers {
    user: Layer,
    shared: Layer,
}

impl Layers {
    /// The value of the strongest layer that sets it, flags aside.
    fn get(&self, name: &'static str) -> Result<Option<Setting>, ConfigError> {
        let variable = variable(name);
        if let Ok(text) = env::var(&variable) {
            let key = keys::find(name).expect("the names in this module are in the table");
            let setting = file::parse_text(key, &text).map_err(|expected| ConfigError::Value {
                place: variable,
                key: name.to_owned(),
                expected,
                found: text,
            })?;
            return Ok(Some(setting));
        }
        Ok(self.shared.settings.get(name).or_else(|| self.user.settings.get(name)).cloned())
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        Ok(match self.get(name)? {
            Some(Setting::Text(text)) => Some(text),
            _ => None,
        })
    }

    fn duration(&self, name: &'static str) -> Result<Option<Duration>, ConfigError> {
        Ok(match self.get(name)? {
            Some(Setting::Duration(duration)) => Some(duration),
            _ => None,
        })
    }

    /// Lists add up.
    fn texts(&self, name: &'static str) -> Vec<String> {
        let of = |layer: &Layer| match layer.settings.get(name) {
            Some(Setting::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        };
        [of(&self.shared), of(&self.user)].concat()
    }

    /// The provider's own settings, the repository's over the user's.
    fn provider(&self, name: &str) -> Result<payload::Settings, CommandError> {
        let mut settings = payload::Settings::new();
        for layer in [&self.user, &self.shared] {
            for (key, value) in layer.providers.get(name).into_iter().flatten() {
                let value = serde_json::to_value(value).map_err(|error| {
                    CommandError::usage(format!("`provider.{name}.{key}` can't be used"))
                        .because(error)
                })?;
                settings.insert(key.clone(), value);
            }
        }
        Ok(settings)
    }
}

/// `lease.provider` → `CRABBOX_PROVIDER`, `run.timeout` → `CRABBOX_RUN_TIMEOUT`.
fn variable(name: &str) -> String {
    match name {
        "lease.provider" => "CRABBOX_PROVIDER".to_owned(),
        "providers.path" => "CRABBOX_PROVIDER_PATH".to_owned(),
        other => format!("CRABBOX_{}", other.to_uppercase().replace('.', "_")),
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        let hint = match &error {
            ConfigError::Unknown { meant: Some(meant), .. } => {
                Some(format!("did you mean `{meant}`?"))
            }
            ConfigError::Forbidden { key, .. } => {
                Some(format!("set `{key}` in your own config.toml if you want it"))
            }
            _ => None,
        };
        let message = error.to_string();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let mut result = Self::usage(message).code("invalid_config");
        if let Some(cause) = cause {
            result = result.because(cause);
        }
        match hint {
            Some(hint) => result.hint(hint),
            None => result,
        }
    }
}
