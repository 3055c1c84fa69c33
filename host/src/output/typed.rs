//! The line as it was typed, for hints: what is to be typed next keeps what was said already.

use super::{Quoted, visible};
use crate::history::Command;
use crate::redact;
use crabbox_wire::message;
use crabbox_wire::text::Text;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

/// A hint is one line: a command that is longer than this is called `COMMAND` in it.
const LONGEST: usize = 160;

/// A line that is longer than this is hard to find the ends of, wherever it is shown.
const PASTED: usize = 1000;

/// Options whose values aren't everybody's business, and what stands for them.
const ENV: &str = "--env";
const SHELL: &str = "--shell";
const REQUEST: &str = "--request";
const MORE: &str = "...";

/// What `run` takes, and `warmup` doesn't: with a value, and without. `--id` names a lease, which `warmup` can't.
const OF_RUN: [&str; 4] = [ENV, SHELL, "--dir", "--timeout"];
const SWITCHES_OF_RUN: [&str; 2] = ["--clean-env", "--no-wait"];

/// Options that say where everything lies.
const PLACES: [&str; 2] = ["--state-dir", "--provider-path"];

/// Another command for a hint: it looks at the places that this process was told of.
#[must_use]
pub fn to_type(words: &[&str]) -> String {
    Typed::here().other(words).to_string()
}

/// The words of a line behind `crabbox`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed(Vec<String>);

impl Typed {
    /// The line of this process, without secrets that were typed though they shouldn't be.
    #[must_use]
    pub fn here() -> Self {
        let words = env::args_os().skip(1);
        Self(words.map(|word| redact::text(&word.to_string_lossy()).into_owned()).collect())
    }

    /// The line of this process as a whole, for whoever types it once more. `None`: it can't be pasted as one line, or
    /// it holds what isn't to be shown; with something else in its place it would be another one.
    #[must_use]
    pub fn again() -> Option<String> {
        Self::unchanged(env::args_os().skip(1))?.whole()
    }

    /// These words, if they can be shown as they are.
    fn unchanged(words: impl Iterator<Item = OsString>) -> Option<Self> {
        let words: Vec<String> = words.map(OsString::into_string).collect::<Result<_, _>>().ok()?;
        // With `=` in front of it, nobody would see the name of a variable in it.
        let looked_at: Vec<String> = words
            .iter()
            .map(|word| word.strip_prefix("--env=").unwrap_or(word).to_owned())
            .collect();
        let argv = looked_at.iter().map(|word| Text::from(word.as_str())).collect();
        let kept = Command::of(&message::Command::Argv(argv));
        (kept == Command::Argv(looked_at)).then_some(Self(words))
    }

    fn whole(&self) -> Option<String> {
        let is_plain = self.0.iter().all(|word| visible(word) == *word);
        let words = self.0.iter().map(|word| format!(" {}", Quoted(Path::new(word))));
        let line = format!("crabbox{}", words.collect::<String>());
        (is_plain && line.chars().count() <= PASTED).then_some(line)
    }

    /// Another command that looks at the same places: of this line it keeps `--state-dir` and
    /// `--provider-path`.
    #[must_use]
    pub fn other(self, words: &[&str]) -> Self {
        let mut ours = self.0[..self.end()].iter();
        let mut line = Vec::new();
        while let Some(word) = ours.next() {
            if PLACES.contains(&word.as_str()) {
                line.push(word.clone());
                line.extend(ours.next().cloned());
            } else if word.split_once('=').is_some_and(|(option, _)| PLACES.contains(&option)) {
                line.push(word.clone());
            }
        }
        line.extend(words.iter().map(|word| (*word).to_owned()));
        Self(line)
    }

