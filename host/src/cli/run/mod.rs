//! `crabbox run`

mod attempt;
mod explain;
mod report;

use self::attempt::{Attempt, Unfinished};
use self::explain::{Failed, explain, explain_sync};
use self::report::Report;
use super::Shared;
use crate::config::{Flags, Settings, parse_duration};
use crate::lease::{Desk, How, Wanted, random_bits};
use crate::output::{CommandError, Printer};
use crate::places::Places;
use crate::run::RunError;
use crate::sync::{self, Source, SyncError};
use clap::Args;
use crabbox_wire::message::{Command, Environment};
use crabbox_wire::text::Text;
use serde_json::json;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// Run a command on a box that holds exactly this checkout
///
/// Leases a box (or takes the one that this checkout had last), makes its tree equal to
/// the local one, runs the command there and returns its exit code. Standard input is
/// forwarded unless it is a terminal. The first Ctrl-C goes to the command, the second
/// kills it and everything it started, the third leaves at once.
///
/// Exit codes: the command's own; 124 time limit, 125 crabbox failed, 126 not executable,
/// 127 not found, 128+N ended by signal N.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(
    after_help = "Examples:\n  crabbox run -- cargo test\n  crabbox run --shell 'make && ./check'\n  crabbox run --env RUST_LOG=debug --timeout 10m -- cargo test"
)]
pub(super) struct Run {
    /// Lease from this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Use this lease: its id or slug
    #[arg(long, value_name = "ID", conflicts_with = "fresh")]
    id: Option<String>,
    /// Lease a new box, whatever there is
    #[arg(long)]
    fresh: bool,
    /// Leave the box ready afterwards
    #[arg(long)]
    keep: bool,
    /// Run a line of shell instead of a program
    #[arg(long, value_name = "LINE", conflicts_with = "command")]
    shell: Option<OsString>,
    /// Run in this folder of the checkout
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Set a variable for the command; without a value, hand on this one's
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    environment: Vec<OsString>,
    /// Give the command none of this machine's variables (`local` only; a remote box never gets them)
    #[arg(long)]
    clean_env: bool,
    /// End the command after this time, such as 90s or 15m
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout)]
    timeout: Option<Duration>,
    /// Send this folder as it is, instead of what git says of the checkout
    #[arg(long, value_name = "DIR")]
    from_dir: Option<PathBuf>,
    /// Keep files that match this pattern (as in `.gitignore`) here
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Sync even if that deletes most of what the box holds
    #[arg(long)]
    allow_mass_deletion: bool,
    /// The command and its arguments
    #[arg(last = true, required_unless_present = "shell")]
    command: Vec<OsString>,
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a duration such as 90s, 15m or 2h".to_owned())
}

impl Run {
    /// Returns the exit code.
    pub(super) fn execute(self, shared: &Shared) -> u8 {
        let printer = shared.printer;
        match self.lease_and_run(shared) {
            Ok(report) => {
                report.show(printer);
                report.finished.outcome.exit
            }
            Err(failed) => {
                if printer.json {
                    let mut document = failed.error.to_json();
                    document["outcome"] = json!(failed.outcome);
                    // The error itself is still told on standard error.
                    let _ = printer.document(&document);
                }
                Printer { json: false, ..printer }.error(&failed.error);
                failed.outcome.exit
            }
        }
    }

    fn lease_and_run(self, shared: &Shared) -> Result<Report, Failed> {
        let started = Instant::now();
        if env::var_os("CRABBOX_RUN").is_some() {
            let error = CommandError::usage("this is a box already: `crabbox run` doesn't nest");
            return Err(error.hint("run the command itself").into());
        }
        let source = self.source()?;
        let directory = self.directory(&source)?;
        let environment = self.environment()?;
        let places = shared.places()?;
        let settings = self.settings(shared, &source, &places)?;
        let mut desk = shared.desk(&places, &settings)?;
        check_choice(&settings, &desk)?;
        let wanted = self.wanted(&source, &settings);

        // The tree is read while the provider works.
        let (tree, held) = thread::scope(|scope| {
            let scan = scope.spawn(|| sync::scan(&source, &settings.exclude, &places.cache));
            let held = desk.acquire(&wanted);
            (scan.join().expect("the scanning thread doesn't panic"), held)
        });
        let mut held = held.map_err(Failed::of_provider)?;
        let ready = started.elapsed();

        let result = match tree {
            Err(error) => Err(RunError::Sync(error)),
            Ok(tree) => {
                let attempt = Attempt {
                    line: &self,
                    places: &places,
                    settings: &settings,
                    source: &source,
                    tree: &tree,
                    directory,
                    environment,
                    printer: shared.printer,
                };
                match attempt.on_box(&mut desk, &mut held) {
                    Err(Unfinished { error, proved: false }) if held.how == How::FoundReady => {
                        // What the claim says of the box may be old; nothing was done to it yet.
                        let slug = &held.claim.slug;
                        shared.printer.warning(&format!("{slug} isn't as it was left: {error}"));
                        held = desk.take_again(held, &wanted).map_err(Failed::of_provider)?;
                        attempt.on_box(&mut desk, &mut held)
                    }
                    other => other,
                }
                .map_err(|unfinished| unfinished.error)
            }
        };
        let end = desk.let_go(&mut held, self.keep, settings.idle, &settings.provider_settings);
        if let Err(error) = &end {
            // The program's result stands, whatever comes after it.
            shared.printer.warning(&format!("{} wasn't released: {error}", held.claim.slug));
            shared.printer.hint(&format!("crabbox stop {}", held.claim.slug));
        }
        let finished = result.map_err(|error| explain(&error, &held.claim, &wanted))?;
        Ok(Report { finished, claim: held.claim, end: end.ok(), ready, total: started.elapsed() })
    }

