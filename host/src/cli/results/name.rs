//! The name of a test, or a part of it, as somebody types it behind `--test`. It may begin with a dash, as names in words do.

/// A name, of which something is needed to look for.
pub(in crate::cli) fn parse_name(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("the name of a test, or a part of it, is needed"),
        // The name was forgotten, most likely.
        name if is_option(name) => {
            Err("the name of a test, or a part of it, is needed, and not an option")
        }
        name => Ok(name.to_owned()),
    }
}

/// Does it look like one: `--json`, `--tail=5`, `-q`?
fn is_option(name: &str) -> bool {
    let Some(short) = name.strip_prefix('-') else { return false };
    let Some(long) = short.strip_prefix('-') else {
        return short.len() == 1;
    };
    let long = long.split('=').next().unwrap_or(long);
    long.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_begin_with_a_dash_and_is_no_option() {
        for name in ["-dash test", "-dash", "-1 is negative", "--help says all", "--A", "-", "a"] {
            assert_eq!(parse_name(name).as_deref(), Ok(name));
        }
        for option in ["", " ", "--", "--json", "--summary-lines", "--tail=5", "-q"] {
            assert!(parse_name(option).is_err(), "{option}");
        }
    }
}
