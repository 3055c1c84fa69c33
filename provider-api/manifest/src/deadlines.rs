//! How long a hook may take, by its author's own reckoning.

use serde::{Deserialize, Serialize, de};
use std::fmt;
use std::time::Duration;

/// How long each hook may take. What isn't named has the host's own limit, which also caps what is:
/// a provider can ask for less time, never for more.
///
/// ```toml
/// [deadlines]
/// lease = "5m"
/// resolve = "90s"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// Making a resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Limit>,
    /// Finding, and perhaps starting, a resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve: Option<Limit>,
    /// Parking or deleting a resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Limit>,
    /// Checking whether the provider can work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doctor: Option<Limit>,
    /// Listing what could be ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Limit>,
    /// Pushing the provider's own deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extend: Option<Limit>,
}

impl Deadlines {
    /// The time that this hook has: what the manifest says, at most `cap`.
    #[must_use]
    pub fn of(&self, hook: &str, cap: Duration) -> Duration {
        let limit = match hook {
            "lease" => self.lease,
            "resolve" => self.resolve,
            "release" => self.release,
            "doctor" => self.doctor,
            "list" => self.list,
            "extend" => self.extend,
            _ => None,
        };
        limit.map_or(cap, |limit| limit.0.min(cap))
    }
}

/// How long a resource may still appear after its `lease` broke off: a request to make it may be under
/// way, whoever sent it. A [`Limit`], or `"0s"` where nothing is under way once the hook has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settles(pub Duration);

impl Default for Settles {
    /// Ten minutes: too long for most, and only waited for where something has gone wrong.
    fn default() -> Self {
        Self(Duration::from_mins(10))
    }
}

impl<'de> Deserialize<'de> for Settles {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "0s" {
            return Ok(Self(Duration::ZERO));
        }
        Limit::deserialize(de::value::StringDeserializer::new(text)).map(|limit| Self(limit.0))
    }
}

impl Serialize for Settles {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Limit(self.0))
    }
}

/// A time: a whole number, at least 1, and `s`, `m` or `h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit(pub Duration);

impl Limit {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = number.parse().ok().filter(|number| plain && *number > 0)?;
        number.checked_mul(seconds).map(|seconds| Self(Duration::from_secs(seconds)))
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let text = text.escape_debug();
            de::Error::custom(format!(
                "`{text}` is no time: expected one such as `90s`, `20m` or `1h`"
            ))
        })
    }
}

impl Serialize for Limit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_and_a_unit() {
        assert_eq!(Limit::parse("90s"), Some(Limit(Duration::from_secs(90))));
        assert_eq!(Limit::parse("20m"), Some(Limit(Duration::from_mins(20))));
        assert_eq!(Limit::parse("1h"), Some(Limit(Duration::from_hours(1))));
        for bad in
            ["", "s", "0s", "90", "-1s", "+1s", "1.5h", "1 h", "1d", "99999999999999999999s", "5ä"]
        {
            assert_eq!(Limit::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn nothing_is_under_way_any_more_only_where_that_is_said() {
        let parse = |text: &str| {
            let text = de::value::StrDeserializer::<de::value::Error>::new(text);
            Settles::deserialize(text).map(|settles| settles.0.as_secs()).ok()
        };
        assert_eq!((parse("0s"), parse("5m"), parse("0m")), (Some(0), Some(300), None));
        assert_eq!(Settles::default().0, Duration::from_mins(10));
    }

    #[test]
    fn the_hosts_own_limit_is_the_cap() {
        let deadlines = Deadlines { lease: Limit::parse("2h"), ..Deadlines::default() };
        let cap = Duration::from_mins(20);
        assert_eq!(deadlines.of("lease", cap), cap);
        assert_eq!(deadlines.of("lease", Duration::from_hours(3)), Duration::from_hours(2));
        assert_eq!(deadlines.of("resolve", cap), cap);
    }
}
