//! The forms in which a value could leave.

use serde_json::Value;
use std::fmt::Write as _;

/// All of them, of which most are alike where a value has nothing but letters and digits.
pub(super) fn of(value: &str) -> Vec<String> {
    let mut forms = vec![
        value.to_owned(),
        percent_encoded(value),
        escaped(value),
        value.escape_debug().to_string(),
        // Between the quotes of a shell.
        value.replace('\'', r"'\''"),
        marked_up(value),
    ];
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn percent_encoded(value: &str) -> String {
    let mut result = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            result.push(char::from(byte));
        } else {
            let _ = write!(result, "%{byte:02X}");
        }
    }
    result
}

/// As between the quotes of JSON.
fn escaped(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As in HTML.
fn marked_up(value: &str) -> String {
    let value = value.replace('&', "&amp;").replace('<', "&lt;");
    value.replace('>', "&gt;").replace('"', "&quot;")
}
