//! What the machine's own file enforces: bounds that nothing on this machine overrides.

use super::error::{ConfigError, Place, Problem};
use super::keys::{Enforced, KEYS, Key};
use super::layers::{Layered, Layers, Origin};
use super::value::Setting;
use super::{Owner, keys};
use std::fmt;
use std::time::Duration;

/// A bound of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// One of these; of a list, each part. The first holds where nobody says anything else.
    Allowed(Vec<String>),
    /// No longer than this.
    AtMost(Duration),
}

impl Bound {
    /// From a file. `None`: it is of another kind.
    pub(super) fn of_toml(key: &Key, value: &toml::de::DeValue<'_>) -> Option<Self> {
        use toml::de::DeValue;
        if key.enforced == Enforced::AtMost {
            return match Setting::of_toml(key, value)? {
                Setting::Duration(most) => Some(Self::AtMost(most)),
                _ => None,
            };
        }
        let texts = match value {
            DeValue::String(text) => vec![text.to_string()],
            DeValue::Array(items) => items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            _ => return None,
        };
        let adds_up = key.kind.adds_up();
        let fits = |text: &String| adds_up || Setting::of_text(key, text).is_some();
        // No value at all is allowed only where a setting can be empty.
        let fits = texts.iter().all(fits) && (adds_up || !texts.is_empty());
        fits.then_some(Self::Allowed(texts))
    }

    /// Does the setting keep to it?
    #[must_use]
    pub fn admits(&self, setting: &Setting) -> bool {
        match (self, setting) {
            (Self::AtMost(most), Setting::Duration(duration)) => duration <= most,
            (Self::Allowed(allowed), Setting::Text(text)) => allowed.contains(text),
            (Self::Allowed(allowed), Setting::Texts(texts)) => {
                texts.iter().all(|text| allowed.contains(text))
            }
            (Self::Allowed(allowed), Setting::Paths(paths)) => {
                paths.iter().all(|path| allowed.iter().any(|one| path.as_os_str() == one.as_str()))
            }
            _ => false,
        }
    }

    /// What holds where nobody says anything that keeps to it.
    fn instead(&self, key: &Key) -> Option<Setting> {
        match self {
            Self::AtMost(most) => Some(Setting::Duration(*most)),
            Self::Allowed(_) if key.kind.adds_up() => None,
            Self::Allowed(allowed) => allowed.first().and_then(|text| Setting::of_text(key, text)),
        }
    }
}

/// Behind `allows`.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most `{}`", Setting::Duration(*most).text()),
            Self::Allowed(allowed) if allowed.is_empty() => f.write_str("nothing"),
            Self::Allowed(allowed) => write!(f, "only `{}`", allowed.join("` or `")),
        }
    }
}

/// A bound, and where it stands.
#[derive(Clone, Debug)]
pub struct Enforcement {
    /// The bound.
    pub bound: Bound,
    /// Where it stands.
    pub place: Place,
}

impl Enforcement {
    /// Of a setting that is a time: the longest.
    #[must_use]
    pub fn most(&self) -> Option<Duration> {
        match self.bound {
            Bound::AtMost(most) => Some(most),
            Bound::Allowed(_) => None,
        }
    }
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} allows {}", self.place, self.bound)
    }
}

impl Layers {
    /// What the machine's own file enforces of a setting.
    #[must_use]
    pub fn enforced(&self, key: &Key) -> Option<Enforcement> {
        let (path, layer) = self.file(Owner::System);
        let found = layer.enforced.get(key.name)?;
        let place = Place::File { path: path.clone(), line: Some(found.line) };
        Some(Enforcement { bound: found.value.clone(), place })
    }

    /// What holds instead of a default, or of nothing, that doesn't keep to what is enforced.
    pub(super) fn instead(&self, key: &Key, chain: &[Layered]) -> Option<Layered> {
        let strongest = chain.first();
        if strongest.is_some_and(|found| found.origin != Origin::Default) {
            return None;
        }
        let (path, layer) = self.file(Owner::System);
        let found = layer.enforced.get(key.name)?;
        if strongest.is_some_and(|strongest| found.value.admits(&strongest.setting)) {
            return None;
        }
        let setting = found.value.instead(key)?;
        let origin = Origin::File { owner: Owner::System, path: path.clone(), line: found.line };
        Some(Layered { setting, origin })
    }

    /// Everything that holds although the machine's own file forbids it. Of a layer that another
    /// one hides nothing is said: it does no harm.
    #[must_use]
    pub fn contradictions(&self) -> Vec<ConfigError> {
        let of_key = |key: &'static Key| {
            // What was settled when a box was leased doesn't keep anybody from letting go of it.
            if self.is_of_lease() && key.name != "providers.path" {
                return None;
            }
            let enforcement = self.enforced(key)?;
            let mut chain = self.chain(key);
            if !key.kind.adds_up() {
                chain.truncate(1);
            }
            let found = chain.into_iter().find(|one| !enforcement.bound.admits(&one.setting))?;
            let place = found.origin.place()?;
            let problem = Problem::Enforced {
                key: key.name.to_owned(),
                found: found.setting.text(),
                enforcement: Box::new(enforcement),
            };
            Some(ConfigError::new(place, problem))
        };
        KEYS.iter().filter_map(of_key).collect()
    }

    /// What stands against this value of a setting, whoever says it.
    #[must_use]
    pub fn objection(&self, name: &str, setting: &Setting) -> Option<Enforcement> {
        let enforcement = self.enforced(keys::find(name)?)?;
        (!enforcement.bound.admits(setting)).then_some(enforcement)
    }
}
