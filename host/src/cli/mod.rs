//! The command line: one file a command. Here are the options that all commands
//! share, the dispatch, and how a failure becomes an exit code.

mod completions;
mod config;
mod doctor;
mod help;
mod init;
mod list;
mod provider;
mod run;
mod status;
mod stop;
mod usage;
mod version;

use crate::claims::Store;
use crate::config::{Flags, Settings, parse_duration};
use crate::lease::Desk;
use crate::output::{Colour, CommandError, Exit, Manner, Printer};
use crate::places::Places;
use crate::registry::Registry;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};
use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Run a command on a leased box that holds exactly your tree
#[derive(Debug, Parser)]
#[command(name = "crabbox", version, arg_required_else_help = true, max_term_width = 100)]
#[command(before_help = "Examples:
  crabbox run -- cargo test
  crabbox list
  crabbox stop amber-crab")]
struct CommandLine {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
struct Common {
    /// Say nothing but warnings and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Colour our own lines: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    color: Colour,
    /// Say this often what is waited for, off a terminal
    #[arg(long, global = true, value_name = "TIME", default_value = "15s")]
    #[arg(env = "CRABBOX_HEARTBEAT", hide_env = true, hide_default_value = true)]
    #[arg(value_parser = parse_positive)]
    heartbeat: Duration,
    /// Keep claims here
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        env = "CRABBOX_STATE_DIR",
        hide_env_values = true
    )]
    state_dir: Option<PathBuf>,
    /// Look for providers in this folder first
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    provider_path: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    List(list::List),
    Status(status::Status),
    Stop(stop::Stop),
    #[command(subcommand)]
    Provider(provider::Provider),
    #[command(subcommand)]
    Config(config::Config),
    Init(init::Init),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Version(version::Version),
    /// Hosts a provider; run by crabbox itself
    #[command(name = "__provider", hide = true)]
    HostProvider,
}

/// The whole command line, for whoever makes manual pages or tests of it.
#[must_use]
pub fn command() -> clap::Command {
    CommandLine::command()
}

fn parse() -> Result<CommandLine, clap::Error> {
    let mut command = help::arrange(command()).color(usage::colour());
    let mut matches = command.try_get_matches_from_mut(env::args_os())?;
    CommandLine::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(exit) = completions::answer() {
        return exit;
    }
    let line = match parse() {
        Ok(line) => line,
        Err(error) => return usage::refuse(&error),
    };
    let Common { quiet, verbose, json, color, heartbeat, .. } = line.common;
    let printer = Printer::new(Manner { quiet, verbose, json, colour: color, heartbeat });
    let shared = Shared { common: line.common, printer };
    let result = match line.command {
        // Its codes are the program's.
        Command::Run(run) => return ExitCode::from(run.execute(&shared)),
        Command::HostProvider => return crate::provider::child::main(),
        Command::List(list) => list.execute(&shared).map(|()| Exit::Ok),
        Command::Status(status) => status.execute(&shared).map(|()| Exit::Ok),
        Command::Stop(stop) => stop.execute(&shared).map(|()| Exit::Ok),
        Command::Provider(provider) => provider.execute(&shared).map(|()| Exit::Ok),
        Command::Config(config) => config.execute(&shared),
        Command::Init(init) => init.execute(&shared).map(|()| Exit::Ok),
        Command::Doctor(doctor::Doctor) => doctor::Doctor::execute(&shared),
        Command::Completions(completions) => completions.execute(&shared).map(|()| Exit::Ok),
        Command::Version(version::Version) => version::Version::execute(&shared).map(|()| Exit::Ok),
    };
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            printer.error(&error);
            ExitCode::from(error.kind() as u8)
        }
    }
}

/// What the options of every command come to.
#[derive(Debug)]
struct Shared {
    common: Common,
    printer: Printer,
}

impl Shared {
    fn places(&self) -> Result<Places, CommandError> {
        Places::discover(self.common.state_dir.as_deref())
    }

    /// Flags that every command has, for the settings.
    fn flags(&self) -> Flags {
        Flags { provider_path: self.common.provider_path.clone(), ..Flags::default() }
    }

    /// The claims and the providers.
    fn desk(&self, places: &Places, settings: &Settings) -> Result<Desk, CommandError> {
        Ok(Desk::new(Store::open(&places.state)?, self.registry(settings), self.printer))
    }

    fn registry(&self, settings: &Settings) -> Registry {
        for folder in &settings.provider_path {
            let folder = folder.display();
            self.printer.warning(&format!("providers in `{folder}` come before all others"));
        }
        Registry::new(crate::registry::Places::discover(settings.provider_path.clone()))
    }
}

/// A duration in an argument.
fn parse_positive(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a duration such as 90s, 15m or 2h".to_owned())
}

/// `2m ago` and the like.
fn ago(then: jiff::Timestamp) -> String {
    let seconds = jiff::Timestamp::now().duration_since(then).as_secs();
    match seconds {
        // The clock was set back since.
        ..-60 => "in the future".to_owned(),
        -60..60 => format!("{}s ago", seconds.max(0)),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use crabbox_provider_api::manifest::RESERVED;

    #[test]
    fn no_provider_can_be_called_like_a_command() {
        for command in CommandLine::command().get_subcommands().filter(|one| !one.is_hide_set()) {
            let name = command.get_name();
            assert!(RESERVED.contains(&name) || name == "ssh", "{name}");
        }
    }
}
