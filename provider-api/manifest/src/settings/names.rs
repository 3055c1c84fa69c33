//! How a setting is called: `provider.NAME.KEY` in a file, `--NAME-KEY` on a command line,
//! `CRABBOX_NAME_KEY` in the environment.

/// `provider.NAME.KEY`
#[must_use]
pub fn key(provider: &str, setting: &str) -> String {
    format!("provider.{provider}.{setting}")
}

/// `--NAME-KEY`
#[must_use]
pub fn flag(provider: &str, setting: &str) -> String {
    format!("--{provider}-{setting}")
}

/// `CRABBOX_NAME_KEY`
#[must_use]
pub fn variable(provider: &str, setting: &str) -> String {
    let words = format!("crabbox-{provider}-{setting}");
    words.replace('-', "_").to_ascii_uppercase()
}

/// Lower-case words of letters and digits with single dashes between them, a letter first, at most 48
/// bytes.
pub(super) fn is_name(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.len() <= 48
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && name.split('-').all(word)
}

/// Can a variable be called this? `CRABBOX_…` are crabbox's own.
pub(super) fn is_variable(name: &str) -> bool {
    let upper = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    name.bytes().next().is_some_and(upper)
        && name.bytes().all(|byte| upper(byte) || byte.is_ascii_digit())
        && !name.starts_with("CRABBOX_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_a_name_in_each_layer() {
        assert_eq!(key("my-cloud", "disk-size"), "provider.my-cloud.disk-size");
        assert_eq!(flag("my-cloud", "disk-size"), "--my-cloud-disk-size");
        assert_eq!(variable("my-cloud", "disk-size"), "CRABBOX_MY_CLOUD_DISK_SIZE");
    }

    #[test]
    fn names_are_kebab_case() {
        for name in ["a", "disk-size", "ipv4-only"] {
            assert!(is_name(name), "{name}");
        }
        let long = "a".repeat(49);
        for name in ["", "-a", "a-", "a--b", "A", "1a", "a_b", "a.b", "ä", "a b", "a=b", &long] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_variable("CODER_URL") && is_variable("_X1"));
        for name in ["", "1X", "url", "A-B", "A=B", "CRABBOX_STATE_DIR"] {
            assert!(!is_variable(name), "{name}");
        }
    }
}
