//! `crabbox completions`, and the answers that its scripts ask for while the user types.
//!
//! A script runs this program with [`ASKING`] set and the words so far behind `--`. The
//! answer comes from local records alone: it runs nobody's code, writes nothing, and is empty
//! when anything goes wrong, since nobody wants to read errors in the middle of a line.

mod candidates;

use super::early::Early;
use super::settings::Options;
use super::{Shared, help};
use crate::output::CommandError;
use clap::{Args, ValueEnum};
use clap_complete::engine::{self, CompletionCandidate};
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};
use serde_json::json;
use std::env;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

/// The variable that makes this program answer a shell; its value is the shell's name.
const ASKING: &str = "CRABBOX_COMPLETE";

/// Print a script that makes a shell complete crabbox's commands
///
/// Leases and providers are completed from local records. A script belongs to
/// the version that prints it, so let the shell ask for it when it starts:
///
///   bash, in ~/.bashrc:                    source <(crabbox completions bash)
///   zsh, in ~/.zshrc, behind compinit:     source <(crabbox completions zsh)
///   fish, in ~/.config/fish/config.fish:   crabbox completions fish | source
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    before_help = "Examples:
  crabbox completions bash
  crabbox completions zsh"
)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    fn completer(self) -> &'static dyn EnvCompleter {
        match self {
            Self::Bash => &Bash,
            Self::Zsh => &Zsh,
            Self::Fish => &Fish,
        }
    }
}

impl Completions {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let mut script = Vec::new();
        self.shell
            .completer()
            .write_registration(ASKING, "crabbox", "crabbox", "crabbox", &mut script)
            .map_err(|error| CommandError::failed("the script can't be made").because(error))?;
        let script = String::from_utf8_lossy(&script);
        if shared.printer.json {
            let shell = self.shell.completer().name();
            let document = json!({ "schema_version": 1, "shell": shell, "script": script });
            return shared.printer.document(&document);
        }
        shared.printer.data(&script)
    }
}

/// Answers a shell that asks for candidates; `None`: none does.
pub(super) fn answer() -> Option<ExitCode> {
    let shell = env::var_os(ASKING)?;
    let mut words = env::args_os().skip(1);
    if words.next()? != "--" {
        return None;
    }
    let words: Vec<OsString> = words.collect();
    let answer = shell.to_str().and_then(|name| Shell::from_str(name, false).ok());
    let answer = answer.and_then(|shell| candidates_for(shell, words));
    let printed = answer.is_some_and(|text| crate::output::stdout(text.as_bytes()).is_ok());
    Some(if printed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn candidates_for(shell: Shell, words: Vec<OsString>) -> Option<String> {
    // Fish and zsh leave out the word that isn't begun.
    let index = env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse().ok());
    let index: usize = index.unwrap_or_else(|| words.len().saturating_sub(1));
    if words.is_empty() || index > words.len() {
        return None;
    }
    let early = Early::of(words.iter().skip(1).cloned());
    let options = Options::for_completion(&early);
    let command = help::arrange(options.attach(super::command()));
    let mut command = candidates::attach(command, &early);
    let folder = env::current_dir().ok();
    if let Shell::Bash = shell {
        let separator = env::var("_CLAP_IFS").unwrap_or_else(|_| "\n".to_owned());
        let (words, index, typed) = join_at_equals(&words, index);
        let found = engine::complete(&mut command, words, index, folder.as_deref()).ok()?;
        let found: Vec<String> = found.iter().map(|one| after(one, &typed)).collect();
        return Some(found.join(&separator));
    }
    let mut answer = Vec::new();
    shell.completer().write_complete(&mut command, words, folder.as_deref(), &mut answer).ok()?;
    String::from_utf8(answer).ok()
}

/// Bash takes `--id=amber` apart into three words, and replaces the last one alone; `@last` into two,
/// and replaces both. Puts them together again; returns what of the completed word stands before what
/// is replaced.
fn join_at_equals(words: &[OsString], index: usize) -> (Vec<OsString>, usize, OsString) {
    let mut joined: Vec<OsString> = Vec::new();
    let mut at = 0;
    let mut before = OsString::new();
    // What belongs to the next word, too, and what of it stands before that is replaced.
    let mut sticks: Option<OsString> = None;
    for (position, word) in words.iter().enumerate() {
        let option = joined.last().filter(|last| is_option(last)).cloned();
        let begun = sticks.take();
        match (&begun, option) {
            (Some(kept), _) => {
                before.clone_from(kept);
                joined.last_mut().expect("there is a word before").push(word);
            }
            (None, Some(mut option)) if word == "=" || word == "=@" => {
                option.push("=");
                before.clone_from(&option);
                joined.last_mut().expect("there is an option before").push(word);
                sticks = Some(option);
            }
            (None, _) => {
                before = OsString::new();
                joined.push(word.clone());
                sticks = (word == "@").then(OsString::new);
            }
        }
        if position == index {
            at = joined.len() - 1;
            break;
        }
    }
    if index >= words.len() {
        joined.push(OsString::new());
        at = joined.len() - 1;
        before = OsString::new();
    }
    (joined, at, before)
}

fn is_option(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    bytes.starts_with(b"--") && bytes.len() > 2 && !bytes.contains(&b'=')
}

fn after(candidate: &CompletionCandidate, typed: &OsStr) -> String {
    let value = candidate.get_value().to_string_lossy();
    let typed = typed.to_string_lossy();
    value.strip_prefix(&*typed).unwrap_or(&value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(words: &[&str]) -> (String, usize, String) {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let (words, index, before) = join_at_equals(&words, words.len() - 1);
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        (words.join(" "), index, before.to_string_lossy().into_owned())
    }

    #[test]
    fn what_bash_takes_apart_is_put_together() {
        assert_eq!(
            joined(&["crabbox", "run", "--id", "a"]),
            ("crabbox run --id a".into(), 3, String::new())
        );
        assert_eq!(
            joined(&["c", "run", "--id", "=", "a"]),
            ("c run --id=a".into(), 2, "--id=".into())
        );
        assert_eq!(joined(&["c", "run", "--id", "="]), ("c run --id=".into(), 2, "--id=".into()));
        assert_eq!(joined(&["c", "--id", "=", "a", "b"]), ("c --id=a b".into(), 2, String::new()));
        assert_eq!(joined(&["c", "x", "=", "a"]), ("c x = a".into(), 3, String::new()));
        assert_eq!(joined(&["c", "s", "@"]), ("c s @".into(), 2, String::new()));
        assert_eq!(joined(&["c", "s", "@", "la"]), ("c s @la".into(), 2, String::new()));
        assert_eq!(joined(&["c", "--id", "=@"]), ("c --id=@".into(), 1, "--id=".into()));
        assert_eq!(joined(&["c", "--id", "=@", "la"]), ("c --id=@la".into(), 1, "--id=".into()));
    }
}
