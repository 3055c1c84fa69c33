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
    /// The time that a new resource is given of which `wanted` is asked for, and which may be `most`, if
    /// anything. `None`: every time that can be given is longer.
    #[must_use]
    pub fn to_create(&self, wanted: Duration, most: Option<Duration>) -> Option<Duration> {
        self.fit(wanted, self.create_min, most)
    }

    /// The time from now that a resource is pushed to, in the same way.
    #[must_use]
    pub fn to_extend(&self, wanted: Duration, most: Option<Duration>) -> Option<Duration> {
        self.fit(wanted, self.extend_min, most)
    }

    /// Rather too long than too short: the host lets go of what nobody needs, and a step beyond the
    /// longest time is the only thing that it can't have.
    fn fit(
        &self,
        wanted: Duration,
        min: Option<Limit>,
        most: Option<Duration>,
    ) -> Option<Duration> {
        let step = self.step.map_or(1, |step| step.0.as_millis());
        let min = min.map_or(0, |min| min.0.as_millis());
        let steps = |time: Duration| time.as_millis() / step * step;
        let max = self.max.map_or(u128::MAX, |max| steps(max.0));
        let fit = wanted.as_millis().max(min).div_ceil(step).saturating_mul(step).min(max);
        let bounded = most.map_or(fit, |most| fit.min(steps(most)));
        let is_too_short = bounded < fit && (bounded == 0 || bounded < min);
        let bounded = Duration::from_millis(u64::try_from(bounded).unwrap_or(u64::MAX));
        Some(bounded).filter(|_| !is_too_short)
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
        let fits = |found: Option<Duration>, count| assert_eq!(found, Some(minutes(count)));
        fits(deadline.to_create(minutes(1), None), 15);
        fits(deadline.to_extend(minutes(1), None), 30);
        fits(deadline.to_create(minutes(16), None), 30);
        fits(deadline.to_create(minutes(61), None), 60);
        fits(deadline.to_create(Duration::MAX, None), 60);
        fits(Deadline::default().to_create(minutes(7), None), 7);
        let most = Deadline::default().to_extend(Duration::MAX, None);
        assert_eq!(most, Some(Duration::from_millis(u64::MAX)));
        // What may be at most so long is rounded down, or can't be at all.
        fits(deadline.to_create(minutes(16), Some(minutes(20))), 15);
        fits(deadline.to_create(minutes(16), Some(minutes(30))), 30);
        fits(deadline.to_extend(minutes(100), Some(minutes(59))), 45);
        assert_eq!(deadline.to_create(minutes(1), Some(minutes(14))), None);
        assert_eq!(deadline.to_extend(minutes(1), Some(minutes(29))), None);
        fits(Deadline::default().to_extend(minutes(7), Some(minutes(5))), 5);
    }
}
