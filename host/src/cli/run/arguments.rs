//! What `crabbox run` takes, and what that comes to.

use super::bring::Bring;
use super::told::Told;
use crate::cli::order::{Choice, Files, Order, Program, refuse_to_nest};
use crate::cli::{Shared, bounds};
use crate::config::{Flags, Settings, parse_duration};
use crate::lease::{InUse, Wanted, random_bits};
use crate::output::CommandError;
use crate::places::real;
use crate::sync::Source;
use clap::{Args, ValueHint};
use crabbox_wire::frame::MAX_PAYLOAD;
use crabbox_wire::message::{Command, Environment};
use crabbox_wire::text::Text;
use serde::Serialize;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
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
#[command(
    before_help = "Examples:\n  crabbox run -- cargo test\n  crabbox run --shell 'make && ./check'\n  crabbox run --env RUST_LOG=debug --timeout 10m -- cargo test"
)]
pub(in crate::cli) struct Run {
    #[command(flatten)]
    choice: Choice,
    /// Use this lease: id, slug, `@last` or `@repo`
    #[arg(long, value_name = "ID", conflicts_with_all = ["fresh", "slug"])]
    id: Option<String>,
    /// Fail if the lease of `--id` is in use
    #[arg(long, requires = "id")]
    no_wait: bool,
    /// Run a line of shell instead of a program
    #[arg(long, value_name = "LINE", conflicts_with = "command")]
    shell: Option<OsString>,
    /// Run in this folder of the checkout
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
    /// Set a variable for the command, or hand one on
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    environment: Vec<OsString>,
    /// Keep this machine's variables from the command
    #[arg(long)]
    clean_env: bool,
    /// End the command after so long, such as 15m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    bring: Bring,
    #[command(flatten)]
    pub(super) told: Told,
    #[command(flatten)]
    files: Files,
    /// The command and its arguments
    #[arg(last = true, required_unless_present = "shell", value_hint = ValueHint::AnyPath)]
    command: Vec<OsString>,
}

impl Run {
    pub(super) fn check(self, shared: &Shared) -> Result<Order, CommandError> {
        refuse_to_nest("run").map_err(|error| error.hint("run the command itself"))?;
        let command = self.command();
        check_length("the command", &command)?;
        self.bring.check()?;
        self.told.check()?;
        // The settings of another provider, secrets among them, are none of its business.
        let provider = self.id.as_ref().and_then(|id| provider_of(id, shared));
        let more = Flags {
            provider,
            of_existing: self.id.is_some(),
            timeout: self.timeout,
            env: self.names(),
            junit: self.bring.junit.clone(),
            ..shared.flags()
        };
        let Self { choice, files, bring, environment: given, dir, .. } = self;
        let is_folder = files.from_dir.is_some();
        let mut order = choice.order(files, shared, more)?;
        let environment = environment(&given, &order.settings.env)?;
        check_length("the values of the variables", &environment)?;
        let run = format!("run_{:012x}", random_bits() & 0xffff_ffff_ffff);
        let collect = bring.wanted(&run, &order.settings, &order.source, &order.places)?;
        order.wanted = Wanted {
            in_use: if self.no_wait { InUse::Refuse } else { InUse::Another },
            id: self.id,
            run: Some(run.clone()),
            ..order.wanted
        };
        order.program = Some(Program {
            run,
            command,
            directory: directory(dir.as_deref(), &order.source, is_folder)?,
            environment,
            clean_env: self.clean_env,
            collect: Some(collect).filter(|wanted| !wanted.is_nothing()),
        });
        Ok(order)
    }

    /// The names in `--env`.
    fn names(&self) -> Vec<String> {
        let names = self.environment.iter().filter_map(|word| word.to_str());
        names.filter_map(|word| word.split('=').next()).map(str::to_owned).collect()
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

/// Whose box the lease has, if it can be used: whoever takes it says what is wrong with it.
fn provider_of(id: &str, shared: &Shared) -> Option<String> {
    let places = shared.places().ok()?;
    let store = shared.look(&places).ok()?;
    let claim = shared.find(&store, &places, id).ok()?;
    let settings =
        Settings::load(Flags { of_lease: true, ..shared.flags() }, None, &places).ok()?;
    bounds::check_provider(&settings, &claim).is_ok().then_some(claim.provider)
}

/// `--dir`, which counts from the current folder, or from that of `--from-dir`.
fn directory(
    folder: Option<&Path>,
    source: &Source,
    is_folder: bool,
) -> Result<Text, CommandError> {
    let Some(folder) = folder else {
        return Ok(Text::default());
    };
    let here = if is_folder { source.root.clone() } else { env::current_dir().unwrap_or_default() };
    let path = real(&here.join(folder));
    let relative = path.strip_prefix(&source.root).map_err(|_| {
        let (folder, root) = (folder.display(), source.root.display());
        CommandError::usage(format!("`--dir {folder}` isn't a folder of `{root}`"))
    })?;
    Ok(Text(relative.as_os_str().as_bytes().to_vec()))
}

/// What is handed on of these names, as far as it is set here, and what `--env` says: that
/// comes first, and has to be there.
fn environment(given: &[OsString], names: &[String]) -> Result<Environment, CommandError> {
    let here = |name: &String| {
        let value = env::var_os(name)?;
        Some((Text(name.clone().into_bytes()), Text(value.into_vec())))
    };
    let mut values: BTreeMap<_, _> = names.iter().filter_map(here).collect();
    for word in given {
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
