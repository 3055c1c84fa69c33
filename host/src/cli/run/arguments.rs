//! What `crabbox run` takes, and what that comes to.

use super::explain::explain_sync;
use crate::cli::config::warn;
use crate::cli::stay::Stay;
use crate::cli::{Shared, parse_positive};
use crate::config::{Flags, Settings};
use crate::lease::{Wanted, random_bits};
use crate::output::{CommandError, Typed};
use crate::places::{Places, home, real};
use crate::sync::{Source, SyncError};
use clap::{Args, ValueHint};
use crabbox_wire::frame::MAX_PAYLOAD;
use crabbox_wire::message::{Command, Environment};
use crabbox_wire::text::Text;
use serde::Serialize;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

/// Run a command on a box that holds exactly this checkout
///
/// Leases a box (or takes the one that this checkout had last), makes its tree equal to
/// the local one, runs the command at its root (`--dir .`: in this folder) and returns its
/// exit code. Standard input is forwarded unless it is a terminal. The first Ctrl-C goes to the command, the second
/// kills it and everything it started, the third leaves at once.
///
/// Exit codes: the command's own; 124 time limit, 125 crabbox failed, 126 not executable,
/// 127 not found, 128+N ended by signal N.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(
    before_help = "Examples:\n  crabbox run -- cargo test\n  crabbox run --shell 'make && ./check'\n  crabbox run --env RUST_LOG=debug --timeout 10m -- cargo test"
)]
pub(in crate::cli) struct Run {
    /// Lease from this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Use this lease: its id or slug
    #[arg(long, value_name = "ID", conflicts_with = "fresh")]
    id: Option<String>,
    /// Fail if the lease of `--id` is in use
    #[arg(long, requires = "id")]
    no_wait: bool,
    /// Lease a new box, whatever there is
    #[arg(long)]
    fresh: bool,
    /// Leave the box ready afterwards
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    stay: Stay,
    /// Run a line of shell instead of a program
    #[arg(long, value_name = "LINE", conflicts_with = "command")]
    shell: Option<OsString>,
    /// Run in this folder of the checkout
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
    /// Set a variable for the command, or hand one on
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    environment: Vec<OsString>,
    /// Give the command none of this machine's variables
    #[arg(long)]
    clean_env: bool,
    /// End the command after this time, such as 90s or 15m
    #[arg(long, value_name = "DURATION", value_parser = parse_positive)]
    timeout: Option<Duration>,
    /// Send this folder as it is, not what git says of it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    from_dir: Option<PathBuf>,
    /// Don't send files like this (as in `.gitignore`)
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Sync even if that deletes most of the box's files
    #[arg(long)]
    allow_mass_deletion: bool,
    /// The command and its arguments
    #[arg(last = true, required_unless_present = "shell", value_hint = ValueHint::AnyPath)]
    command: Vec<OsString>,
}

/// What the arguments come to, checked.
pub(super) struct Order {
    pub(super) places: Places,
    pub(super) settings: Settings,
    pub(super) source: Source,
    /// The working directory on the box, relative to the tree; empty for its root.
    pub(super) directory: Text,
    pub(super) command: Command,
    /// Values for the command.
    pub(super) environment: Environment,
    pub(super) clean_env: bool,
    pub(super) allow_mass_deletion: bool,
    pub(super) keep: bool,
    /// The provider that the line names, by `--provider`.
    pub(super) named: Option<String>,
    pub(super) wanted: Wanted,
}

impl Run {
    pub(super) fn check(self, shared: &Shared) -> Result<Order, CommandError> {
        if env::var_os("CRABBOX_RUN").is_some() {
            let error = CommandError::usage("this is a box already: `crabbox run` doesn't nest");
            return Err(error.hint("run the command itself"));
        }
        let command = self.command();
        check_length("the command", &command)?;
        let places = shared.places()?;
        let source = self.source()?.without([&*places.state, &*places.cache, &*places.data]);
        let directory = self.directory(&source)?;
        let flags = Flags {
            provider: self.provider.clone(),
            timeout: self.timeout,
            ttl: self.stay.ttl,
            idle: self.stay.idle,
            env: self.names(),
            exclude: self.exclude.clone(),
            ..shared.flags()
        };
        let settings = Settings::for_provider(flags, Some(&source.root), &places)?;
        warn(shared.printer, &settings.warnings);
        let environment = self.environment(&settings.env)?;
        check_length("the values of the variables", &environment)?;
        Ok(Order {
            wanted: self.wanted(&source, &settings),
            places,
            settings,
            source,
            directory,
            command,
            environment,
            clean_env: self.clean_env,
            allow_mass_deletion: self.allow_mass_deletion,
            keep: self.keep,
            named: self.provider.clone(),
        })
    }

