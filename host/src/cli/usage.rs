//! What is known of a command line before it is parsed, and what becomes of one that can't be.

use crate::output::{Colour, CommandError, Exit};
use crate::run::{CRABBOX_FAILED, Origin, Outcome};
use clap::{ColorChoice, ValueEnum};
use std::env;
use std::process::ExitCode;

/// The words before the program's own.
fn words() -> Vec<String> {
    let words = env::args_os().skip(1).take_while(|word| word != "--");
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// What `--color` says.
pub(super) fn colour() -> ColorChoice {
    let words = words();
    let value = words.iter().enumerate().find_map(|(at, word)| match word.as_str() {
        "--color" => words.get(at + 1).map(String::as_str),
        other => other.strip_prefix("--color="),
    });
    value.and_then(|value| Colour::from_str(value, true).ok()).unwrap_or_default().into()
}

/// Help and version end well; a wrong line of `run` must not look like a program's code 2.
pub(super) fn refuse(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell when the stream is gone.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    // Which command was meant is asked of the parser: flags before it may have values.
    let matches = super::command().ignore_errors(true).try_get_matches();
    let is_run = matches.is_ok_and(|matches| matches.subcommand_name() == Some("run"));
    if words().iter().any(|word| word == "--json") {
        let text = error.render().to_string();
        let line = text.lines().next().unwrap_or_default();
        let error = CommandError::usage(line.strip_prefix("error: ").unwrap_or(line));
        let outcome = Outcome::failure(Origin::Crabbox);
        let document = if is_run { error.to_json_of_run(&outcome) } else { error.to_json() };
        let _ = crate::output::stdout(format!("{document:#}\n").as_bytes());
    }
    ExitCode::from(if is_run { CRABBOX_FAILED } else { Exit::Usage as u8 })
}
