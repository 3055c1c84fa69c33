//! `crabbox ssh`

use super::Shared;
use super::bounds;
use super::config::repository;
use crate::claims::{Claim, Store, Way};
use crate::config::{Flags, Settings};
use crate::lease::{Desk, LAST, REPO, visit, workspace_name};
use crate::output::{CommandError, Exit, to_type};
use crate::places::Places;
use crate::transport::{self, Route, TransportError, ssh};
use crate::visit::{self, VisitError};
use clap::{Args, ValueHint};
use crabbox_provider_api::payload::Transport;
use crabbox_wire::message::{Command, Inherit, Request, Run};
use crabbox_wire::text::Text;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

/// Open a shell on a box, in its copy of the checkout
///
/// Over the connection of the lease's runs, and however its box is reached. Nothing is synced, no lock is taken, and the
/// lease stays as it is: a box that isn't ready has to be made so first. With a command, that is run instead, as `ssh`
/// would: its exit code is returned, and 255 may be ssh's own.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox ssh
  crabbox ssh amber-crab -- ls -l
  crabbox ssh amber-crab --config >> ~/.ssh/config")]
pub(super) struct Ssh {
    /// The lease: id, slug, `@last` or `@repo`; else this checkout's
    id: Option<String>,
    /// Give the command a terminal
    #[arg(short, long)]
    tty: bool,
    /// Print a line that does the same
    #[arg(long, conflicts_with_all = ["tty", "command", "config"])]
    print: bool,
    /// Print a `Host` block for editors
    #[arg(long, conflicts_with_all = ["tty", "command"])]
    config: bool,
    /// The command and its arguments
    #[arg(last = true, value_hint = ValueHint::AnyPath)]
    command: Vec<OsString>,
}

impl Ssh {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        let store = shared.store(&places)?;
        let claim = self.find(shared, &store, &places)?;
        drop(store);
        let flags = Flags { of_lease: true, ..shared.flags() };
        let settings = Settings::load(flags, None, &places)?;
        bounds::check_provider(&settings, &claim)?;
        let way = claim.way().ok_or_else(|| not_ready(&claim))?;
        let registry = shared.registry(&settings);
        let route = Route {
            lease: claim.id.as_str(),
            transport: &way.endpoint.transport,
            state: &places.state,
            declared: &|| Desk::declared(&registry, &claim.provider),
        };
        let folder = folder(&claim, way);
        if self.print {
            let line = transport::shell_line(&route, &folder);
            let line = line.map_err(|error| unspeakable(&error))?;
            return shared.printer.data(&format!("{line}\n"));
        }
        if self.config {
            return shared.printer.data(&block(&route, &claim)?);
        }
        self.enter(shared, &route, &claim, way)
    }

    /// That of the checkout is what a run would take there, or the last one used, whoever its provider is.
    fn find(&self, shared: &Shared, store: &Store, places: &Places) -> Result<Claim, CommandError> {
        if let Some(id) = &self.id {
            return shared.find(store, places, id);
        }
        shared.find(store, places, REPO).or_else(|error| {
            let last = shared.find(store, places, LAST).ok();
            last.filter(|claim| repository().as_ref() == Some(&claim.repository)).ok_or(error)
        })
    }

    /// Becomes the shell, or the command; returns only with a failure.
    fn enter(
        &self,
        shared: &Shared,
        route: &Route<'_>,
        claim: &Claim,
        way: &Way,
    ) -> Result<(), CommandError> {
        let request = visit(claim, &way.endpoint).ok_or_else(|| not_ready(claim))?;
        let mut request = Request { probe: true, ..request };
        let connecting = shared.printer.progress(format!("connecting to {}", claim.slug));
        let proved = prove(route, &request);
        drop(connecting);
        let socket = proved.map_err(|error| explain(&error, claim))?;
        request.probe = false;
        request.run = self.command();
        // As `ssh` does: a shell gets a terminal, a command only if it is asked for.
        let terminal = self.tty || (self.command.is_empty() && io::stdin().is_terminal());
        let attached = transport::attach(route, &request, socket.as_deref(), terminal);
        let error = match attached {
            Ok(mut command) => {
                let program = command.get_program().to_string_lossy().into_owned();
                let source = command.exec();
                TransportError::Start { program, source }
            }
            Err(error) => error,
        };
        Err(explain(&error.into(), claim))
    }

    fn command(&self) -> Option<Run> {
        let words = self.command.iter().map(|word| Text(word.as_bytes().to_vec())).collect();
        (!self.command.is_empty()).then(|| Run {
            // It is none: nobody asks for it again.
            id: "run_000000000000".to_owned(),
            command: Command::Argv(words),
            directory: Text::default(),
            environment: Inherit::AllBut(Vec::new()),
            await_environment: false,
            stdin: false,
            timeout_ms: None,
        })
    }
}

/// Makes sure that the box is the leased one, that there is a connection, and that the helper is there. Returns the
/// connection's socket, if it has one.
fn prove(route: &Route<'_>, request: &Request) -> Result<Option<PathBuf>, VisitError> {
    let proved = visit::prove(route, request);
    if let Err(VisitError::Transport(error)) = &proved
        && error.may_be_answered()
        && io::stdin().is_terminal()
        && io::stderr().is_terminal()
    {
        ssh::open_in_foreground(route)?;
        return Ok(visit::prove(route, request)?.1);
    }
    Ok(proved?.1)
}

fn not_ready(claim: &Claim) -> CommandError {
    let Claim { slug, .. } = claim;
    let message = format!("`{slug}` is {}: no way leads to its box now", claim.state());
    CommandError::new(Exit::Conflict, message)
        .hint(to_type(&["run", "--id", slug, "--keep", "--", "true"]))
}

fn explain(error: &VisitError, claim: &Claim) -> CommandError {
    if let VisitError::Transport(TransportError::Ssh(error)) = error {
        return error.into();
    }
    let result = CommandError::failed(error.to_string());
    let result = match std::error::Error::source(error) {
        Some(source) => result.because(source.to_string()),
        None => result,
    };
    result.hint(to_type(&["run", "--id", &claim.slug, "--", "true"]))
}

/// The copy of the checkout on the box, as a word for a shell there.
fn folder(claim: &Claim, way: &Way) -> String {
    let name = workspace_name(&claim.repository);
    let name = String::from_utf8_lossy(&name);
    transport::folder_word(&Path::new(&way.endpoint.work_root).join(&*name))
}

fn block(route: &Route<'_>, claim: &Claim) -> Result<String, CommandError> {
    let Transport::Ssh(to) = route.transport else {
        let message = format!("`{}` isn't reached by ssh: there is no block for it", claim.slug);
        return Err(CommandError::failed(message).hint(to_type(&["ssh", &claim.slug])));
    };
    ssh::editors(route, to).map_err(|error| unspeakable(&error))
}

fn unspeakable(error: &TransportError) -> CommandError {
    CommandError::failed(error.to_string())
}
