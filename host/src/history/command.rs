//! What was run, as it is remembered: without the values that look like secrets.
//!
//! Registered secrets go wherever they stand. Others are told by what stands before them: `--token X`,
//! `--password=X`, `API_TOKEN=X`, `Authorization: X`, `https://user:X@host`; in lines of shell, too.

use crate::output::Quoted;
use crate::redact::{self, REDACTED, looks_secret};
use crabbox_wire::message;
use crabbox_wire::text::Text;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// Headers that hold a secret, whatever they are called.
const HEADERS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// What stands between the words of a line of shell.
const BETWEEN: &str = " \t\n;|&()<>";

/// What quotes a word.
const QUOTES: [char; 2] = ['\'', '"'];

/// So deep are quotes within quotes looked into. Nobody quotes deeper by hand, and each level is a call within a call.
const LEVELS: usize = 8;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// A program and its arguments.
    Argv(Vec<String>),
    /// A line of shell.
    Shell(String),
}

impl Command {
    /// What may be remembered of it.
    #[must_use]
    pub fn of(command: &message::Command) -> Self {
        match command {
            message::Command::Argv(words) => {
                Self::Argv(without_secrets(words.iter().map(Text::to_string)))
            }
            message::Command::Shell(line) => {
                Self::Shell(line_without_secrets(&redact::text(&line.to_string()), LEVELS))
            }
        }
    }

    /// The same without the secrets that are known now.
    #[must_use]
    pub fn without_secrets(self) -> Self {
        let clean = |word: String| redact::text(&word).into_owned();
        match self {
            Self::Argv(words) => Self::Argv(words.into_iter().map(clean).collect()),
            Self::Shell(line) => Self::Shell(clean(line)),
        }
    }
}

/// As it could be typed in a shell.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell(line) => f.write_str(line),
            Self::Argv(words) => words.iter().enumerate().try_for_each(|(at, word)| {
                let blank = if at == 0 { "" } else { " " };
                write!(f, "{blank}{}", Quoted(Path::new(word)))
            }),
        }
    }
}

fn without_secrets(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut clean = Vec::new();
    let mut is_secret = false;
    for word in words {
        let word = redact::text(&word).into_owned();
        let kept = if is_secret && !word.starts_with('-') {
            REDACTED.to_owned()
        } else {
            cleaned(&word, LEVELS)
        };
        is_secret = announces(&word);
        clean.push(kept);
    }
    clean
}

/// Does a secret follow it in the next word?
fn announces(word: &str) -> bool {
    word.starts_with('-') && !word.contains('=') && looks_secret(&plain(word))
}

/// A word without the secret in it. What follows the name of one goes with it: nobody knows where its value ends.
fn cleaned(word: &str, levels: usize) -> String {
    let is_header = |name: &str| HEADERS.contains(&name.to_ascii_lowercase().as_str());
    if let Some((name, value)) = word.split_once(':')
        && !value.starts_with("//")
        && (is_header(name) || is_name(name) && looks_secret(&plain(name)))
    {
        return format!("{name}: {REDACTED}");
    }
    if let Some((name, _)) = word.split_once('=')
        && is_name(name.trim_start_matches('-'))
        && looks_secret(&plain(name))
    {
        return format!("{name}={REDACTED}");
    }
    if word.contains(|one| BETWEEN.contains(one)) {
        return in_parts(word, levels);
    }
    without_login(word)
}

/// A word with blanks in it: a line itself, or with a quoted part, or with blanks that are escaped. Each part is shorter.
fn in_parts(word: &str, levels: usize) -> String {
    if pieces(word, true).nth(1).is_some() {
        return line_without_secrets(word, levels);
    }
    match word.find(QUOTES) {
        Some(quote) => {
            let (before, rest) = word.split_at(quote);
            let (quote, rest) = rest.split_at(1);
            format!("{before}{quote}{}", line_without_secrets(rest, levels))
        }
        None => without_login(word),
    }
}

/// An option as a variable would be called.
fn plain(name: &str) -> String {
    name.trim_start_matches('-').replace('-', "_")
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// An address without the password in it.
fn without_login(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let Some((login, rest)) = host.rfind('@').map(|at| rest.split_at(at)) else {
        return word.to_owned();
    };
    match login.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:{REDACTED}{rest}"),
        // A token stands alone; the user of other ways is none.
        None if scheme.starts_with("http") => format!("{scheme}://{REDACTED}{rest}"),
        None => word.to_owned(),
    }
}

/// The same of a line of shell: what is quoted is one word. With no level left, a quote is as any other character.
fn line_without_secrets(line: &str, levels: usize) -> String {
    let mut clean = String::new();
    let mut is_secret = false;
    for piece in pieces(line, levels > 0) {
        if piece.starts_with(|one| BETWEEN.contains(one)) {
            clean.push_str(piece);
            continue;
        }
        let kept = if is_secret && !piece.starts_with('-') {
            REDACTED.to_owned()
        } else if let Some(levels) = levels.checked_sub(1) {
            unquoted(piece, levels)
        } else {
            let (quotes, word) = piece.split_at(piece.len() - unopened(piece).len());
            format!("{quotes}{}", cleaned(word, 0))
        };
        is_secret = announces(if levels == 0 { unopened(piece) } else { piece });
        clean.push_str(&kept);
    }
    clean
}

/// A word without the quotes that it begins with.
fn unopened(word: &str) -> &str {
    word.trim_start_matches(QUOTES)
}

/// A word of a line of shell, which may be quoted as a whole.
fn unquoted(word: &str, levels: usize) -> String {
    for quote in QUOTES {
        let inner = word.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return format!("{quote}{}{quote}", cleaned(inner, levels));
        }
    }
    // A quote that nobody closes hides nothing.
    if let Some(rest) = word.strip_prefix(QUOTES) {
        return format!("{}{}", &word[..1], line_without_secrets(rest, levels));
    }
    cleaned(word, levels)
}

