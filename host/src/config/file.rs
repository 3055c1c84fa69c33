//! Reads one configuration file against the table of keys.

use super::keys::{self, Key, Kind, Repository};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

/// The longest configuration file that is read, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `.crabbox.toml` at the root of the checkout.
    Repository,
    /// `config.toml` of the user.
    User,
}

/// A configuration file that can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It can't be read.
    #[error("`{}` can't be read", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It isn't TOML.
    #[error("`{}` isn't valid TOML", .path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A key that isn't in the table.
    #[error("{}:{line}: unknown key `{key}`", .path.display())]
    Unknown {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Which key.
        key: String,
        /// What was most likely meant.
        meant: Option<&'static str>,
    },
    /// A value of the wrong type.
    #[error("{place}: `{key}` must be {expected}, not `{found}`")]
    Value {
        /// File and line, or the name of a variable.
        place: String,
        /// Which key.
        key: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A key that a repository can't set.
    #[error("{}:{line}: a repository can't set `{key}`", .path.display())]
    Forbidden {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Which key.
        key: &'static str,
    },
}

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Text(String),
    Texts(Vec<String>),
    Duration(Duration),
}

/// The content of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layer {
    pub(super) settings: BTreeMap<&'static str, Setting>,
    /// `[provider.NAME]`, as it stands: the manifest's schema judges it.
    pub(super) providers: BTreeMap<String, toml::Table>,
}

/// Reads a file; one that isn't there is empty.
pub(super) fn read(path: &Path, origin: Origin) -> Result<Layer, ConfigError> {
    let wrap = |source| ConfigError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Layer::default()),
        Err(error) => return Err(wrap(error)),
    };
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text).map_err(wrap)?;
    parse(path, &text, origin)
}

fn parse(path: &Path, text: &str, origin: Origin) -> Result<Layer, ConfigError> {
    let table = DeTable::parse(text).map_err(|source| ConfigError::Syntax {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let mut layer = Layer::default();
    for (section, value) in table.get_ref() {
        let line = |position: usize| text[..position].matches('\n').count() + 1;
        let unknown = |key: String, position| ConfigError::Unknown {
            path: path.to_owned(),
            line: line(position),
            meant: keys::nearest(&key),
            key,
        };
        let DeValue::Table(entries) = value.get_ref() else {
            return Err(unknown(section.get_ref().to_string(), section.span().start));
        };
        if section.get_ref() == "provider" {
            layer.providers = providers(path, text)?;
            continue;
        }
        for (name, value) in entries {
            let name_of = format!("{}.{}", section.get_ref(), name.get_ref());
            let position = name.span().start;
            let key = keys::find(&name_of).ok_or_else(|| unknown(name_of, position))?;
            if origin == Origin::Repository && key.repository == Repository::Never {
                return Err(ConfigError::Forbidden {
                    path: path.to_owned(),
                    line: line(position),
                    key: key.name,
                });
            }
            let place = format!("{}:{}", path.display(), line(position));
            let setting = check(key, value).map_err(|expected| ConfigError::Value {
                place,
                key: key.name.to_owned(),
                expected,
                found: text[value.span()].to_owned(),
            })?;
            layer.settings.insert(key.name, setting);
        }
    }
    Ok(layer)
}

/// The tables under `[provider]`.
fn providers(path: &Path, text: &str) -> Result<BTreeMap<String, toml::Table>, ConfigError> {
    let table: toml::Table = text.parse().map_err(|source| ConfigError::Syntax {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let providers = table.get("provider").and_then(Value::as_table).into_iter().flatten();
    Ok(providers
        .filter_map(|(name, settings)| Some((name.clone(), settings.as_table()?.clone())))
        .collect())
}

/// The value, or what it should have been.
fn check(key: &Key, value: &Spanned<DeValue<'_>>) -> Result<Setting, String> {
    match (key.kind, value.get_ref()) {
        (Kind::Texts, DeValue::Array(items)) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            texts.map(Setting::Texts).ok_or_else(|| "a list of strings".to_owned())
        }
        (Kind::Texts, _) => Err("a list of strings".to_owned()),
        (_, DeValue::String(text)) => parse_text(key, text),
        (_, _) => Err(expected(key.kind)),
    }
}

/// A value that comes as text: in a string, in a variable.
pub(super) fn parse_text(key: &Key, text: &str) -> Result<Setting, String> {
    match key.kind {
        Kind::Text => Ok(Setting::Text(text.to_owned())),
        Kind::Choice(choices) if choices.contains(&text) => Ok(Setting::Text(text.to_owned())),
        Kind::Duration => {
            parse_duration(text).map(Setting::Duration).ok_or_else(|| expected(Kind::Duration))
        }
        Kind::Choice(_) | Kind::Texts => Err(expected(key.kind)),
    }
}

/// A duration such as `90s`, `15m`, `1h 30m`; more than nothing.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let duration: SignedDuration = text.parse().ok()?;
    Duration::try_from(duration).ok().filter(|duration| !duration.is_zero())
}

fn expected(kind: Kind) -> String {
    match kind {
        Kind::Text => "a string".to_owned(),
        Kind::Texts => "a list of strings".to_owned(),
        Kind::Duration => "a duration such as `90s`, `15m` or `2h`".to_owned(),
        Kind::Choice(choices) => format!("one of `{}`", choices.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_as(origin: Origin, text: &str) -> Result<Layer, String> {
        parse(Path::new("f.toml"), text, origin).map_err(|error| error.to_string())
    }

    #[test]
    fn every_kind_of_value() {
        let text = "[lease]\nprovider = 'x'\nidle = '1h 30m'\nrelease = 'delete'\n\
            [sync]\nexclude = ['a', 'b']\n[provider.coder]\ntemplate = 't'\n";
        let layer = parse_as(Origin::User, text).expect("parses");
        assert_eq!(layer.settings["lease.idle"], Setting::Duration(Duration::from_mins(90)));
        assert_eq!(layer.settings["sync.exclude"], Setting::Texts(vec!["a".into(), "b".into()]));
        assert_eq!(layer.providers["coder"]["template"].as_str(), Some("t"));
    }

    #[test]
    fn errors_name_the_line() {
        let message = |origin, text| parse_as(origin, text).expect_err("refuses");
        assert_eq!(
            message(Origin::User, "\n[lease]\nprovidr = 'x'\n"),
            "f.toml:3: unknown key `lease.providr`"
        );
        assert_eq!(
            message(Origin::User, "[lease]\nidle = 5\n"),
            "f.toml:2: `lease.idle` must be a duration such as `90s`, `15m` or `2h`, not `5`"
        );
        assert_eq!(
            message(Origin::Repository, "[lease]\nrelease = 'delete'\n"),
            "f.toml:2: a repository can't set `lease.release`"
        );
        assert_eq!(message(Origin::User, "provider = 'x'"), "f.toml:1: unknown key `provider`");
    }
}