    fn source(&self) -> Result<Source, CommandError> {
        match &self.from_dir {
            Some(folder) => Source::folder(folder),
            None => env::current_dir()
                .map_err(|source| SyncError::Read { path: PathBuf::from("."), source })
                .and_then(|folder| Source::checkout(&folder)),
        }
        .map_err(|error| explain_sync(&error))
    }

    /// The working directory on the box, relative to the tree: `--dir`, else the root.
    fn directory(&self, source: &Source) -> Result<Text, CommandError> {
        let Some(folder) = &self.dir else {
            return Ok(Text::default());
        };
        let refuse = || {
            let root = source.root.display();
            CommandError::usage(format!("`--dir {}` isn't a folder of `{root}`", folder.display()))
        };
        let relative = if folder.is_absolute() {
            folder.strip_prefix(&source.root).map_err(|_| refuse())?.to_owned()
        } else {
            folder.clone()
        };
        let parts: Vec<_> = relative
            .components()
            .filter(|part| !matches!(part, std::path::Component::CurDir))
            .collect();
        if parts.iter().any(|part| !matches!(part, std::path::Component::Normal(_))) {
            return Err(refuse());
        }
        let clean: PathBuf = parts.iter().collect();
        Ok(Text(clean.into_os_string().into_vec()))
    }

    fn environment(&self) -> Result<Environment, CommandError> {
        let mut values = BTreeMap::new();
        for word in &self.environment {
            let bytes = word.as_bytes();
            let (name, value) = if let Some(at) = bytes.iter().position(|byte| *byte == b'=') {
                (&bytes[..at], bytes[at + 1..].to_vec())
            } else {
                let value = env::var_os(word).ok_or_else(|| {
                    let name = word.to_string_lossy();
                    CommandError::usage(format!("`--env {name}`: there is no such variable here"))
                        .hint(format!("--env {name}=VALUE sets one"))
                })?;
                (bytes, value.into_vec())
            };
            if name.is_empty() {
                return Err(CommandError::usage("`--env` needs a name"));
            }
            values.insert(Text(name.to_vec()), Text(value));
        }
        Ok(Environment(values))
    }

    fn settings(
        &self,
        shared: &Shared,
        source: &Source,
        places: &Places,
    ) -> Result<Settings, CommandError> {
        let flags = Flags {
            provider: self.provider.clone(),
            timeout: self.timeout,
            exclude: self.exclude.clone(),
            ..shared.flags()
        };
        Settings::load(flags, Some(&source.root), &places.config)
    }

    fn wanted(&self, source: &Source, settings: &Settings) -> Wanted {
        Wanted {
            repository: source.root.clone(),
            provider: settings.provider.clone(),
            settings: settings.provider_settings.clone(),
            release: settings.release,
            keep: self.keep,
            fresh: self.fresh,
            id: self.id.clone(),
            run: format!("run_{:012x}", random_bits() & 0xffff_ffff_ffff),
        }
    }

    fn command(&self) -> Command {
        match &self.shell {
            Some(line) => Command::Shell(Text(line.as_bytes().to_vec())),
            None => Command::Argv(
                self.command.iter().map(|word| Text(word.as_bytes().to_vec())).collect(),
            ),
        }
    }
}

/// A repository may name only a provider that came with this program or that the user
/// has configured: else a checkout would choose what code runs here.
fn check_choice(settings: &Settings, desk: &Desk) -> Result<(), CommandError> {
    if !settings.provider_by_repository || desk.registry.is_bundled(&settings.provider) {
        return Ok(());
    }
    let name = &settings.provider;
    Err(CommandError::usage(format!(
        "this repository asks for the provider `{name}`, which you haven't configured"
    ))
    .hint(format!(
        "--provider {name} uses it this once; `[provider.{name}]` in your config.toml allows it"
    )))
}
