//! How long something takes, as it is typed: in an argument, a variable and a file alike.

use std::fmt::Write as _;
use std::time::Duration;

/// The units, with what they are in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// A thousand years, in milliseconds. Much more than that from now, there is no date any more.
const LONGEST: u64 = 1000 * 365 * 86_400_000;

/// The units for people.
const KNOWN: &str = "ms, s, m, h, d and w are known";

/// What is wrong with a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It isn't made of numbers and units.
    #[error("expected a duration above zero such as 90s, 15m, 2h or 7d")]
    Form,
    /// Nobody knows how long that is.
    #[error("there is no unit of time `{0}`: {KNOWN}")]
    Unit(String),
    /// A number without a unit.
    #[error("`{0}` has no unit of time: {KNOWN}")]
    NoUnit(String),
    /// Longer than [`LONGEST`].
    #[error("a duration is at most 1000 years")]
    TooLong,
}

/// A duration such as `90s`, `15m`, `1h 30m`, `1w2d`; more than nothing, in whole numbers.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let is_digit = |letter: char| letter.is_ascii_digit();
        let (number, after) =
            rest.split_at(rest.find(|letter| !is_digit(letter)).unwrap_or(rest.len()));
        let after = after.trim_start();
        let end = after.find(|letter: char| !letter.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        // Neither signs nor fractions: whole numbers alone, as the documents say.
        if number.is_empty() || unit.is_empty() && !after.is_empty() {
            return Err(DurationError::Form);
        }
        if unit.is_empty() {
            return Err(DurationError::NoUnit(number.to_owned()));
        }
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, length) = known.ok_or_else(|| DurationError::Unit(unit.to_owned()))?;
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*length));
        let sum = part.and_then(|part| total.checked_add(part)).filter(|sum| *sum <= LONGEST);
        total = sum.ok_or(DurationError::TooLong)?;
        rest = after.trim_start();
    }
    if total == 0 { Err(DurationError::Form) } else { Ok(Duration::from_millis(total)) }
}

/// As [`parse_duration`] reads it: `1h 30m`.
pub(super) fn duration_text(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    // Weeks are for whoever types.
    for (unit, length) in UNITS.iter().rev().skip(1) {
        let (count, left) = (rest / length, rest % length);
        rest = left;
        if count > 0 {
            let blank = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{blank}{count}{unit}");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_as_they_are_read() {
        for text in ["90s", "1h 30m", "250ms", "25h", "14d", "1w2d", " 1d 12h ", "2 h"] {
            let duration = parse_duration(text).expect(text);
            assert_eq!(parse_duration(&duration_text(duration)), Ok(duration), "{text}");
        }
        assert_eq!(parse_duration("1w"), parse_duration("7d"));
        assert_eq!(parse_duration("1d12h"), Ok(Duration::from_hours(36)));
        assert_eq!(duration_text(Duration::from_mins(90)), "1h 30m");
        assert_eq!(duration_text(Duration::from_hours(336)), "14d");
    }

    #[test]
    fn what_is_no_duration_is_told_by_what_is_wrong_with_it() {
        for text in ["", "0s", "1.5h", "1,5h", "-1m", "+1m", "soon", "1h-", "h", "1h 30m,"] {
            assert_eq!(parse_duration(text), Err(DurationError::Form), "{text}");
        }
        for (text, unit) in
            [("5y", "y"), ("1h 2 fortnights", "fortnights"), ("5M", "M"), ("5µ", "µ")]
        {
            assert_eq!(parse_duration(text), Err(DurationError::Unit(unit.to_owned())), "{text}");
        }
        for (text, number) in [("5", "5"), ("1h 30", "30")] {
            let expected = Err(DurationError::NoUnit(number.to_owned()));
            assert_eq!(parse_duration(text), expected, "{text}");
        }
        for text in ["99999999999999999999s", "9999999999999999w", "365001d"] {
            assert_eq!(parse_duration(text), Err(DurationError::TooLong), "{text}");
        }
        let unknown = DurationError::Unit("y".to_owned());
        let said = "there is no unit of time `y`: ms, s, m, h, d and w are known";
        assert_eq!(unknown.to_string(), said);
    }
}
