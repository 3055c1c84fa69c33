//! Amounts for people: bytes in the largest unit that leaves three digits, times as they are said.

use std::time::Duration;

/// In seconds.
const DAY: u64 = 86_400;

/// `812 B`, `56.7 MiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
    let mut amount = count as f64;
    let mut unit = "B";
    for larger in UNITS {
        // What would be rounded to 1024 is one of the next.
        if amount < 1023.5 {
            break;
        }
        (amount, unit) = (amount / 1024.0, larger);
    }
    if amount < 99.95 { format!("{amount:.1} {unit}") } else { format!("{amount:.0} {unit}") }
}

/// `0.12s`, `2m 05s`, `3h 07m`, `29d 23h`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.2}s", duration.as_secs_f64().min(59.99)),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..DAY => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / DAY, seconds / 3600 % 24),
    }
}

/// `45s`, `30m`, `3h 07m`, `30d 00h`: how much time is left, which was given in whole minutes a moment ago.
#[must_use]
pub fn left(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let minutes = seconds.div_ceil(60);
    match (seconds, minutes % 60) {
        (0..=60, _) => format!("{seconds}s"),
        (_, minute) if minutes < 60 => format!("{minute}m"),
        (_, minute) if minutes < DAY / 60 => format!("{}h {minute:02}m", minutes / 60),
        _ => format!("{}d {:02}h", minutes * 60 / DAY, minutes / 60 % 24),
    }
}

/// `1 file`, `2 files`.
#[must_use]
pub fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_said_in_their_unit() {
        let said: Vec<String> =
            [0, 1023, 1024, 1_048_575, 59_454_259, 329_991_168, u64::MAX].map(bytes).into();
        let expected = ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "56.7 MiB", "315 MiB", "16384 PiB"];
        assert_eq!(said, expected);
    }

    #[test]
    fn durations_are_said_as_people_do() {
        let said = |millis| duration(Duration::from_millis(millis));
        assert_eq!(said(0), "0.00s");
        assert_eq!(said(59_999), "59.99s");
        assert_eq!(said(125_400), "2m 05s");
        assert_eq!(said(3_600_000 * 3 + 60_000 * 7), "3h 07m");
        assert_eq!((said(86_399_999), said(86_400_000)), ("23h 59m".into(), "1d 00h".into()));
        assert_eq!(said(720 * 3_600_000 - 1), "29d 23h");
    }

    #[test]
    fn what_is_left_is_said_in_minutes() {
        let said = |seconds| left(Duration::from_secs(seconds));
        assert_eq!([0, 60, 61, 1799, 1800].map(said), ["0s", "60s", "2m", "30m", "30m"]);
        assert_eq!([3541, 3600, 28_799].map(said), ["1h 00m", "1h 00m", "8h 00m"]);
        assert_eq!([86_340, 86_399, 2_591_999].map(said), ["23h 59m", "1d 00h", "30d 00h"]);
    }

    #[test]
    fn one_is_one() {
        assert_eq!((count(1, "file"), count(0, "file")), ("1 file".into(), "0 files".into()));
    }
}
