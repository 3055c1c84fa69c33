//! The values that are known, and where they come from.

use super::forms;
use super::redactor::Redactor;
use crate::output::Typed;
use serde_json::Value;
use std::borrow::Cow;
use std::env;
use std::fmt;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Shorter values aren't looked for, in bytes: they would be found in words that hold no secret.
const SHORTEST: usize = 6;

/// Shorter lines of a longer value aren't, either: braces, names of fields.
const SHORTEST_LINE: usize = 16;

/// A value of so many bytes stands nowhere by chance.
pub(super) const SURE: usize = 12;

/// How the name of a variable ends that holds a secret.
const NAMES: [&str; 6] = ["TOKEN", "KEY", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE"];

/// What is registered.
static KNOWN: RwLock<Known> = RwLock::new(Known { values: Vec::new(), redactor: None });

struct Known {
    values: Vec<String>,
    /// Of all of them; `None`: nobody has asked since the last one came.
    redactor: Option<Redactor>,
}

/// A value that neither `Debug` nor any document shows. There is no `Serialize`; whoever
/// hands it on says so with [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value, and registers it.
    #[must_use]
    pub fn new(value: String) -> Self {
        register(&value);
        Self(value)
    }

    /// The value, for the one place that it is meant for.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Registers what this process was given under a name that looks like a secret's: variables of its
/// environment, and those of `--env NAME=VALUE`.
pub fn learn() {
    let environment = env::vars_os().map(|(name, value)| {
        (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
    });
    for (name, value) in environment.chain(Typed::here().variables()) {
        if looks_secret(&name) && !is_way_to_one(&value) {
            register(&value);
        }
    }
}

/// Is a variable called like one that holds a secret?
#[must_use]
pub fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.iter().any(|end| name.ends_with(end))
}

/// A file that holds a secret is none itself, and messages are of no use without its name.
fn is_way_to_one(value: &str) -> bool {
    value.starts_with('/') && Path::new(value).exists()
}

/// From now on this value is taken out of every text.
pub fn register(value: &str) {
    let value = value.trim();
    let lines = value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    for form in forms::of(value).into_iter().chain(lines.map(str::to_owned)) {
        // What stands in the place of each isn't taken for one.
        if form.len() >= SHORTEST && !REDACTED.contains(&form) && !known.values.contains(&form) {
            known.values.push(form);
            known.redactor = None;
        }
    }
}

impl Redactor {
    /// Of what is registered by now.
    #[must_use]
    pub fn of_now() -> Self {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(redactor) = &known.redactor {
            return redactor.clone();
        }
        drop(known);
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        let Known { values, redactor } = &mut *known;
        redactor.get_or_insert_with(|| Self::of(values.clone())).clone()
    }
}

/// The text without the registered values.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    Redactor::of_now().clean(text)
}

/// Does the text hold a registered value, and surely not by chance?
#[must_use]
pub fn holds_secret(text: &str) -> bool {
    Redactor::of_now().holds_for_sure(text)
}

/// The document with every text in it, keys included, without the registered values.
#[must_use]
pub fn json(document: Value) -> Value {
    match document {
        Value::String(string) => match text(&string) {
            Cow::Borrowed(_) => Value::String(string),
            Cow::Owned(clean) => Value::String(clean),
        },
        Value::Array(items) => items.into_iter().map(json).collect(),
        Value::Object(fields) => {
            let clean =
                fields.into_iter().map(|(key, value)| (text(&key).into_owned(), json(value)));
            Value::Object(clean.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_is_taken_out_in_all_forms_and_longest_first() {
        register("opensesame");
        let secret = Secret::new("opensesame/and \"more\"\n".to_owned());
        assert_eq!(text("a opensesame/and \"more\" b"), "a [redacted] b");
        assert_eq!(text("?token=opensesame%2Fand%20%22more%22&"), "?token=[redacted]&");
        assert_eq!(text(r#"{"token":"opensesame/and \"more\""}"#), r#"{"token":"[redacted]"}"#);
        assert_eq!(text(&format!("{:?}", secret.expose().trim())), "\"[redacted]\"");
        assert_eq!(text("opensesame"), REDACTED);
        register("it's open");
        for form in ["it's open", r"it\'s open", r"it'\''s open", "it%27s%20open"] {
            assert_eq!(text(form), REDACTED, "{form}");
        }
        register("<open> & \"shut\"");
        assert_eq!(text("<p>&lt;open&gt; &amp; &quot;shut&quot;</p>"), "<p>[redacted]</p>");
        assert_eq!(format!("{secret:?}"), REDACTED);
        assert_eq!(secret.expose(), "opensesame/and \"more\"\n");
    }

    #[test]
    fn a_line_of_a_long_secret_is_one_itself() {
        register("-----BEGIN A KEY-----\nQUJDREVGR0hJSktMTU5P\nshort\n-----END A KEY-----\n");
        assert_eq!(text("it says QUJDREVGR0hJSktMTU5P, short"), "it says [redacted], short");
    }

    #[test]
    fn what_is_too_short_is_left_alone() {
        register("on");
        assert!(matches!(text("on and on"), Cow::Borrowed("on and on")));
    }

    #[test]
    fn a_short_value_may_stand_anywhere() {
        register("runner7");
        register("holds-canary-1");
        assert!(!holds_secret("/home/runner7/work") && holds_secret("--token=holds-canary-1"));
    }

    #[test]
    fn documents_are_cleaned_in_every_corner() {
        register("json-canary");
        let document = json!({ "a": ["json-canary", 1], "json-canary": { "b": "<json-canary>" } });
        let clean = json!({ "a": [REDACTED, 1], REDACTED: { "b": "<[redacted]>" } });
        assert_eq!(json(document), clean);
    }

    #[test]
    fn names_say_whether_a_value_is_secret() {
        for name in ["CODER_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY", "db_password", "SECRET"] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["TOKENIZERS_PARALLELISM", "KEYBOARD", "HOME", "SSH_AUTH_SOCK"] {
            assert!(!looks_secret(name), "{name}");
        }
        assert!(is_way_to_one("/etc/passwd"));
        assert!(!is_way_to_one("/base64+that/begins+so=="));
    }
}