/// Words and what is between them, in turn; with `quoted`, blanks in quotes and behind a backslash are of the word.
fn pieces(line: &str, quoted: bool) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let between = BETWEEN.contains(first);
        let mut quote = None;
        let mut escaped = false;
        let end = rest.char_indices().find(|(_, one)| {
            if escaped {
                escaped = false;
                return false;
            }
            match (quote, *one) {
                (None, one) if BETWEEN.contains(one) != between => return true,
                (None | Some('"'), '\\') if quoted => escaped = true,
                (None, '\'' | '"') if quoted => quote = Some(*one),
                (Some(open), one) if open == one => quote = None,
                _ => {}
            }
            false
        });
        let (piece, left) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        rest = left;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> String {
        Command::Argv(without_secrets(words.iter().map(|word| (*word).to_owned()))).to_string()
    }

    #[test]
    fn a_secret_is_told_by_what_stands_before_it() {
        let hidden = "'[redacted]'";
        for (words, expected) in [
            (&["deploy", "--token", "c4nary"][..], format!("deploy --token {hidden}")),
            (&["deploy", "--api-key", "c4nary", "-x"], format!("deploy --api-key {hidden} -x")),
            (&["deploy", "--password=c4nary"], "deploy '--password=[redacted]'".to_owned()),
            (&["env", "FOO_TOKEN=c4nary", "make"], "env 'FOO_TOKEN=[redacted]' make".to_owned()),
            (
                &["curl", "-H", "Authorization: Bearer c4nary"],
                "curl -H 'Authorization: [redacted]'".to_owned(),
            ),
            (&["curl", "-H", "X-Api-Key:c4nary"], "curl -H 'X-Api-Key: [redacted]'".to_owned()),
            (
                &["git", "clone", "https://me:c4n@ry@host/a?b=c"],
                "git clone 'https://me:[redacted]@host/a?b=c'".to_owned(),
            ),
            (
                &["git", "clone", "https://c4nary@host"],
                "git clone 'https://[redacted]@host'".to_owned(),
            ),
            (&["sh", "-c", "A_TOKEN=c4nary make"], "sh -c 'A_TOKEN=[redacted]'".to_owned()),
        ] {
            assert_eq!(argv(words), expected);
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for words in [
            &["cargo", "test", "--", "keyboard=1"][..],
            &["make", "TOKENIZERS=1", "-j", "4"],
            &["curl", "https://host/a@b", "--token"],
            &["deploy", "--token", "--force"],
        ] {
            assert_eq!(argv(words), words.join(" "));
        }
    }

    #[test]
    fn a_line_of_shell_is_looked_at_word_by_word() {
        for (line, expected) in [
            ("export A_TOKEN=c4nary; make", "export A_TOKEN=[redacted]; make"),
            ("A_TOKEN=\"c4nary with more\" make", "A_TOKEN=[redacted] make"),
            ("x --token 'c4nary with more' && y", "x --token [redacted] && y"),
            ("x --token c4nary|y", "x --token [redacted]|y"),
            (
                "curl -H \"Authorization: Bearer c4nary\" h",
                "curl -H \"Authorization: [redacted]\" h",
            ),
            ("sh -c 'A_KEY=c4nary make'", "sh -c 'A_KEY=[redacted]'"),
            ("git clone https://me:c4nary@host", "git clone https://me:[redacted]@host"),
            ("echo it\\'s \"a b\"  c", "echo it\\'s \"a b\"  c"),
            ("printf 'unfinished --token c4nary", "printf 'unfinished --token [redacted]"),
        ] {
            assert_eq!(line_without_secrets(line, LEVELS), expected);
        }
    }

    #[test]
    fn blanks_in_a_word_are_no_end_of_it() {
        for (line, expected) in [
            ("printf a\\ b", "printf a\\ b"),
            ("x=\"a b\" y", "x=\"a b\" y"),
            ("x=\"--token c4nary\" y", "x=\"--token [redacted] y"),
            ("echo a'<b c>'d", "echo a'<b c>'d"),
            ("echo \"<a name='b c'/>\" >d", "echo \"<a name='b c'/>\" >d"),
        ] {
            assert_eq!(line_without_secrets(line, LEVELS), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn there_is_an_end_of_any_line(line in "[a '\"\\\\<>=:;-]{0,40}") {
            let _ = line_without_secrets(&line, LEVELS);
            let _ = without_secrets(std::iter::once(line));
        }
    }

    #[test]
    fn quotes_within_quotes_are_looked_into_so_deep_and_no_deeper() {
        let shell = |line: String| {
            Command::of(&message::Command::Shell(Text::from(line.as_str()))).to_string()
        };
        redact::register("c4nary-behind-quotes");
        for quotes in ["'\"", "\"'", "'\" ", "\\'\""] {
            for count in [30_000, 1_000_000 / quotes.len()] {
                let deep = quotes.repeat(count);
                let kept = shell(format!("{deep} A_TOKEN=c4nary x c4nary-behind-quotes"));
                assert!(!kept.contains("c4nary"), "{quotes}");
                assert!(kept.len() > deep.len(), "{quotes}");
                assert!(argv(&["sh", "-c", &deep]).len() > deep.len(), "{quotes}");
            }
        }
    }

    #[test]
    fn registered_secrets_go_wherever_they_stand() {
        redact::register("c4nary-of-a-command");
        assert_eq!(argv(&["echo", "<c4nary-of-a-command>"]), "echo '<[redacted]>'");
    }
}
