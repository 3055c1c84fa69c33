//! An amount of bytes, as it is typed: in an argument, a variable and a file alike.

/// The units, with what they are in bytes, the smallest first.
const UNITS: [(&str, u64); 5] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// The units for people.
const KNOWN: &str = "B, KiB, MiB, GiB and TiB are known";

/// What is wrong with a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// It isn't a whole number and a unit.
    #[error("expected a size such as 512KiB, 64MiB or 2GiB")]
    Form,
    /// Nobody knows how much that is.
    #[error("there is no unit of size `{0}`: {KNOWN}")]
    Unit(String),
    /// A number without a unit.
    #[error("`{0}` has no unit of size: {KNOWN}")]
    NoUnit(String),
    /// More than any disk holds.
    #[error("that is more than can be counted")]
    TooMuch,
}

/// A size such as `64MiB` or `2 GiB`, in bytes; `0` needs no unit.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim_start());
    if number.is_empty() || unit.contains(|letter: char| !letter.is_alphabetic()) {
        return Err(SizeError::Form);
    }
    let count: u64 = number.parse().map_err(|_| SizeError::TooMuch)?;
    if unit.is_empty() {
        return if count == 0 { Ok(0) } else { Err(SizeError::NoUnit(number.to_owned())) };
    }
    let known = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let (_, size) = known.ok_or_else(|| SizeError::Unit(unit.to_owned()))?;
    count.checked_mul(*size).ok_or(SizeError::TooMuch)
}

/// As [`parse_size`] reads it: in the largest unit that leaves a whole number.
pub(super) fn size_text(size: u64) -> String {
    let unit = UNITS.iter().rev().find(|(_, unit)| size >= *unit && size.is_multiple_of(*unit));
    unit.map_or_else(|| "0".to_owned(), |(name, unit)| format!("{}{name}", size / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_printed_as_they_are_read() {
        for (text, size) in
            [("0", 0), ("7B", 7), ("1KiB", 1024), ("1GiB", 1 << 30), ("3TiB", 3 << 40)]
        {
            assert_eq!(parse_size(text), Ok(size));
            assert_eq!(size_text(size), text);
        }
        assert_eq!(parse_size(" 64 mib "), Ok(64 << 20));
        assert_eq!(size_text(1025), "1025B");
    }

    #[test]
    fn what_is_no_size_is_told_by_what_is_wrong_with_it() {
        for text in ["", "MiB", "-1B", "1.5GiB", "1MiB 2B"] {
            assert_eq!(parse_size(text), Err(SizeError::Form), "{text}");
        }
        assert_eq!(parse_size("5"), Err(SizeError::NoUnit("5".to_owned())));
        assert_eq!(parse_size("5MB"), Err(SizeError::Unit("MB".to_owned())));
        assert_eq!(parse_size("99999999TiB"), Err(SizeError::TooMuch));
    }
}
