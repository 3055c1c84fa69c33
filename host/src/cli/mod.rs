//! The command line: one file a command. Here are the options that all commands
//! share, the dispatch, and how a failure becomes an exit code.

mod adopt;
mod bounds;
mod bug;
mod caretaker;
mod claims;
mod cleanup;
mod completions;
mod config;
mod confirm;
mod cp;
mod debug;
mod doctor;
mod early;
mod extend;
mod forget;
mod help;
mod init;
mod inspect;
mod interrupts;
mod list;
mod onlooker;
mod order;
mod parked;
mod provider;
mod run;
mod settings;
mod ssh;
mod standing;
mod status;
mod stay;
mod stop;
mod tunnel;
mod usage;
mod version;
mod visit;
mod warmup;

use crate::claims::{Claim, ClaimError, Reader, Salvaged, Store};
use crate::config::{Flag, Flags, Settings, parse_duration};
use crate::lease::{self, Checkout, Desk, Here};
use crate::log::{self, Keep, Wanted};
use crate::output::{Colour, CommandError, Exit, Manner, Printer, Typed, human, to_type};
use crate::places::Places;
use crate::provider::exec;
use crate::redact;
use crate::registry::Registry;
use crate::run::{CRABBOX_FAILED, Origin, Outcome};
use clap::builder::Resettable;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};
use jiff::Timestamp;
use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tracing::field::Empty;
use tracing::{Span, info_span};

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
    /// Say phases and times; twice, every step
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
    /// Append a log to this file
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    log_file: Option<PathBuf>,
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
    #[arg(value_parser = parse_duration)]
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
    Warmup(warmup::Warmup),
    List(list::List),
    Status(status::Status),
    Inspect(inspect::Inspect),
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

fn parse() -> Result<(CommandLine, Vec<Flag>), clap::Error> {
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

/// Does all that this process is for, if that is none of the commands that people type. It is told apart before
/// anything is read: what such a process finds in its environment may be meant for another program.
fn hidden_command() -> Option<ExitCode> {
    crate::provider::answer().or_else(crate::transport::ssh::answer).or_else(completions::answer)
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(exit) = hidden_command() {
        return exit;
    }
    redact::learn();
    let (line, settings) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => return usage::refuse(&error),
    };
    let Common { quiet, json, color, heartbeat, .. } = line.common;
    let printer = Printer::new(Manner { quiet, json, colour: color, heartbeat });
    let shared = Shared { common: line.common, settings, printer };
    let is_run = matches!(line.command, Command::Run(_));
    let span = match line.command.log(&shared) {
        Ok(()) => line.command.span(),
        Err(error) => return ExitCode::from(fail(&error, is_run, printer)),
    };
    bug::report(printer);
    let execute = || bug::catch(|| line.command.execute_taped(&shared));
    let exit = span.in_scope(|| execute().unwrap_or_else(|error| fail(&error, is_run, printer)));
    span.record("exit", exit);
    drop(span);
    log::finish(exit);
    ExitCode::from(exit)
}

impl Command {
    /// Begins the logs. One is kept of each command that changes something: looking at things must
    /// not push away the log of what is looked for.
    fn log(&self, shared: &Shared) -> Result<(), CommandError> {
        let keeps = match self {
            Self::Run(_)
            | Self::Warmup(_)
            | Self::Cp(_)
            | Self::Extend(_)
            | Self::Stop(_)
            | Self::Adopt(_)
            | Self::Forget(_) => true,
            Self::Cleanup(cleanup) => cleanup.changes(shared),
            Self::Provider(provider) => provider.changes(),
            _ => false,
        };
        // Without a place for it there is none, and the command says what is wrong with the places.
        let places = keeps.then(|| shared.places().ok()).flatten();
        let keep = places.map(|places| Keep {
            state: places.state,
            command: Typed::here().in_outline().to_string(),
            version: version::line(),
        });
        let Common { verbose, log_file, .. } = &shared.common;
        log::start(Wanted {
            printer: shared.printer,
            verbose: *verbose,
            trace: matches!(self, Self::Provider(provider) if provider.traces()),
            file: log_file.as_deref(),
            keep,
        })
    }

