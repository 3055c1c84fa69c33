//! A value of a provider's setting, and how text becomes one.

use super::problem::ProviderProblem;
use super::secrets::Source;
use super::text::{entry, list, map, resolve};
use crate::config::duration::{duration_text, parse_duration};
use crate::redact::Secret;
use crabbox_provider_api::manifest::{Names, Setting, Type};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;
use toml::Value as Toml;

/// What stands for a secret wherever values are shown.
pub(super) const HIDDEN: &str = "(hidden: it is a secret)";

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string, or a choice of an enum.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A bool.
    Bool(bool),
    /// A duration.
    Duration(Duration),
    /// An absolute path.
    Path(String),
    /// A list.
    List(Vec<String>),
    /// A map.
    Map(BTreeMap<String, String>),
    /// A secret.
    Secret(Secret),
    /// A secret that wasn't read yet.
    Unread(Source),
    /// Of a type of a newer interface: as a file has it.
    Raw(Json),
}

/// Why something is no value; what was found is quoted where it may be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    expected: String,
    found: String,
    meant: Option<String>,
}

impl Wrong {
    fn new(setting: &Setting, found: impl Into<String>) -> Self {
        let found = if setting.secret { "what it is".to_owned() } else { found.into() };
        let expected = match setting.kind {
            Type::Enum => format!("one of `{}`", setting.choices.join("`, `")),
            kind => kind.expected().to_owned(),
        };
        Self { expected, found, meant: None }
    }

    /// What should name the file of a secret doesn't.
    pub(super) fn no_file(setting: &Setting) -> Self {
        Self { expected: "the path of a file".to_owned(), ..Self::new(setting, "") }
    }

    /// No name can begin with it.
    pub(super) fn no_prefix(setting: &Setting, text: &str, names: &Names) -> Self {
        let expected = names.expected_prefix();
        Self { expected, ..Self::new(setting, format!("`{text}`")) }
    }

    /// For the setting of this whole name.
    pub(super) fn of(self, key: String) -> ProviderProblem {
        let Self { expected, found, meant } = self;
        ProviderProblem::Value { key, expected, found, meant }
    }
}

impl Value {
    /// From a file in this folder, or from a manifest.
    pub(super) fn of_toml(setting: &Setting, value: &Toml, folder: &Path) -> Result<Self, Wrong> {
        let wrong = || {
            Wrong::new(
                setting,
                match value {
                    Toml::Table(_) => "a table".to_owned(),
                    Toml::Array(_) => "a list".to_owned(),
                    plain => format!("`{plain}`"),
                },
            )
        };
        let text = |item: &Toml| item.as_str().map(str::to_owned);
        // Of whatever type: a type of a newer interface is no reason to show it.
        if setting.secret {
            return value
                .as_str()
                .ok_or_else(wrong)
                .and_then(|text| Self::of_secret(setting, text));
        }
        match (setting.kind, value) {
            (Type::Unknown, _) => Ok(Self::Raw(to_json(value))),
            (Type::Integer, Toml::Integer(number)) => Ok(Self::Integer(*number)),
            (Type::Bool, Toml::Boolean(yes)) => Ok(Self::Bool(*yes)),
            (Type::List, Toml::Array(items)) => {
                items.iter().map(text).collect::<Option<_>>().map(Self::List).ok_or_else(wrong)
            }
            (Type::Map, Toml::Table(entries)) => entries
                .iter()
                .map(|(name, value)| Some((name.clone(), text(value)?)))
                .collect::<Option<_>>()
                .map(Self::Map)
                .ok_or_else(wrong),
            (Type::String | Type::Duration | Type::Path | Type::Enum, Toml::String(text)) => {
                Self::of_text(setting, text, folder)
            }
            _ => Err(wrong()),
        }
    }

    fn of_secret(setting: &Setting, text: &str) -> Result<Self, Wrong> {
        if text.is_empty() {
            let found = "an empty one".to_owned();
            return Err(Wrong {
                expected: "a string".to_owned(),
                found,
                ..Wrong::new(setting, "")
            });
        }
        Ok(Self::Secret(Secret::new(text.to_owned())))
    }