    fn source(&self) -> Result<Source, CommandError> {
        let source = match &self.from_dir {
            Some(folder) => Source::folder(folder),
            None => env::current_dir()
                .map_err(|source| SyncError::Read { path: PathBuf::from("."), source })
                .and_then(|folder| Source::checkout(&folder)),
        }
        .map_err(|error| explain_sync(&error))?;
        // A home under git: whoever forgot `git init` below it would send keys and all.
        if self.from_dir.is_none() && home().as_ref() == Some(&source.root) {
            let root = source.root.display();
            return Err(CommandError::usage(format!(
                "the checkout here is your whole home folder, `{root}`"
            ))
            .hint(Typed::here().with(&["--from-dir", "."]).to_string())
            .hint("git init"));
        }
        Ok(source)
    }

    /// `--dir`, which counts from the current folder, or from that of `--from-dir`.
    fn directory(&self, source: &Source) -> Result<Text, CommandError> {
        let Some(folder) = &self.dir else {
            return Ok(Text::default());
        };
        let here = match &self.from_dir {
            Some(_) => source.root.clone(),
            None => env::current_dir().unwrap_or_default(),
        };
        let path = real(&here.join(folder));
        let relative = path.strip_prefix(&source.root).map_err(|_| {
            let (folder, root) = (folder.display(), source.root.display());
            CommandError::usage(format!("`--dir {folder}` isn't a folder of `{root}`"))
        })?;
        Ok(Text(relative.as_os_str().as_bytes().to_vec()))
    }

    /// The names in `--env`.
    fn names(&self) -> Vec<String> {
        let names = self.environment.iter().filter_map(|word| word.to_str());
        names.filter_map(|word| word.split('=').next()).map(str::to_owned).collect()
    }

    /// What is handed on of these names, as far as it is set here, and what `--env` says: that
    /// comes first, and has to be there.
    fn environment(&self, names: &[String]) -> Result<Environment, CommandError> {
        let here = |name: &String| {
            let value = env::var_os(name)?;
            Some((Text(name.clone().into_bytes()), Text(value.into_vec())))
        };
        let mut values: BTreeMap<_, _> = names.iter().filter_map(here).collect();
        for word in &self.environment {
            let bytes = word.as_bytes();
            let (name, value) = if let Some(at) = bytes.iter().position(|byte| *byte == b'=') {
                (&bytes[..at], bytes[at + 1..].to_vec())
            } else {
                let value = env::var_os(word).ok_or_else(|| {
                    let name = word.to_string_lossy();
                    CommandError::usage(format!("`--env {name}`: there is no such variable here"))
                        .note(format!("`--env {name}=VALUE` sets one"))
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

    fn wanted(&self, source: &Source, settings: &Settings) -> Wanted {
        Wanted {
            repository: source.root.clone(),
            provider: settings.provider.clone(),
            settings: settings.provider_settings.handed.clone(),
            profile: settings.provider_settings.profile.clone(),
            prefix: settings.provider_settings.prefix.clone(),
            release: settings.release,
            keep: self.keep,
            ttl: settings.ttl,
            fresh: self.fresh,
            id: self.id.clone(),
            wait: !self.no_wait,
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

/// What is sent in one frame has to fit into one, with room for the rest of the request.
fn check_length(what: &str, message: &impl Serialize) -> Result<(), CommandError> {
    const LIMIT: usize = MAX_PAYLOAD / 2;
    let length = serde_json::to_vec(message).map_or(usize::MAX, |json| json.len());
    if length > LIMIT {
        return Err(CommandError::usage(format!(
            "{what} takes {length} bytes, more than the {LIMIT} that can be sent"
        ))
        .hint("put it into a file of the checkout"));
    }
    Ok(())
}
