//! What a provider is given of its settings.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::time::Duration;

/// Values under `[provider.NAME]`, checked by the host against the manifest's schema: each is of its
/// type, those that are required are there where a lease is wanted, and defaults are filled in. Durations are whole
/// milliseconds, paths absolute. What isn't set and has no default is missing.
///
/// Some may be secrets: `Debug` shows the names alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(Map<String, Value>);

impl Settings {
    /// A string, a choice of an enum, or a secret.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// An integer.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    /// A bool: `false` where it isn't set.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A duration.
    #[must_use]
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.0.get(name)?.as_u64().map(Duration::from_millis)
    }

    /// A path; absolute.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// A list: empty where it isn't set.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&str> {
        let items = self.0.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// A map: empty where it isn't set.
    #[must_use]
    pub fn map(&self, name: &str) -> BTreeMap<&str, &str> {
        let entries = self.0.get(name).and_then(Value::as_object).into_iter().flatten();
        entries.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
    }
}

impl Deref for Settings {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Settings {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl FromIterator<(String, Value)> for Settings {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(entries: T) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::DoctorRequest;

    #[test]
    fn each_type_is_read_as_what_it_is_and_debug_shows_names_alone() {
        let text = r#"{"settings":{"a":"x","b":-1,"c":true,"d":1500,"e":["p","q"],"f":{"k":"v"}}}"#;
        let request: DoctorRequest = serde_json::from_str(text).expect("reads");
        let settings = &request.settings;
        assert_eq!((settings.text("a"), settings.integer("b")), (Some("x"), Some(-1)));
        assert!(settings.is_on("c") && !settings.is_on("no"));
        assert_eq!(settings.duration("d"), Some(Duration::from_millis(1500)));
        assert_eq!((settings.list("e"), settings.map("f")["k"]), (vec!["p", "q"], "v"));
        assert!(settings.list("no").is_empty() && settings.map("no").is_empty());
        assert_eq!(
            format!("{request:?}"),
            r#"DoctorRequest { settings: {"a", "b", "c", "d", "e", "f"} }"#
        );
        assert_eq!(serde_json::to_string(&request).expect("writes"), text);
    }
}
