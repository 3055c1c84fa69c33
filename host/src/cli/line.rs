//! The line that was typed: the options that all commands share, and which commands there are.

use super::{
    adopt, artifacts, bundle, caretaker, claims, cleanup, completions, config, cp, debug, doctor,
    extend, forget, help, history, init, inspect, list, logs, provider, report, results, run,
    settings, slow, ssh, status, stop, tunnel, usage, verify, version, warmup,
};
use crate::config::{Flag, parse_duration};
use crate::output::Colour;
use clap::builder::Resettable;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};
use std::env;
use std::path::PathBuf;
use std::time::Duration;

/// Run a command on a leased box that holds exactly your tree
#[derive(Debug, Parser)]
#[command(name = "crabbox", version, arg_required_else_help = true, max_term_width = 100)]
#[command(before_help = "Examples:
  crabbox run -- cargo test
  crabbox list
  crabbox stop amber-crab")]
pub(super) struct CommandLine {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(in crate::cli) struct Common {
    /// Say nothing but warnings and errors
    #[arg(short, long, global = true)]
    pub(in crate::cli) quiet: bool,
    /// Say phases and times; twice, every step
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub(in crate::cli) verbose: u8,
    /// Append a log to this file
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) log_file: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    pub(in crate::cli) json: bool,
    /// Colour our own lines: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    pub(in crate::cli) color: Colour,
    /// Say this often what is waited for, off a terminal
    #[arg(long, global = true, value_name = "TIME", default_value = "15s")]
    #[arg(env = "CRABBOX_HEARTBEAT", hide_env = true, hide_default_value = true)]
    #[arg(value_parser = parse_duration)]
    pub(in crate::cli) heartbeat: Duration,
    /// Keep claims here
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        env = "CRABBOX_STATE_DIR",
        hide_env_values = true
    )]
    pub(in crate::cli) state_dir: Option<PathBuf>,
    /// Look for providers in this folder first
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) provider_path: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Run(Box<run::Run>),
    Warmup(warmup::Warmup),
    List(list::List),
    Status(status::Status),
    Inspect(inspect::Inspect),
    History(history::History),
    Logs(logs::Logs),
    Results(results::Results),
    Report(report::Report),
    #[command(name = "artifacts")]
    Artifacts(artifacts::ListArtifacts),
    Slow(slow::Slow),
    #[command(name = "bundle")]
    Bundle(bundle::MakeBundle),
    Verify(verify::Verify),
    Ssh(ssh::Ssh),
    Cp(cp::Cp),
    Tunnel(tunnel::Tunnel),
    Claims(claims::Claims),
    Extend(extend::Extend),
    Stop(stop::Stop),
    Adopt(adopt::Adopt),
    Forget(forget::Forget),
    Cleanup(cleanup::Cleanup),
    #[command(subcommand)]
    Provider(provider::Provider),
    #[command(subcommand)]
    Config(config::Config),
    Init(init::Init),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Debug(debug::Debug),
    Completions(completions::Completions),
    Version(version::Version),
    /// Lets go of boxes in time; run by crabbox itself
    #[command(name = caretaker::COMMAND, hide = true)]
    Caretaker,
}

/// The whole command line, for whoever makes manual pages or tests of it.
#[must_use]
pub fn command() -> clap::Command {
    CommandLine::command()
}

/// An empty variable counts as unset.
fn without_empty(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| {
        let is_empty = argument.get_env().and_then(env::var_os).is_some_and(|set| set.is_empty());
        if is_empty { argument.env(Resettable::Reset) } else { argument }
    })
}

/// What was typed, with the flags of the providers that it speaks of.
pub(super) fn parse() -> Result<(CommandLine, Vec<Flag>), clap::Error> {
    let mut command = help::arrange(without_empty(command())).color(usage::colour());
    let mut settings = Vec::new();
    let mut matches = match command.try_get_matches_from_mut(env::args_os()) {
        Ok(matches) => matches,
        Err(error) => {
            let Some(options) = settings::Options::for_refused(&error) else {
                return Err(error);
            };
            command = help::arrange(options.attach(without_empty(self::command())))
                .color(usage::colour());
            let matches = command.try_get_matches_from_mut(env::args_os())?;
            settings = options.given(&matches);
            matches
        }
    };
    let line = CommandLine::from_arg_matches_mut(&mut matches)
        .map_err(|error| error.format(&mut command))?;
    Ok((line, settings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use crabbox_provider_api::manifest::RESERVED;

    #[test]
    fn no_provider_can_be_called_like_the_beginning_of_a_flag() {
        fn flags(command: &clap::Command) -> Vec<String> {
            let own = command.get_arguments().filter_map(clap::Arg::get_long).map(str::to_owned);
            own.chain(command.get_subcommands().flat_map(flags)).collect()
        }
        let flags = flags(&CommandLine::command());
        let beginnings = flags
            .iter()
            .flat_map(|flag| flag.match_indices('-').map(move |(at, _)| (&flag[..at], flag)));
        let free: Vec<_> = beginnings.filter(|(word, _)| !RESERVED.contains(word)).collect();
        assert!(free.is_empty(), "{free:?}");
    }

    #[test]
    fn no_provider_can_be_called_like_a_command() {
        for command in CommandLine::command().get_subcommands().filter(|one| !one.is_hide_set()) {
            let name = command.get_name();
            assert!(RESERVED.contains(&name) || name == "ssh", "{name}");
        }
    }
}
