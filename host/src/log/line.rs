//! One line of a log, in the two forms that it has.

use crate::output::visible;
use crate::redact;
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::process;
use tracing::Level;
use tracing::field::{Field, Visit};

/// What is longer is cut, in bytes: a provider may log whatever it likes.
const LONGEST: usize = 16 * 1024;

/// Something that happened.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) level: Level,
    /// Where in the program.
    pub(super) target: Cow<'a, str>,
    /// The spans round it, without the command's.
    pub(super) path: String,
    pub(super) text: String,
    /// It was printed already.
    pub(super) printed: bool,
}

impl Line<'_> {
    /// For a file: when, which process, how much it matters, within what, from where.
    pub(super) fn for_file(&self) -> String {
        let Self { level, target, path, text, .. } = self;
        let now = jiff::Timestamp::now();
        let blank = if path.is_empty() { "" } else { " " };
        let line = format!("{path}{blank}{target}: {text}");
        format!("{now:.6} {} {level:>5} {}\n", process::id(), shown(&line))
    }

    /// For the screen, where the rest is known. Where in the program is of use to whoever looks deeper.
    pub(super) fn for_screen(&self) -> String {
        let Self { level, target, path, text, .. } = self;
        let colon = if path.is_empty() { "" } else { ": " };
        let from = if *level > Level::INFO { format!("{target}: ") } else { String::new() };
        shown(&format!("{path}{colon}{from}{text}"))
    }
}

/// Without secrets, which is looked after before anything is cut or written in another way.
fn shown(text: &str) -> String {
    let text = redact::text(text);
    let cut = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    match cut {
        Some(at) if at < text.len() => format!("{}… ({} bytes)", visible(&text[..at]), text.len()),
        _ => visible(&text).into_owned(),
    }
}

/// The fields of a span or an event.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) message: String,
    /// The others, as `name=value`.
    pub(super) rest: String,
    /// Whose event it is, and where it comes from there: see [`super::of_provider`].
    pub(super) provider: String,
    pub(super) source: String,
}

impl Fields {
    fn put(&mut self, name: &str, value: &str) {
        match name {
            "message" => self.message.push_str(value),
            super::said::PROVIDER_NAME => self.provider.push_str(value),
            super::said::PROVIDER_TARGET => self.source.push_str(value),
            _ => {
                let blank = if self.rest.is_empty() { "" } else { " " };
                // Writing to a string doesn't fail.
                let _ = write!(self.rest, "{blank}{name}={value}");
            }
        }
    }

    /// `message name=value`
    pub(super) fn text(self) -> String {
        match (self.message.is_empty(), self.rest.is_empty()) {
            (_, true) => self.message,
            (true, false) => self.rest,
            (false, false) => format!("{} {}", self.message, self.rest),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: Level, text: &str) -> Line<'static> {
        let (target, path) = ("desk::ssh".into(), "acquire:hook{provider=desk}".to_owned());
        Line { level, target, path, text: text.to_owned(), printed: false }
    }

    #[test]
    fn a_line_stays_one_and_is_no_secret_keeper() {
        redact::register("line-canary-1");
        let file = line(Level::DEBUG, "a\nb \u{1b}[2J line-canary-1").for_file();
        let (_, rest) = file.split_once("DEBUG ").expect("the level");
        assert_eq!(rest, "acquire:hook{provider=desk} desk::ssh: a\\nb \\u{1b}[2J [redacted]\n");
        assert_eq!(
            line(Level::INFO, "took 1.000s").for_screen(),
            "acquire:hook{provider=desk}: took 1.000s"
        );
    }

    #[test]
    fn a_long_line_is_cut_without_showing_half_a_secret() {
        redact::register("line-canary-2-which-is-long");
        let text = format!("{}line-canary-2-which-is-long", "é".repeat(LONGEST / 2 - 30));
        let shown = line(Level::DEBUG, &text).for_screen();
        assert!(!shown.contains("line-canary"), "{shown}");
        let long = line(Level::DEBUG, &"é".repeat(LONGEST)).for_screen();
        assert!(long.len() < LONGEST + 40 && long.ends_with(" bytes)"), "{}", long.len());
    }
}
