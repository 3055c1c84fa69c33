//! What can be wrong with a provider's settings, and what to do about it.

use super::secrets;
use crate::config::error::Place;
use crate::output::{Quoted, Typed, to_type};
use crabbox_provider_api::manifest::{Setting, Type};
use std::io;
use std::path::PathBuf;

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum ProviderProblem {
    /// A value of the wrong type.
    #[error("`{key}` must be {expected}, not {found}")]
    Value {
        /// Which key.
        key: String,
        /// What it must be.
        expected: String,
        /// What it is, quoted where it can be shown.
        found: String,
        /// What was most likely meant.
        meant: Option<String>,
    },
    /// Nothing works without it.
    #[error("`{key}` isn't set, and nothing works without it")]
    Required {
        /// Which key.
        key: String,
        /// The flag with a word for its value.
        flag: Vec<String>,
    },
    /// A secret in plain sight.
    #[error("a secret on a command line can be seen by everybody who lists processes")]
    Shown {
        /// The flag that it was typed for.
        flag: String,
    },
    /// A setting of a provider that isn't used.
    #[error("it is a setting of the provider `{provider}`, and the provider is `{chosen}`")]
    Other {
        /// Whose.
        provider: String,
        /// The one that is used.
        chosen: String,
    },
    /// A table with a provider's other name.
    #[error("`{alias}` is another name of the provider `{name}`")]
    Alias {
        /// The other name.
        alias: String,
        /// Its name.
        name: String,
    },
    /// A repository can't have it.
    #[error("a repository can't set `{key}`: it is yours alone to choose")]
    Forbidden {
        /// Which key.
        key: String,
    },
    /// A secret's file.
    #[error("the file `{}` for `{key}` can't be read: {source}", .path.display())]
    SecretFile {
        /// Which key.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A secret on standard input.
    #[error("standard input can't be read for `{key}`: {source}")]
    SecretStdin {
        /// Which key.
        key: String,
        /// Why.
        source: io::Error,
    },
    /// A secret of no bytes.
    #[error("what was read for `{key}` is empty, or no text")]
    SecretEmpty {
        /// Which key.
        key: String,
    },
    /// A secret, and a file that holds one.
    #[error("`{key}` and `{key}-file` are both set")]
    Both {
        /// Which key.
        key: String,
    },
    /// A secret that would be shown as it is typed.
    #[error("standard input is a terminal, which would show what is typed for `{key}`")]
    Terminal {
        /// Which key.
        key: String,
    },
}

impl ProviderProblem {
    /// What to do about it, where that is.
    pub(in crate::config) fn hint(&self, place: &Place) -> Option<String> {
        match self {
            Self::Value { meant: Some(meant), .. } => Some(format!("did you mean `{meant}`?")),
            Self::Value { key, .. } => {
                let provider = key.split('.').nth(1).unwrap_or_default();
                Some(to_type(&["provider", "options", provider]))
            }
            Self::Required { flag, .. } => {
                let flag: Vec<&str> = flag.iter().map(String::as_str).collect();
                Some(Typed::here().with(&flag).to_string())
            }
            Self::Shown { flag } => {
                let line = Typed::here().without(flag);
                Some(line.with(&[&format!("{flag}-file"), "FILE"]).to_string())
            }
            Self::Other { provider, chosen } => {
                Some(format!("leave the flag out, or use `{provider}` instead of `{chosen}`"))
            }
            Self::Both { .. } => Some(match place {
                Place::Variable(name) => format!("unset {name}"),
                _ => "remove one of the lines".to_owned(),
            }),
            Self::SecretFile { key, path, source } => match source.kind() {
                // The file may be right, and what names it wrong.
                io::ErrorKind::NotFound => Some(to_type(&["config", "explain", key])),
                io::ErrorKind::FileTooLarge => None,
                _ => Some(format!("ls -ld {}", Quoted(path))),
            },
            Self::Forbidden { key } => {
                Some(format!("set `{key}` in your own config.toml if you want it"))
            }
            Self::Terminal { .. } => match place {
                Place::Flag(flag) => {
                    let name = flag.strip_suffix("-stdin").unwrap_or(flag);
                    let line = Typed::here().without_switch(flag);
                    Some(line.with(&[&format!("{name}-file"), "FILE"]).to_string())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What is to be known of it.
    pub(in crate::config) fn note(&self) -> Option<String> {
        match self {
            Self::Alias { name, .. } => {
                Some(format!("its settings stand under `[provider.{name}]`"))
            }
            Self::SecretFile { source, .. } | Self::SecretStdin { source, .. }
                if source.kind() == io::ErrorKind::FileTooLarge =>
            {
                Some(format!("a secret has at most {} KiB", secrets::LIMIT / 1024))
            }
            _ => None,
        }
    }

    /// The word for machines.
    pub(in crate::config) fn code(&self) -> &'static str {
        match self {
            Self::Value { .. } => "value",
            Self::Required { .. } => "required",
            Self::Shown { .. } => "secret_shown",
            Self::Other { .. } | Self::Alias { .. } => "other_provider",
            Self::Forbidden { .. } => "forbidden",
            Self::SecretFile { .. }
            | Self::SecretStdin { .. }
            | Self::SecretEmpty { .. }
            | Self::Both { .. }
            | Self::Terminal { .. } => "secret",
        }
    }
}

/// A word that stands for a value of this setting in help and hints.
#[must_use]
pub fn placeholder(setting: &Setting) -> &'static str {
    match setting.kind {
        Type::Integer => "NUMBER",
        Type::Bool => "true|false",
        Type::Duration => "TIME",
        Type::Path => "PATH",
        Type::Enum => "CHOICE",
        Type::Map => "NAME=VALUE",
        _ => "TEXT",
    }
}