    /// From a variable, or from the last word that was typed: what is typed is in this folder.
    pub(super) fn of_text(setting: &Setting, text: &str, folder: &Path) -> Result<Self, Wrong> {
        if setting.secret {
            return Self::of_secret(setting, text);
        }
        let wrong = || Wrong::new(setting, format!("`{text}`"));
        match setting.kind {
            Type::String => Ok(Self::Text(text.to_owned())),
            Type::Integer => text.trim().parse().map(Self::Integer).map_err(|_| wrong()),
            Type::Bool => match text {
                "true" | "1" => Ok(Self::Bool(true)),
                "false" | "0" => Ok(Self::Bool(false)),
                _ => Err(wrong()),
            },
            Type::Duration => parse_duration(text).map(Self::Duration).map_err(|_| wrong()),
            Type::Path => resolve(text, folder).map(Self::Path).ok_or_else(|| Wrong {
                expected: "a path: absolute, relative, or one that begins with `~/`".to_owned(),
                ..wrong()
            }),
            Type::Enum if setting.choices.iter().any(|choice| choice == text) => {
                Ok(Self::Text(text.to_owned()))
            }
            Type::Enum => {
                let close = |choice: &&String| strsim::jaro_winkler(choice, text) > 0.8;
                Err(Wrong { meant: setting.choices.iter().find(close).cloned(), ..wrong() })
            }
            Type::List => list(text).map(Self::List).ok_or_else(wrong),
            Type::Map => map(text).map(Self::Map).ok_or_else(|| Wrong {
                expected: "`NAME=VALUE,…` or a table of strings".to_owned(),
                ..wrong()
            }),
            _ => Err(wrong()),
        }
    }

    /// From the words of a command line: one, or one each for the parts of a list or a map.
    pub(super) fn of_words<W: AsRef<OsStr>>(
        setting: &Setting,
        words: &[W],
        folder: &Path,
    ) -> Result<Self, Wrong> {
        let words: Option<Vec<&str>> = words.iter().map(|word| word.as_ref().to_str()).collect();
        let words = words.ok_or_else(|| Wrong::new(setting, "something that isn't UTF-8"))?;
        match setting.kind {
            Type::List => Ok(Self::List(words.into_iter().map(str::to_owned).collect())),
            Type::Map => {
                let entry = |word: &&str| {
                    entry(word).ok_or_else(|| Wrong {
                        expected: "`NAME=VALUE`".to_owned(),
                        ..Wrong::new(setting, format!("`{word}`"))
                    })
                };
                let mut entries = BTreeMap::new();
                for word in &words {
                    let (name, value) = entry(word)?;
                    if entries.insert(name, value).is_some() {
                        let expected = "`NAME=VALUE` with each name once".to_owned();
                        return Err(Wrong { expected, ..Wrong::new(setting, format!("`{word}`")) });
                    }
                }
                Ok(Self::Map(entries))
            }
            // As everywhere: what is typed last holds.
            _ => Self::of_text(setting, words.last().copied().unwrap_or_default(), folder),
        }
    }

    /// As it would be typed in a file, without quotes; secrets are hidden.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Path(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Bool(yes) => yes.to_string(),
            Self::Duration(duration) => duration_text(*duration),
            Self::List(items) => items.join(", "),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(name, value)| format!("{name}={value}"));
                entries.collect::<Vec<_>>().join(", ")
            }
            Self::Secret(_) | Self::Unread(_) => HIDDEN.to_owned(),
            Self::Raw(value) => value.to_string(),
        }
    }

    /// For machines: durations in milliseconds, secrets as `null`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Secret(_) | Self::Unread(_) => Json::Null,
            shown => shown.handed(),
        }
    }

    /// As the provider gets it.
    pub(super) fn handed(&self) -> Json {
        match self {
            Self::Text(text) | Self::Path(text) => json!(text),
            Self::Integer(number) => json!(number),
            Self::Bool(yes) => json!(yes),
            Self::Duration(duration) => {
                json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
            }
            Self::List(items) => json!(items),
            Self::Map(entries) => json!(entries),
            Self::Secret(secret) => json!(secret.expose()),
            Self::Unread(_) => Json::Null,
            Self::Raw(value) => value.clone(),
        }
    }
}

