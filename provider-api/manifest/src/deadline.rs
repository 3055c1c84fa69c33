//! The deadline that a provider itself puts on a resource.

use super::Limit;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A provider that ends its resources by itself, at a time that it is told, and has `extend` to
/// push it. What isn't said has no limit.
///
/// ```toml
/// [deadline]
/// create-min = "1m"
/// extend-min = "30m"
/// max = "720h"
/// step = "1m"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deadline {
    /// The shortest time that a new resource can be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_min: Option<Limit>,
    /// The shortest time, from now, that one can be pushed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extend_min: Option<Limit>,
    /// The longest time of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Limit>,
    /// Only multiples of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Limit>,
}

impl Deadline {
    /// The time that a new resource is given of which `wanted` is asked for.
    #[must_use]
    pub fn to_create(&self, wanted: Duration) -> Duration {
        self.fit(wanted, self.create_min)
    }

    /// The time from now that a resource is pushed to of which `wanted` is asked for.
    #[must_use]
    pub fn to_extend(&self, wanted: Duration) -> Duration {
        self.fit(wanted, self.extend_min)
    }

    /// Rather too long than too short: the host lets go of what nobody needs, and a step beyond the
    /// longest time is the only thing that it can't have.
    fn fit(&self, wanted: Duration, min: Option<Limit>) -> Duration {
        let step = self.step.map_or(1, |step| step.0.as_millis());
        let wanted = wanted.max(min.map_or(Duration::ZERO, |min| min.0)).as_millis();
        let max = self.max.map_or(u128::MAX, |max| max.0.as_millis() / step * step);
        let fit = wanted.div_ceil(step).saturating_mul(step).min(max);
        Duration::from_millis(u64::try_from(fit).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    #[test]
    fn a_time_is_made_to_fit() {
        let limit = |text| Limit::parse(text);
        let deadline = Deadline {
            create_min: limit("10m"),
            extend_min: limit("30m"),
            max: limit("65m"),
            step: limit("15m"),
        };
        assert_eq!(deadline.to_create(minutes(1)), minutes(15));
        assert_eq!(deadline.to_extend(minutes(1)), minutes(30));
        assert_eq!(deadline.to_create(minutes(16)), minutes(30));
        assert_eq!(deadline.to_create(minutes(61)), minutes(60));
        assert_eq!(deadline.to_create(Duration::MAX), minutes(60));
        assert_eq!(Deadline::default().to_create(minutes(7)), minutes(7));
        let most = Deadline::default().to_extend(Duration::MAX);
        assert_eq!(most, Duration::from_millis(u64::MAX));
    }
}
