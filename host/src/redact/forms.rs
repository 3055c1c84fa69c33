//! The forms in which a value could leave: as what it is put into writes it. There is no end of those; these are what is common.

use serde_json::Value;
use std::fmt::Write as _;

/// All of them, of which most are alike where a value has nothing but letters and digits.
pub(super) fn of(value: &str) -> Vec<String> {
    let json = in_json(value);
    let mut forms = vec![
        value.to_owned(),
        value.escape_debug().to_string(),
        // Between the quotes of a shell.
        value.replace('\'', r"'\''"),
        // As Python writes JSON, PHP in three ways, and Go.
        in_ascii(&json),
        json.replace('/', r"\/"),
        in_ascii(&json).replace('/', r"\/"),
        json.replace('&', r"\u0026").replace('<', r"\u003c").replace('>', r"\u003e"),
        json,
    ];
    forms.extend(in_url(value));
    forms.extend(in_html(value));
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// As between the quotes of JSON.
fn in_json(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The same where everything else is escaped, too.
fn in_ascii(json: &str) -> String {
    let mut result = String::new();
    for char in json.chars() {
        if char.is_ascii() {
            result.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            let _ = write!(result, "\\u{unit:04x}");
        }
    }
    result
}

/// As in a URL: with what is left as it is by the standard, by JavaScript's `encodeURIComponent`, and in a path; and as a form.
fn in_url(value: &str) -> impl Iterator<Item = String> {
    let ways = [&b"-._~"[..], b"-._~!*'()", b"-._~/", b"-._~ ", b"-._ ", b"-._* "];
    ways.into_iter().flat_map(move |plain| {
        [false, true].map(|is_small| percent_encoded(value, plain, is_small).replace(' ', "+"))
    })
}

fn percent_encoded(value: &str, plain: &[u8], is_small: bool) -> String {
    let mut result = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            result.push(char::from(byte));
        } else if is_small {
            let _ = write!(result, "%{byte:02x}");
        } else {
            let _ = write!(result, "%{byte:02X}");
        }
    }
    result
}

/// As in HTML and XML, as a text and between quotes of both kinds.
fn in_html(value: &str) -> impl Iterator<Item = String> {
    let text = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let ways = [
        ("\"", "'"),
        ("&quot;", "'"),
        ("&quot;", "&#39;"),
        ("&quot;", "&#039;"),
        ("&quot;", "&#x27;"),
        ("&quot;", "&apos;"),
        ("&#34;", "&#39;"),
    ];
    ways.into_iter().map(move |(double, single)| text.replace('"', double).replace('\'', single))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_as_others_write_it() {
        for (value, written) in [
            // PHP, Go, Python and PHP.
            ("abc/def", r"abc\/def"),
            ("a&b<c>d", r"a\u0026b\u003cc\u003ed"),
            ("pässwörd 𝄞", r"p\u00e4ssw\u00f6rd \ud834\udd1e"),
            ("pässwört/\"", r#"p\u00e4ssw\u00f6rt\/\""#),
            ("abc/def!ghi'jkl", "abc%2Fdef!ghi'jkl"),
            ("abc/d+f", "abc%2fd%2bf"),
            ("abc/d+f", "abc/d%2Bf"),
            ("one two/ü~", "one+two%2F%C3%BC~"),
            ("one two/ü~", "one+two%2f%c3%bc%7e"),
            ("<it's> & \"more\"", "&lt;it's&gt; &amp; \"more\""),
            ("<it's> & \"more\"", "&lt;it&#x27;s&gt; &amp; &quot;more&quot;"),
            ("<it's> & \"more\"", "&lt;it&#39;s&gt; &amp; &#34;more&#34;"),
            ("it's", "it&#039;s"),
        ] {
            assert!(of(value).iter().any(|form| form == written), "{written}: {:?}", of(value));
        }
    }

    #[test]
    fn of_letters_and_digits_there_is_one_form() {
        assert_eq!(of("ghp_0123456789abcdefABCDEF").len(), 1);
    }
}