/// The default of a setting as it would be typed in a file, without quotes.
#[must_use]
pub fn default_text(setting: &Setting) -> Option<String> {
    setting.default.as_ref().map(|value| match value {
        Toml::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// What JSON doesn't have becomes text.
fn to_json(value: &Toml) -> Json {
    match value {
        Toml::String(text) => json!(text),
        Toml::Integer(number) => json!(number),
        Toml::Float(number) => json!(number),
        Toml::Boolean(yes) => json!(yes),
        Toml::Datetime(time) => json!(time.to_string()),
        Toml::Array(items) => items.iter().map(to_json).collect(),
        Toml::Table(table) => {
            let entries = table.iter().map(|(key, value)| (key.clone(), to_json(value)));
            Json::Object(entries.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(keys: &str) -> Setting {
        toml::from_str(keys).expect(keys)
    }

    fn of_text(keys: &str, text: &str) -> Option<Json> {
        let value = Value::of_text(&setting(keys), text, Path::new("/here")).ok()?;
        Some(value.handed())
    }

    #[test]
    fn text_becomes_a_value_of_each_type() {
        for (keys, text, expected) in [
            ("type = 'string'", " a ", json!(" a ")),
            ("type = 'integer'", "-7", json!(-7)),
            ("type = 'bool'", "true", json!(true)),
            ("type = 'bool'", "0", json!(false)),
            ("type = 'duration'", "1h 30m", json!(5_400_000)),
            ("type = 'path'", "a/./b", json!("/here/a/b")),
            ("type = 'path'", "/a", json!("/a")),
            ("type = 'enum'\nchoices = ['a', 'b']", "b", json!("b")),
            ("type = 'list'", "a, b", json!(["a", "b"])),
            ("type = 'list'", "['a,b', 'c']", json!(["a,b", "c"])),
            ("type = 'map'", "a=1,b=x=y", json!({ "a": "1", "b": "x=y" })),
            ("type = 'map'", "{ a = '1,2' }", json!({ "a": "1,2" })),
        ] {
            assert_eq!(of_text(keys, text), Some(expected), "{keys}: {text}");
        }
        for (keys, text) in [
            ("type = 'integer'", "7.5"),
            ("type = 'integer'", "99999999999999999999"),
            ("type = 'bool'", "yes"),
            ("type = 'duration'", "0s"),
            ("type = 'path'", "~bob/x"),
            ("type = 'path'", ""),
            ("type = 'enum'\nchoices = ['a']", "A"),
            ("type = 'list'", "[1]"),
            ("type = 'map'", "a"),
            ("type = 'map'", "=a"),
            ("type = 'unknown-to-us'", "a"),
        ] {
            assert_eq!(of_text(keys, text), None, "{keys}: {text}");
        }
    }

    #[test]
    fn words_are_parts_of_a_list_and_are_never_taken_apart() {
        let here = Path::new("/here");
        let of = |kind: &str, words: &[&str]| {
            Value::of_words(&setting(&format!("type = '{kind}'")), words, here)
        };
        assert_eq!(of("list", &["a,b", "c"]), Ok(Value::List(vec!["a,b".into(), "c".into()])));
        let map = of("map", &["a=1", "b=2,3"]).expect("a map");
        assert_eq!(map.text(), "a=1, b=2,3");
        assert_eq!(of("map", &["a=1", "b"]).expect_err("no value").found, "`b`");
        assert_eq!(of("integer", &["1", "2"]), Ok(Value::Integer(2)));
    }

    #[test]
    fn a_typo_in_a_choice_finds_the_choice_and_a_secret_shows_nothing() {
        let size = setting("type = 'enum'\nchoices = ['small', 'large']");
        let wrong = Value::of_text(&size, "smal", Path::new("/")).expect_err("no choice");
        assert_eq!(wrong.meant.as_deref(), Some("small"));
        assert_eq!(wrong.expected, "one of `small`, `large`");
        let secret = setting("type = 'string'\nsecret = true");
        let wrong = Value::of_toml(&secret, &Toml::Integer(4711), Path::new("/"));
        assert_eq!(wrong.expect_err("no string").found, "what it is");
        let value = Value::of_text(&secret, "hunter2-hunter2", Path::new("/")).expect("a secret");
        let shown = format!("{value:?} {} {}", value.text(), value.to_json());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(value.handed(), json!("hunter2-hunter2"));
    }

    #[test]
    fn a_secret_of_a_type_of_a_newer_interface_shows_nothing() {
        let secret = setting("type = 'newer'\nsecret = true");
        let text = Toml::String("hunter2-newer".to_owned());
        let of_file = Value::of_toml(&secret, &text, Path::new("/")).expect("a secret");
        let of_variable = Value::of_text(&secret, "hunter2-newer", Path::new("/"));
        for value in [of_file, of_variable.expect("a secret")] {
            let shown = format!("{value:?} {} {}", value.text(), value.to_json());
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(value.handed(), json!("hunter2-newer"));
        }
        let list = Toml::Array(vec![text]);
        let wrong = Value::of_toml(&secret, &list, Path::new("/")).expect_err("no text");
        assert_eq!(wrong.found, "what it is");
    }
}
