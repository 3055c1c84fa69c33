//! One setting: its type, and what follows from it.

use crate::deadlines::Limit;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One setting of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: Type,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// What holds when nothing is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<toml::Value>,
    /// The values of a [`Type::Enum`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Nothing works without it.
    #[serde(default)]
    pub required: bool,
    /// Never shown, and never taken from a command line or a repository.
    #[serde(default)]
    pub secret: bool,
    /// A variable that the value may come from, besides `CRABBOX_NAME_KEY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// What it is about, if the author says so; see [`Setting::affects`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affects: Option<Affects>,
    /// What a repository's file may do with it, if the author says so; see [`Setting::repository`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
}

impl Setting {
    /// What it is about: the resource, unless the author says otherwise, since a box that was
    /// made in another way must not be taken for this one. A secret is about the connection.
    #[must_use]
    pub fn affects(&self) -> Affects {
        match self.affects {
            Some(Affects::Unknown) => Affects::Resource,
            Some(affects) => affects,
            None if self.secret => Affects::Connection,
            None => Affects::Resource,
        }
    }

    /// What a repository's file may do with it: ask, unless the author says otherwise. Paths and
    /// secrets are the user's alone.
    #[must_use]
    pub fn repository(&self) -> Repository {
        match self.repository {
            Some(Repository::Unknown) => Repository::Never,
            Some(repository) => repository,
            None if self.secret || self.kind == Type::Path => Repository::Never,
            None => Repository::Request,
        }
    }
}

/// What the values of a setting are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Type {
    /// Any text.
    String,
    /// A whole number of 64 bits, with a sign.
    Integer,
    /// `true` or `false`.
    Bool,
    /// A time such as `90s`, more than nothing; a provider gets milliseconds.
    Duration,
    /// A file or folder of this machine; a provider gets it absolute.
    Path,
    /// One of [`Setting::choices`].
    Enum,
    /// Texts in an order.
    List,
    /// Texts, each with a name.
    Map,
    /// A type that this version doesn't know: what a file says is handed on as it is.
    #[serde(other)]
    Unknown,
}

impl Type {
    /// As a manifest says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Bool => "bool",
            Self::Duration => "duration",
            Self::Path => "path",
            Self::Enum => "enum",
            Self::List => "list",
            Self::Map => "map",
            Self::Unknown => "unknown",
        }
    }

    /// What a value must be, as messages say it.
    #[must_use]
    pub fn expected(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Integer => "an integer",
            Self::Bool => "`true` or `false`",
            Self::Duration => "a duration in ms, s, m, h, d or w, such as `90s` or `1h 30m`",
            Self::Path => "a path",
            Self::Enum => "one of its choices",
            Self::List => "a list of strings",
            Self::Map => "a table of strings",
            Self::Unknown => "what its provider says",
        }
    }

    /// Is this a default of this type?
    pub(super) fn accepts(self, value: &toml::Value) -> bool {
        match self {
            Self::String | Self::Path | Self::Enum => value.is_str(),
            Self::Integer => value.is_integer(),
            Self::Bool => value.is_bool(),
            Self::Duration => value.as_str().is_some_and(|text| Limit::parse(text).is_some()),
            Self::List => {
                value.as_array().is_some_and(|items| items.iter().all(toml::Value::is_str))
            }
            Self::Map => {
                value.as_table().is_some_and(|entries| entries.values().all(toml::Value::is_str))
            }
            Self::Unknown => true,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a setting is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Affects {
    /// What is made: a box that was leased under another value isn't reused.
    Resource,
    /// How it is reached.
    Connection,
    /// What becomes of it, and when.
    Lifecycle,
    /// A word that this version doesn't know.
    #[serde(other)]
    Unknown,
}

impl Affects {
    /// As a manifest says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Connection => "connection",
            Self::Lifecycle => "lifecycle",
            Self::Unknown => "unknown",
        }
    }
}

/// What a repository's file may do with a setting: whoever wrote the repository wrote that file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Repository {
    /// Set it, to whatever it likes.
    Set,
    /// Ask for it: it holds once the user has granted it.
    Request,
    /// Nothing: that it tries is an error.
    Never,
    /// A word that this version doesn't know.
    #[serde(other)]
    Unknown,
}

impl Repository {
    /// As a manifest says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Request => "request",
            Self::Never => "never",
            Self::Unknown => "unknown",
        }
    }
}