    /// With these words of ours; the program's own stay where they are.
    #[must_use]
    pub fn with(mut self, words: &[&str]) -> Self {
        let at = self.end();
        self.0.splice(at..at, words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// With this option, which has no value and may stand there already.
    #[must_use]
    pub fn with_switch(self, option: &str) -> Self {
        if self.has_switch(option) { self } else { self.with(&[option]) }
    }

    /// Does this option stand there, which has no value?
    #[must_use]
    pub fn has_switch(&self, option: &str) -> bool {
        self.0[..self.end()].iter().any(|word| word == option)
    }

    /// Without this option and its value, however often it stands there.
    #[must_use]
    pub fn without(mut self, option: &str) -> Self {
        while let Some(at) = self.0[..self.end()].iter().position(|word| is_option(word, option)) {
            let past = if self.0[at] == option { at + 2 } else { at + 1 };
            self.0.drain(at..past.min(self.end()));
        }
        self
    }

    /// Without this option, which has no value.
    #[must_use]
    pub fn without_switch(mut self, option: &str) -> Self {
        let end = self.end();
        if let Some(at) = self.0[..end].iter().position(|word| word == option) {
            self.0.remove(at);
        }
        self
    }

    /// With another word in the place of this one.
    #[must_use]
    pub fn replaced(mut self, word: &str, by: &str) -> Self {
        let end = self.end();
        if let Some(found) = self.0[..end].iter_mut().find(|found| *found == word) {
            by.clone_into(found);
        }
        self
    }

    /// With the program's own words beginning at this one.
    #[must_use]
    pub fn command_from(mut self, word: &str) -> Self {
        let end = self.end();
        if let Some(at) = self.0[..end].iter().position(|found| found == word) {
            self.0.insert(at, "--".to_owned());
        }
        self
    }

    /// Without the program's own words.
    #[must_use]
    pub fn without_command(mut self) -> Self {
        self.0.truncate(self.end());
        self
    }

    /// The line that makes the box of a `run` ready; any other line makes its own. `None`: the run is for a certain lease.
    #[must_use]
    pub fn made_ready(self) -> Option<Self> {
        let mut line = self.without_command();
        if !line.has_switch("run") {
            return Some(line);
        }
        if line.0.iter().any(|word| is_option(word, "--id")) {
            return None;
        }
        for option in OF_RUN {
            line = line.without(option);
        }
        for switch in SWITCHES_OF_RUN {
            line = line.without_switch(switch);
        }
        Some(line.replaced("run", "warmup"))
    }

    /// What `--env NAME=VALUE` says, with `=` or in the next word.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> {
        let ours = &self.0[..self.end()];
        let values = ours.iter().enumerate().filter_map(|(at, word)| match word.as_str() {
            ENV => ours.get(at + 1).map(String::as_str),
            word => word.strip_prefix(ENV)?.strip_prefix('='),
        });
        let pairs = values.filter_map(|value| value.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    /// For the record: without the values of variables and of what is called like a secret, without
    /// lines of shell and requests, and of the program's
    /// own words the first alone.
    #[must_use]
    pub fn in_outline(mut self) -> Self {
        let end = self.end();
        if self.0.len() > end + 2 {
            self.0.truncate(end + 2);
            self.0.push(MORE.to_owned());
        }
        for at in 0..end {
            let before = if at > 0 { self.0[at - 1].clone() } else { String::new() };
            self.0[at] = outlined(&before, &self.0[at]);
        }
        self
    }

    /// Where the program's own words begin, or the line ends.
    fn end(&self) -> usize {
        self.0.iter().position(|word| word == "--").unwrap_or(self.0.len())
    }
}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, command) = self.0.split_at(self.end());
        f.write_str("crabbox")?;
        for word in ours {
            // It couldn't be pasted as it is.
            let word = if is_one_line(word) { word } else { "…" };
            write!(f, " {}", Quoted(Path::new(word)))?;
        }
        let length: usize = command.iter().map(|word| word.chars().count() + 1).sum();
        if length > LONGEST || !command.iter().all(|word| is_one_line(word)) {
            return f.write_str(" -- COMMAND");
        }
        command.iter().try_for_each(|word| write!(f, " {}", Quoted(Path::new(word))))
    }
}

