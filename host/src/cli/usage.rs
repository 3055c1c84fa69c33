//! What is known of a command line before it is parsed, and what becomes of one that can't be.

use super::early::Early;
use super::settings;
use crate::config::is_near;
use crate::output::{Colour, CommandError, Exit, Manner, Printer, Typed, to_type, unwritten};
use crate::run::{CRABBOX_FAILED, Origin, Outcome};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, Command, ValueEnum};
use std::env;
use std::error::Error as _;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// How people say that something is on or off.
const SWITCHED: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "1", "0"];

/// The words before the program's own.
fn words() -> Vec<String> {
    let words = env::args_os().skip(1).take_while(|word| word != "--");
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// What `--color` says.
fn choice() -> Colour {
    let words = words();
    let value = words.iter().enumerate().find_map(|(at, word)| match word.as_str() {
        "--color" => words.get(at + 1).map(String::as_str),
        other => other.strip_prefix("--color="),
    });
    value.and_then(|value| Colour::from_str(value, true).ok()).unwrap_or_default()
}

/// The same for the parser.
pub(super) fn colour() -> ColorChoice {
    choice().into()
}

/// Help and version end well; a wrong line of `run` must not look like a program's code 2.
pub(super) fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let printed = error.print().and_then(|()| io::stdout().flush());
        return match unwritten(printed) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let manner = Manner {
                    quiet: false,
                    json: false,
                    colour: choice(),
                    heartbeat: Duration::MAX,
                };
                Printer::new(manner).explain(&error);
                ExitCode::from(error.exit())
            }
        };
    }
    let line = Line::of_this_process();
    let is_run = line.path.first().is_some_and(|name| name == "run");
    let explained = line.explain(error);
    let json = words().iter().any(|word| word == "--json");
    let manner = Manner { quiet: false, json, colour: choice(), heartbeat: Duration::MAX };
    let printer = Printer::new(manner);
    if is_run {
        printer.failure_document(&explained, &Outcome::failure(Origin::Crabbox));
    } else {
        printer.error_document(&explained);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // The help says more than any message.
        let _ = error.print();
    } else {
        printer.explain(&explained);
    }
    ExitCode::from(if is_run { CRABBOX_FAILED } else { Exit::Usage as u8 })
}

/// A line that can't be parsed, as far as it can.
struct Line {
    /// The names of the command that was meant, from the outermost.
    path: Vec<String>,
    /// That command.
    command: Command,
}

impl Line {
    fn of_this_process() -> Self {
        let mut command = super::command();
        command.build();
        // Which command was meant is asked of the parser: flags before it may have values.
        let matches = super::command().ignore_errors(true).try_get_matches().ok();
        let mut path = Vec::new();
        let mut below = matches.as_ref().and_then(clap::ArgMatches::subcommand);
        while let Some((name, matches)) = below {
            let Some(found) = command.find_subcommand(name).cloned() else {
                break;
            };
            path.push(name.to_owned());
            (command, below) = (found, matches.subcommand());
        }
        Self { path, command }
    }