    /// Round all that it does.
    fn span(&self) -> Span {
        let name = match self {
            Self::Run(_) => "run",
            Self::Warmup(_) => "warmup",
            Self::List(_) => "list",
            Self::Status(_) => "status",
            Self::Inspect(_) => "inspect",
            Self::Ssh(_) => "ssh",
            Self::Cp(_) => "cp",
            Self::Tunnel(_) => "tunnel",
            Self::Claims(_) => "claims",
            Self::Extend(_) => "extend",
            Self::Stop(_) => "stop",
            Self::Adopt(_) => "adopt",
            Self::Forget(_) => "forget",
            Self::Cleanup(_) => "cleanup",
            Self::Provider(_) => "provider",
            Self::Config(_) => "config",
            Self::Init(_) => "init",
            Self::Doctor(_) => "doctor",
            Self::Debug(_) => "debug",
            Self::Completions(_) => "completions",
            Self::Version(_) => "version",
            Self::Caretaker => "caretaker",
        };
        info_span!("command", name, exit = Empty)
    }

    /// The same with a cassette in, if one is asked for.
    fn execute_taped(self, shared: &Shared) -> u8 {
        let failed = if matches!(self, Self::Run(_)) { Some(CRABBOX_FAILED) } else { None };
        let code_of = |error: &CommandError| failed.unwrap_or(error.kind() as u8);
        match exec::cassette::begin() {
            Ok(Some(line)) => shared.printer.warning(&line),
            Ok(None) => {}
            Err(error) => return fail(&error, failed.is_some(), shared.printer),
        }
        let code = self.execute(shared);
        match exec::cassette::finish() {
            Ok(()) => code,
            // What went well without the commands that were expected hasn't gone as it should.
            Err(error) => {
                // The command's own document is out already.
                shared.printer.explain(&error);
                code_of(&error)
            }
        }
    }

    /// Returns the exit code.
    fn execute(self, shared: &Shared) -> u8 {
        let result = match self {
            // Its codes are the program's.
            Self::Run(run) => return run.execute(shared),
            Self::Warmup(warmup) => return warmup.execute(shared),
            // One of several may fail.
            Self::Stop(stop) => return stop.execute(shared),
            Self::List(list) => list.execute(shared).map(|()| Exit::Ok),
            Self::Status(status) => status.execute(shared).map(|()| Exit::Ok),
            Self::Inspect(inspect) => inspect.execute(shared).map(|()| Exit::Ok),
            Self::Ssh(ssh) => ssh.execute(shared).map(|()| Exit::Ok),
            Self::Cp(cp) => cp.execute(shared),
            Self::Tunnel(tunnel) => tunnel.execute(shared),
            Self::Claims(claims) => claims.execute(shared).map(|()| Exit::Ok),
            Self::Extend(extend) => extend.execute(shared).map(|()| Exit::Ok),
            Self::Adopt(adopt) => adopt.execute(shared).map(|()| Exit::Ok),
            Self::Forget(forget) => forget.execute(shared).map(|()| Exit::Ok),
            Self::Cleanup(cleanup) => cleanup.execute(shared),
            Self::Caretaker => caretaker::execute(shared).map(|()| Exit::Ok),
            Self::Provider(provider) => provider.execute(shared).map(|()| Exit::Ok),
            Self::Config(config) => config.execute(shared),
            Self::Init(init) => init.execute(shared).map(|()| Exit::Ok),
            Self::Doctor(doctor) => doctor.execute(shared),
            Self::Debug(debug) => debug.execute(shared).map(|()| Exit::Ok),
            Self::Completions(completions) => completions.execute(shared).map(|()| Exit::Ok),
            Self::Version(version::Version) => version::Version::execute(shared).map(|()| Exit::Ok),
        };
        match result {
            Ok(exit) => exit as u8,
            Err(error) => {
                shared.printer.error(&error);
                error.exit()
            }
        }
    }
}

/// Says why a command wasn't begun, or broke off; returns the exit code. That of `run` must not look
/// like a program's.
fn fail(error: &CommandError, is_run: bool, printer: Printer) -> u8 {
    if is_run {
        let outcome = Outcome::failure(Origin::Crabbox);
        printer.failure(error, &outcome);
        return outcome.exit;
    }
    printer.error(error);
    error.kind() as u8
}

/// What the options of every command come to.
#[derive(Debug)]
struct Shared {
    common: Common,
    /// What the line says of providers' settings.
    settings: Vec<Flag>,
    printer: Printer,
}

impl Shared {
    fn places(&self) -> Result<Places, CommandError> {
        Places::discover(self.common.state_dir.as_deref())
    }

    /// Flags that every command has, for the settings.
    fn flags(&self) -> Flags {
        Flags {
            provider_path: self.common.provider_path.clone(),
            settings: self.settings.clone(),
            ..Flags::default()
        }
    }

