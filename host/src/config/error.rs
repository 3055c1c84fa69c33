//! What can be wrong with a configuration, where, and what to do about it.

use super::keys::{self, Kind};
use super::policy::Enforcement;
use super::providers::ProviderProblem;
use super::trust::TrustProblem;
use crate::output::{CommandError, Quoted, to_type};
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// Which.
        path: PathBuf,
        /// Counted from 1; `None` where it is about the file as a whole.
        line: Option<usize>,
    },
    /// In an environment variable.
    Variable(Cow<'static, str>),
    /// On the command line.
    Flag(Cow<'static, str>),
    /// A provider demands it.
    Provider(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
            Self::Provider(name) => write!(f, "the provider `{name}`"),
        }
    }
}

/// A part of the configuration that can't be taken.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file can't be read.
    #[error("it can't be read: {0}")]
    Read(io::Error),
    /// A folder, a pipe, a device.
    #[error("it is no regular file")]
    NotAFile,
    /// Nobody writes that by hand.
    #[error("it is larger than {} KiB", super::file::LIMIT / 1024)]
    TooLarge,
    /// It leads to another file.
    #[error("it is a link: a repository's own file can't be one")]
    Link,
    /// Bytes that are no text.
    #[error("it isn't UTF-8")]
    Encoding,
    /// It isn't TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key that isn't in the table.
    #[error("unknown key `{key}`")]
    Unknown {
        /// Which.
        key: String,
        /// What was most likely meant.
        meant: Option<&'static str>,
    },
    /// A value of the wrong kind.
    #[error("`{key}` must be {expected}, not {found}")]
    Value {
        /// Which key.
        key: String,
        /// What it must be.
        expected: String,
        /// What it is, quoted where it can be shown.
        found: String,
    },
    /// The machine's own file says otherwise.
    #[error("`{key}` can't be `{found}`: {enforcement}")]
    Enforced {
        /// Which.
        key: String,
        /// What it would be.
        found: String,
        /// What is enforced, and where.
        enforcement: Box<Enforcement>,
    },
    /// It isn't trusted that far.
    #[error(transparent)]
    Trust(#[from] TrustProblem),
    /// Where somebody else could decide what may happen to this process.
    #[error("only your own config.toml can say how a provider is isolated")]
    Isolation,
    /// A repository's file with this error, where its settings can be done without.
    #[error("nothing of it is taken: {0}")]
    SetAside(String),
    /// `[provider] NAME = …` instead of `[provider.NAME]`.
    #[error("`provider.{name}` must be a table of settings, not {found}")]
    ProviderShape {
        /// Whose settings.
        name: String,
        /// What kind of value it is.
        found: &'static str,
    },
    /// A provider that is almost called like one that is there.
    #[error("there is no provider `{name}`")]
    NoProvider {
        /// The name.
        name: String,
        /// The one that was most likely meant.
        meant: String,
    },
    /// A provider that isn't on this machine: what is said of it may be right on another one.
    #[error("the provider `{name}` isn't installed here: nothing of it can be checked")]
    NotInstalled {
        /// The name.
        name: String,
    },
    /// A variable that no setting has, and that is called like one that some has.
    #[error("it is no variable of a setting")]
    Stray {
        /// What was most likely meant.
        meant: Option<String>,
    },
    /// A provider's setting.
    #[error(transparent)]
    Provider(#[from] ProviderProblem),
    /// A setting that the provider doesn't have.
    #[error("the provider `{provider}` has no setting `{key}`")]
    NoSetting {
        /// Whose.
        provider: String,
        /// Which.
        key: String,
        /// Those that it has.
        known: Vec<String>,
        /// What was most likely meant.
        meant: Option<String>,
    },
}

impl Problem {
    pub(super) fn value(key: &str, kind: Kind, found: String) -> Self {
        Self::Value { key: key.to_owned(), expected: kind.to_string(), found }
    }
}

impl ConfigError {
    pub(super) fn new(place: Place, problem: Problem) -> Self {
        Self { place, problem }
    }

    /// Does everything else still hold?
    #[must_use]
    pub fn is_warning(&self) -> bool {
        match &self.problem {
            // A file may be for more than one machine.
            Problem::NotInstalled { .. } => matches!(self.place, Place::File { .. }),
            Problem::SetAside(_) | Problem::Stray { .. } => true,
            Problem::Trust(problem) => problem.is_warning(),
            _ => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let meant = |name: &str| format!("did you mean `{name}`?");
        match &self.problem {
            Problem::Unknown { meant: Some(name), .. } => Some(meant(name)),
            Problem::Unknown { .. } => Some(to_type(&["config", "show"])),
            Problem::Stray { meant: name_of } => name_of.as_deref().map(meant),
            Problem::NoProvider { meant: name, .. }
            | Problem::NoSetting { meant: Some(name), .. } => Some(meant(name)),
            Problem::NoSetting { known, .. } if known.is_empty() => {
                Some("it has none: remove the line".to_owned())
            }
            Problem::Value { key, .. } if keys::find(key).is_some() => {
                Some(to_type(&["config", "explain", key]))
            }
            Problem::NotInstalled { .. } => Some(to_type(&["provider", "list"])),
            Problem::Enforced { key, .. } => Some(to_type(&["config", "explain", key])),
            Problem::Provider(problem) => problem.hint(&self.place),
            Problem::Link | Problem::Trust(_) => match (&self.problem, &self.place) {
                (Problem::Trust(problem), Place::File { path, .. }) => problem.hint(path),
                // Not a line that copies what it leads to: that could be anything of the user's.
                (_, Place::File { path, .. }) => Some(format!("ls -l {}", Quoted(path))),
                _ => None,
            },
            _ => None,
        }
    }

    /// What is to be known of it, where that is nothing to do.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        match &self.problem {
            Problem::NoSetting { known, meant: None, .. } if !known.is_empty() => {
                Some(format!("it has: {}", known.join(", ")))
            }
            Problem::ProviderShape { name, .. } => Some(format!(
                "`[provider.{name}]` holds its settings; `lease.provider` chooses one"
            )),
            Problem::Provider(problem) => problem.note(),
            Problem::Trust(problem) => problem.note(),
            _ => None,
        }
    }

    /// With what is to be known of it, in a line.
    #[must_use]
    pub fn whole(&self) -> String {
        match self.note() {
            Some(note) => format!("{self}; {note}"),
            None => self.to_string(),
        }
    }

    /// The word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.problem {
            Problem::Read(_) | Problem::NotAFile | Problem::Link | Problem::TooLarge => {
                "unreadable"
            }
            Problem::Enforced { .. } => "enforced",
            Problem::Trust(problem) => problem.code(),
            Problem::Isolation => "forbidden",
            Problem::SetAside(_) => "set_aside",
            Problem::Encoding | Problem::Syntax(_) => "syntax",
            Problem::Unknown { .. } => "unknown_key",
            Problem::Stray { .. } => "unknown_variable",
            Problem::Value { .. } | Problem::ProviderShape { .. } => "value",
            Problem::Provider(problem) => problem.code(),
            Problem::NoProvider { .. } => "unknown_provider",
            Problem::NotInstalled { .. } => "not_installed",
            Problem::NoSetting { .. } => "unknown_setting",
        }
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        let result = Self::usage(error.to_string()).code("invalid_config");
        let result = error.note().into_iter().fold(result, Self::note);
        error.hint().into_iter().fold(result, Self::hint)
    }
}