    /// What is wrong with it in our words, with a line to type instead.
    fn explain(&self, error: &clap::Error) -> CommandError {
        let told = |kind| texts(error, kind).into_iter().next().unwrap_or_default();
        match error.kind() {
            ErrorKind::UnknownArgument => {
                let suggested = told(ContextKind::SuggestedArg);
                self.unknown(&told(ContextKind::InvalidArg), &suggested)
            }
            ErrorKind::InvalidSubcommand => self.no_command(&told(ContextKind::InvalidSubcommand)),
            ErrorKind::MissingRequiredArgument => {
                self.missing(&texts(error, ContextKind::InvalidArg))
            }
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                CommandError::usage("no command was given").hint(self.help())
            }
            ErrorKind::ArgumentConflict => {
                let (one, other) = (told(ContextKind::InvalidArg), told(ContextKind::PriorArg));
                let message = if one == other || other.is_empty() {
                    format!("`{}` can be given only once", option(&one))
                } else {
                    format!("`{}` and `{}` can't be given together", option(&one), option(&other))
                };
                CommandError::usage(message).hint(self.help())
            }
            ErrorKind::InvalidValue | ErrorKind::ValueValidation => self.value(error),
            // What was typed as one may be a secret.
            ErrorKind::TooManyValues => {
                let message =
                    format!("`{}` takes no value", option(&told(ContextKind::InvalidArg)));
                CommandError::usage(message).hint(self.help())
            }
            _ => {
                let text = error.render().to_string();
                let line = text.lines().next().unwrap_or_default();
                let line = line.strip_prefix("error: ").unwrap_or(line);
                CommandError::usage(line).hint(self.help())
            }
        }
    }

    fn unknown(&self, word: &str, suggested: &str) -> CommandError {
        if is_meant(word, suggested) {
            if settings::is_secret(suggested) {
                // What was typed behind it isn't shown again.
                let line =
                    Typed::here().without(word).with(&[&format!("{suggested}-file"), "FILE"]);
                return CommandError::usage(format!("there is no option `{word}`"))
                    .hint(line.to_string());
            }
            let typed = words().into_iter().find(|one| one.split('=').next() == Some(word));
            let whole = typed.unwrap_or_else(|| word.to_owned());
            let meant = whole.replacen(word, suggested, 1);
            return CommandError::usage(format!("there is no option `{word}`"))
                .hint(Typed::here().replaced(&whole, &meant).to_string());
        }
        if word.starts_with('-') {
            let hint = match settings::provider_of(word) {
                Some(provider) => to_type(&["provider", "options", &provider]),
                None => self.help(),
            };
            return CommandError::usage(format!("there is no option `{word}`")).hint(hint);
        }
        if let Some(flag) = self.switch_before(word) {
            let value = ["true", "yes", "on", "1"].contains(&word);
            let message =
                format!("`{word}` is one word too many: a value of `{flag}` stands behind `=`");
            let line = Typed::here().without(&flag).with(&[&format!("{flag}={value}")]);
            return CommandError::usage(message).hint(line.to_string());
        }
        if self.is_run() {
            let message = format!("`{word}` is no option: the command stands behind `--`");
            return CommandError::usage(message).hint(Typed::here().command_from(word).to_string());
        }
        CommandError::usage(format!("`{word}` is one word too many")).hint(self.help())
    }

    /// The provider's flag right before this word, if the word was meant as its value, which stands
    /// behind `=` alone. Without `--` in the line it is a command, more likely.
    fn switch_before(&self, word: &str) -> Option<String> {
        let words = words();
        let has_command = env::args_os().count() > words.len() + 1;
        if !has_command && self.is_run() && !SWITCHED.contains(&word) {
            return None;
        }
        // The parser knows it, since it objects to the word behind it; this command doesn't.
        let is_providers = |flag: &str| {
            let name = flag.strip_prefix("--").filter(|name| !name.contains('='));
            let name = name.filter(|name| !name.ends_with("-stdin"));
            let own = |name| self.command.get_arguments().any(|own| own.get_long() == Some(name));
            name.is_some_and(|name| !own(name))
        };
        let mut pairs = words.windows(2);
        let pair = pairs.find(|pair| pair[1] == word && is_providers(&pair[0]))?;
        Some(pair[0].clone())
    }

    fn no_command(&self, word: &str) -> CommandError {
        let error = CommandError::usage(format!("there is no command `{word}`"));
        let shown = self.command.get_subcommands().filter(|one| !one.is_hide_set());
        let nearest = shown
            .map(|one| (strsim::osa_distance(one.get_name(), word), one.get_name()))
            .filter(|(distance, name)| match distance {
                0..=1 => true,
                2 => name.starts_with(|first| word.starts_with(first)),
                _ => false,
            })
            .min();
        match nearest {
            Some((_, name)) => error.hint(Typed::here().replaced(word, name).to_string()),
            // A program to run, most likely.
            None if self.path.is_empty() && words().iter().all(|one| one != "help") => {
                error.hint(run_of(word)).hint(self.help())
            }
            None => error.hint(self.help()),
        }
    }

    fn missing(&self, names: &[String]) -> CommandError {
        if names.iter().any(|name| option(name) == "--id") {
            let line = Typed::here().with(&["--id", "ID"]);
            return CommandError::usage("`--no-wait` needs `--id`: the id or slug of a lease")
                .hint(line.to_string())
                .hint(to_type(&["list"]));
        }
        if self.is_run() {
            let line = Typed::here().without_command().with(&["--", "COMMAND"]);
            return CommandError::usage("there is no command to run").hint(line.to_string());
        }
        let names: Vec<&str> = names.iter().map(|name| bare(name)).collect();
        let message = match names.as_slice() {
            [most @ .., last] if !most.is_empty() => {
                format!("`{}` and `{last}` are missing", most.join("`, `"))
            }
            names => format!("`{}` is missing", names.concat()),
        };
        match names.as_slice() {
            [name] if option(name) == "--provider" => {
                let manifests = Early::of_this_process().manifests();
                let providers: Vec<_> = manifests.into_iter().map(|one| one.name).collect();
                let error = CommandError::usage(message).hint(self.help());
                if providers.is_empty() {
                    return error.hint(to_type(&["provider", "list"]));
                }
                error.note(format!("there are: {}", providers.join(", ")))
            }
            ["ID"] => CommandError::usage(format!("{message}: the id or slug of a lease"))
                .hint(to_type(&["list"])),
            ["KEY"] => CommandError::usage(format!("{message}: the name of a setting"))
                .hint(to_type(&["config", "show"])),
            [name] => {
                CommandError::usage(format!("{message}{}", self.choices(name))).hint(self.help())
            }
            _ => CommandError::usage(message).hint(self.help()),
        }
    }

    fn value(&self, error: &clap::Error) -> CommandError {
        let told = |kind| texts(error, kind).into_iter().next().unwrap_or_default();
        let (name, value) = (told(ContextKind::InvalidArg), told(ContextKind::InvalidValue));
        let name = option(&name);
        if value.is_empty() {
            return CommandError::usage(format!("`{name}` needs a value")).hint(self.help());
        }
        let valid = texts(error, ContextKind::ValidValue);
        let variable = self.variable_of(name, &value);
        let name = variable.as_deref().unwrap_or(name);
        let message = format!("`{value}` is no value of `{name}`");
        let message = match error.source() {
            Some(source) => format!("{message}: {source}"),
            None if valid.is_empty() => message,
            None => format!("{message}: {}", either(&valid)),
        };
        let suggested = told(ContextKind::SuggestedValue);
        CommandError::usage(message).hint(if suggested.is_empty() {
            self.help()
        } else {
            Typed::here().replaced(&value, &suggested).to_string()
        })
    }

    /// The variable that this value comes from, where the option isn't on the line.
    fn variable_of(&self, name: &str, value: &str) -> Option<String> {
        let is_typed = words().iter().any(|word| word.split('=').next() == Some(name));
        let argument =
            self.command.get_arguments().find(|one| one.get_long() == name.strip_prefix("--"));
        let variable = argument?.get_env().filter(|_| !is_typed)?;
        let is_from = env::var_os(variable).is_some_and(|found| found == value);
        is_from.then(|| variable.to_string_lossy().into_owned())
    }

    /// What an argument can be, if it is one of a few words.
    fn choices(&self, name: &str) -> String {
        let named = |argument: &&clap::Arg| {
            argument.get_value_names().is_some_and(|names| names.iter().any(|one| one == name))
        };
        let values = self.command.get_arguments().find(named).map(clap::Arg::get_possible_values);
        let values: Vec<String> =
            values.unwrap_or_default().iter().map(|value| value.get_name().to_owned()).collect();
        if values.is_empty() { String::new() } else { format!(": {}", either(&values)) }
    }

    fn is_run(&self) -> bool {
        self.path.first().is_some_and(|name| name == "run")
    }

    fn help(&self) -> String {
        ["crabbox"]
            .into_iter()
            .chain(self.path.iter().map(String::as_str))
            .chain(["--help"])
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Was the other option most likely meant? The parser also suggests those of the same provider that
/// have nothing else in common.
fn is_meant(word: &str, suggested: &str) -> bool {
    let extends = |long: &str, short: &str| long.starts_with(short) && short.len() > 3;
    !suggested.is_empty()
        && (is_near(word, suggested) || extends(suggested, word) || extends(word, suggested))
}

/// The line that runs a program which was typed as if it were a command.
fn run_of(word: &str) -> String {
    let line = Typed::here().command_from(word);
    line.with(&["run"]).to_string()
}

/// What the parser says of its error.
fn texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// `--timeout <DURATION>` or `--verbose...` without what stands behind its name.
fn option(name: &str) -> &str {
    if name.starts_with('-') {
        name.split([' ', '.', '=', '[']).next().unwrap_or(name)
    } else {
        bare(name)
    }
}

/// `<COMMAND>...` without what surrounds it.
fn bare(name: &str) -> &str {
    if name.starts_with('-') {
        return name;
    }
    let name = name.trim_end_matches('.');
    let inner = |(open, close)| name.strip_prefix(open)?.strip_suffix(close);
    // Of `[LOCAL:]PORT`, the brackets surround a part.
    [('<', '>'), ('[', ']')].into_iter().find_map(inner).map_or(name, bare)
}

/// `a, b or c`
fn either(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