    /// The claims.
    fn store(&self, places: &Places) -> Result<Store, CommandError> {
        let store = Store::open(&places.state)?;
        if let Some(Salvaged { aside, count }) = store.salvaged() {
            let (claims, aside) = (human::count(*count as u64, "claim"), aside.display());
            self.printer.warning(&format!(
                "the claims database was damaged: {claims} could be saved; it is kept in `{aside}`"
            ));
        }
        Ok(store)
    }

    /// The claims, for a command that only shows them: nothing is made or written. Where they can't be
    /// looked at like this, they are opened as by every other command, which saves what can be read of
    /// damaged ones or says what is wrong.
    fn look(&self, places: &Places) -> Result<Reader, CommandError> {
        match Reader::look(&places.state) {
            Err(ClaimError::Database { .. } | ClaimError::Damaged { .. }) => {
                Ok(self.store(places)?.into_reader())
            }
            looked => Ok(looked?),
        }
    }

    /// The claims and the providers.
    fn desk(&self, places: &Places, settings: &Settings) -> Result<Desk, CommandError> {
        let store = self.store(places)?;
        let desk = Desk::new(store, self.registry(settings), self.printer);
        let desk = desk.with_in_process(settings.in_process.clone()).with_here(self.here(places));
        Ok(desk.with_longest(settings.longest_ttl.clone()))
    }

    /// The claim that `reference` stands for, for a command that needs no provider.
    fn find(
        &self,
        store: &Reader,
        places: &Places,
        reference: &str,
    ) -> Result<Claim, CommandError> {
        lease::find(store, reference, &self.here(places))
    }

    /// What a run would want in the checkout that this is called in.
    fn here(&self, places: &Places) -> Here {
        let (flags, places, printer) = (self.flags(), places.clone(), self.printer);
        Here::new(move || {
            let repository = config::repository().ok_or_else(|| {
                CommandError::new(Exit::NotFound, "there is no checkout here")
                    .hint(to_type(&["list"]))
            })?;
            let settings = in_spite_of(printer, &flags, &repository, &places)?;
            let profile = settings.provider_settings.profile;
            Ok(Checkout { repository, provider: settings.provider, profile })
        })
    }

    fn registry(&self, settings: &Settings) -> Registry {
        for folder in &settings.provider_path {
            let is_settled = settings.settled_provider_path.contains(folder);
            let shown = folder.display();
            if !folder.is_dir() {
                self.printer.warning_once(&format!("there is no folder `{shown}` with providers"));
            } else if is_settled {
                self.printer.phase_once(&format!("providers in `{shown}` come before all others"));
            } else {
                let line = format!("providers in `{shown}` come before all others");
                self.printer.warning_once(&line);
            }
        }
        Registry::new(crate::registry::Places::discover(settings.provider_path.clone()))
    }
}

/// The settings of a checkout for what is only looked for, or stays as it is: its own file is left out, with a
/// warning, where it is wrong.
fn in_spite_of(
    printer: Printer,
    flags: &Flags,
    repository: &Path,
    places: &Places,
) -> Result<Settings, CommandError> {
    Settings::for_provider(flags.clone(), Some(repository), places).or_else(|_| {
        // What is wrong without it, too, isn't its fault.
        Settings::for_provider(flags.clone(), None, places)?;
        let flags = Flags { of_lease: true, ..flags.clone() };
        let settings = Settings::for_provider(flags, Some(repository), places)?;
        config::warn(printer, &settings.warnings);
        Ok(settings)
    })
}

/// `2m ago` and the like.
fn ago(then: Timestamp) -> String {
    let age = age(then, Timestamp::now());
    if age.starts_with(char::is_numeric) {
        return format!("{age} ago");
    }
    age
}

/// How long ago: `2m` and the like.
fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    match seconds {
        // The clock was set back since.
        ..-60 => "in the future".to_owned(),
        -60..60 => format!("{}s", seconds.max(0)),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `59s`, `2m 05s`, `3h 07m`.
fn in_short(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        _ => human::duration(time),
    }
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
        for flag in flags(&CommandLine::command()) {
            for (at, _) in flag.match_indices('-') {
                assert!(RESERVED.contains(&&flag[..at]), "{} of --{flag}", &flag[..at]);
            }
        }
    }

    #[test]
    fn no_provider_can_be_called_like_a_command() {
        for command in CommandLine::command().get_subcommands().filter(|one| !one.is_hide_set()) {
            let name = command.get_name();
            assert!(RESERVED.contains(&name) || name == "ssh", "{name}");
        }
    }
}