/// Is the word this option, with or without its value?
fn is_option(word: &str, option: &str) -> bool {
    word.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// A word of ours, for the record; another stands before it.
fn outlined(before: &str, word: &str) -> String {
    match (before, word.split_once('=')) {
        (ENV, Some((name, _))) => format!("{name}={MORE}"),
        (SHELL | REQUEST, _) => MORE.to_owned(),
        (option, _) if names_secret(option) && !word.starts_with('-') => MORE.to_owned(),
        (_, Some((ENV, value))) => format!("{ENV}={}", outlined(ENV, value)),
        (_, Some((option, _))) if [SHELL, REQUEST].contains(&option) || names_secret(option) => {
            format!("{option}={MORE}")
        }
        _ => word.to_owned(),
    }
}

/// Is it an option that is called like a secret? `--NAME-KEY-file` isn't.
fn names_secret(option: &str) -> bool {
    option.starts_with("--") && redact::looks_secret(option)
}

fn is_one_line(word: &str) -> bool {
    word.chars().count() <= LONGEST && visible(word) == word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Typed {
        Typed(line.split(' ').map(str::to_owned).collect())
    }

    #[test]
    fn our_words_stand_before_the_program() {
        let line = typed("run --keep -- ls --all").with(&["--fresh"]);
        assert_eq!(line.to_string(), "crabbox run --keep --fresh -- ls --all");
        let fresh = |line| typed(line).with_switch("--fresh").to_string();
        assert_eq!(fresh("run -- ls --fresh"), "crabbox run --fresh -- ls --fresh");
        assert_eq!(fresh("run --fresh -- ls"), "crabbox run --fresh -- ls");
        assert_eq!(typed("run").with(&["--", "COMMAND"]).to_string(), "crabbox run -- COMMAND");
        assert_eq!(typed("run ls -- a").command_from("ls").to_string(), "crabbox run -- ls -- a");
    }

    #[test]
    fn another_command_looks_at_the_same_places() {
        let list = |line: &str| typed(line).other(&["list"]).to_string();
        assert_eq!(list("run --id a -- make --state-dir b"), "crabbox list");
        assert_eq!(
            list("--state-dir a run --keep --provider-path=b --provider-path c"),
            "crabbox --state-dir a --provider-path=b --provider-path c list"
        );
    }

    #[test]
    fn only_our_words_are_changed() {
        assert_eq!(
            typed("run --id a -- ls --id b").without("--id").to_string(),
            "crabbox run -- ls --id b"
        );
        assert_eq!(
            typed("run --id=a --shell x").without("--id").to_string(),
            "crabbox run --shell x"
        );
        assert_eq!(typed("rnu -- rnu").replaced("rnu", "run").to_string(), "crabbox run -- rnu");
    }

    #[test]
    fn a_box_is_made_ready_by_what_warmup_takes() {
        let ready = |line| typed(line).made_ready().map(|line| line.to_string());
        for (line, expected) in [
            ("run --env A=b --env=C --keep -- ls --env", Some("crabbox warmup --keep")),
            ("--quiet run --shell x --slug a", Some("crabbox --quiet warmup --slug a")),
            ("run --timeout=5m --clean-env --dir . -- ls", Some("crabbox warmup")),
            ("run --id a --no-wait -- ls", None),
            ("run --id=a -- ls", None),
            ("run -- ls --id a", Some("crabbox warmup")),
            ("warmup --fresh", Some("crabbox warmup --fresh")),
            ("ssh --id a", Some("crabbox ssh --id a")),
        ] {
            assert_eq!(ready(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn what_is_recorded_holds_no_values() {
        let outline = |line: &str| typed(line).in_outline().to_string();
        assert_eq!(
            outline("run --env A=b --env=C=d --env E --keep -- make --env F=g"),
            "crabbox run --env A=... --env=C=... --env E --keep -- make ..."
        );
        assert_eq!(outline("run --shell=x --id a"), "crabbox run --shell=... --id a");
        assert_eq!(outline("run --shell x"), "crabbox run --shell ...");
        assert_eq!(outline("run -- make"), "crabbox run -- make");
        assert_eq!(
            outline("provider call x list --request {} --json"),
            "crabbox provider call x list --request ... --json"
        );
        assert_eq!(outline("provider call --request={}"), "crabbox provider call --request=...");
        assert_eq!(
            outline(
                "run --x-token hunter2 --x-api-key=a=b --x-token-file f --x-token-stdin --keep"
            ),
            "crabbox run --x-token ... --x-api-key=... --x-token-file f --x-token-stdin --keep"
        );
    }

    #[test]
    fn variables_are_those_with_a_value_here() {
        let line = typed("run --env A=b=c --env E --env=C=d -- make --env F=g");
        let pairs: Vec<_> = line.variables().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs, [pair("A", "b=c"), pair("C", "d")]);
    }

    #[test]
    fn what_cannot_be_pasted_is_left_out() {
        let long = "x".repeat(LONGEST);
        assert_eq!(typed(&format!("run -- {long}")).to_string(), "crabbox run -- COMMAND");
        assert_eq!(typed("run --shell a\nb").to_string(), "crabbox run --shell '…'");
        assert_eq!(typed("run --shell a\u{2028}b").to_string(), "crabbox run --shell '…'");
        assert_eq!(typed("run --shell a;b").to_string(), "crabbox run --shell 'a;b'");
    }

    #[test]
    fn the_line_as_a_whole_is_one_that_can_be_pasted() {
        let long = "x".repeat(2 * LONGEST);
        let line = format!("run --shell {long}");
        assert_eq!(typed(&line).whole(), Some(format!("crabbox {line}")));
        let line = "run --dir a;b -- echo $HOME";
        let quoted = "crabbox run --dir 'a;b' -- echo '$HOME'";
        assert_eq!(typed(line).whole().as_deref(), Some(quoted));
        assert_eq!(typed("run --shell a\nb").whole(), None);
        assert_eq!(typed(&format!("run -- {}", "x".repeat(PASTED))).whole(), None);
    }

    #[test]
    fn a_line_with_what_is_not_to_be_shown_is_no_line_to_type() {
        redact::register("c4nary-of-a-line");
        let again = |line: &str| {
            let words = line.split(' ').map(OsString::from);
            Typed::unchanged(words).map(|line| line.to_string())
        };
        let plain = "run --env A=b --env=C=d --x-token-file e -- make --all";
        assert_eq!(again(plain), Some(format!("crabbox {plain}")));
        for line in [
            "run -- echo c4nary-of-a-line",
            "run --env A_TOKEN=b -- make",
            "run --env=A_TOKEN=b -- make",
            "run --x-token b -- make",
            "run -- deploy --password=b",
            "run -- deploy --token b",
        ] {
            assert_eq!(again(line), None, "{line}");
        }
        let odd = std::os::unix::ffi::OsStringExt::from_vec(b"a\xff".to_vec());
        assert_eq!(Typed::unchanged(std::iter::once(odd)), None);
    }
}
