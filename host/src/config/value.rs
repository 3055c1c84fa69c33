//! A checked value, and how text becomes one.

use super::duration::{duration_text, parse_duration};
use super::keys::{Key, Kind};
use super::size::{parse_size, size_text};
use serde_json::{Value, json};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;
use toml::de::DeValue;

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Of [`Kind::Text`] and [`Kind::Choice`].
    Text(String),
    /// Of [`Kind::Texts`] and [`Kind::Names`].
    Texts(Vec<String>),
    /// Of [`Kind::Paths`].
    Paths(Vec<PathBuf>),
    /// Of [`Kind::Duration`].
    Duration(Duration),
    /// Of [`Kind::Size`], in bytes.
    Size(u64),
    /// Of [`Kind::Count`].
    Count(u64),
}

impl Setting {
    /// From a file. `None`: it is of another kind.
    pub(super) fn of_toml(key: &Key, value: &DeValue<'_>) -> Option<Self> {
        let texts = |items: &toml::de::DeArray<'_>| -> Option<Vec<String>> {
            items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        };
        match (key.kind, value) {
            (Kind::Texts, DeValue::Array(items)) => texts(items).map(Self::Texts),
            (Kind::Names, DeValue::Array(items)) => texts(items)
                .filter(|names| names.iter().all(|name| is_name_of_variable(name)))
                .map(Self::Texts),
            (Kind::Paths, DeValue::Array(items)) => texts(items)
                .map(|items| Self::Paths(items.into_iter().map(PathBuf::from).collect())),
            (Kind::Count | Kind::Size, DeValue::Integer(number)) => {
                Self::of_text(key, number.as_str())
            }
            (Kind::Texts | Kind::Names | Kind::Paths | Kind::Count, _) => None,
            (_, DeValue::String(text)) => Self::of_text(key, text),
            _ => None,
        }
    }

    /// From a string, a variable, a default. `None`: it is of another kind.
    pub(super) fn of_text(key: &Key, text: &str) -> Option<Self> {
        match key.kind {
            Kind::Text => Some(Self::Text(text.to_owned())),
            Kind::Choice(choices) if choices.contains(&text) => Some(Self::Text(text.to_owned())),
            Kind::Choice(_) | Kind::Texts | Kind::Names => None,
            Kind::Paths => Some(Self::Paths(split_paths(OsStr::new(text)))),
            Kind::Duration => parse_duration(text).ok().map(Self::Duration),
            Kind::Size => parse_size(text).ok().map(Self::Size),
            Kind::Count => text.trim().parse().ok().map(Self::Count),
        }
    }

    /// From a variable: only paths may be no UTF-8.
    pub(super) fn of_variable(key: &Key, value: &OsString) -> Option<Self> {
        match (key.kind, value.to_str()) {
            (Kind::Paths, _) => Some(Self::Paths(split_paths(value))),
            (_, Some(text)) => Self::of_text(key, text),
            (_, None) => None,
        }
    }

    /// As it would be typed in a file, without quotes.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Texts(texts) => texts.join(", "),
            Self::Paths(paths) => {
                paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
            }
            Self::Duration(duration) => duration_text(*duration),
            Self::Size(size) => size_text(*size),
            Self::Count(count) => count.to_string(),
        }
    }

    /// As it would stand in a file.
    #[must_use]
    pub(super) fn to_toml(&self) -> toml::Value {
        match self {
            Self::Text(_) | Self::Duration(_) | Self::Size(_) => self.text().into(),
            Self::Count(count) => i64::try_from(*count).unwrap_or(i64::MAX).into(),
            Self::Texts(texts) => texts.clone().into(),
            Self::Paths(paths) => {
                let texts = paths.iter().map(|path| path.to_string_lossy().into_owned());
                texts.collect::<Vec<_>>().into()
            }
        }
    }

    /// For machines: durations in milliseconds, sizes in bytes.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Texts(texts) => json!(texts),
            Self::Paths(paths) => paths.iter().map(|path| json!(path.to_string_lossy())).collect(),
            Self::Duration(duration) => {
                json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
            }
            Self::Size(number) | Self::Count(number) => json!(number),
        }
    }
}

/// As shells take them: none holds a `=`, and none is a pattern.
fn is_name_of_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// An empty part would stand for the current folder, which nobody means.
fn split_paths(text: &OsStr) -> Vec<PathBuf> {
    env::split_paths(text).filter(|path| !path.as_os_str().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::keys::KEYS;
    use super::*;

    #[test]
    fn defaults_are_values_of_their_kind_and_print_as_they_are_typed() {
        for key in KEYS {
            if let Some(text) = key.default {
                let setting = Setting::of_text(key, text).expect(key.name);
                assert_eq!(setting.text(), text, "{}", key.name);
            }
        }
    }
}
