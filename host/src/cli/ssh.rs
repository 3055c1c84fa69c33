//! `crabbox ssh`

use super::Shared;
use super::config::repository;
use super::visit::Visit;
use crate::claims::Claim;
use crate::lease::{LAST, REPO, workspace_name};
use crate::output::{CommandError, to_type};
use crate::transport::{self, Route, TransportError, ssh};
use crate::visit::{VisitError, prove};
use clap::{Args, ValueHint};
use crabbox_provider_api::payload::Transport;
use crabbox_wire::message::{Command, Inherit, Request, Run};
use crabbox_wire::text::Text;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;

/// Open a shell on a box, in its copy of the checkout
///
/// Over the connection of the lease's runs, and however its box is reached. Nothing is synced, no lock is taken, and the
/// lease stays as it is: a box that isn't ready has to be made so first. With a command, that is run instead, as `ssh`
/// would: its exit code is returned (126 not executable, 127 not found), and 255 may be ssh's own.
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
        let visit = Visit::to(&self.reference(shared)?, shared)?;
        if self.print {
            let line = visit.with_route(|route| transport::shell_line(route, &folder(&visit)));
            let line = line.map_err(|error| unspeakable(&error))?;
            return shared.printer.data(&format!("{line}\n"));
        }
        if self.config {
            return shared.printer.data(&visit.with_route(|route| block(route, &visit.claim))?);
        }
        self.enter(shared, &visit)
    }

    /// That of the checkout is what a run would take there, or the last one used, whoever its provider is.
    fn reference(&self, shared: &Shared) -> Result<String, CommandError> {
        if let Some(id) = &self.id {
            return Ok(id.clone());
        }
        let places = shared.places()?;
        shared.check_state(&places)?;
        let store = shared.store(&places)?;
        let found = shared.find(&store, &places, REPO).or_else(|error| {
            let last = shared.find(&store, &places, LAST).ok();
            last.filter(|claim| repository().as_ref() == Some(&claim.repository)).ok_or(error)
        });
        Ok(found?.id.to_string())
    }

    /// Becomes the shell, or the command; returns only with a failure.
    fn enter(&self, shared: &Shared, visit: &Visit) -> Result<(), CommandError> {
        let probe = Request { probe: true, ..visit.request.clone() };
        let connecting = shared.printer.progress(format!("connecting to {}", visit.claim.slug));
        let proved = visit.by_route(|route| prove(route, &probe), VisitError::unreached);
        drop(connecting);
        let (_, socket) = proved.map_err(|error| visit.explain(&error))?;
        let request = Request { run: self.command(), ..visit.request.clone() };
        // As `ssh` does: a shell gets a terminal, a command only if it is asked for.
        let terminal = self.tty || (self.command.is_empty() && io::stdin().is_terminal());
        let attached = visit
            .with_route(|route| transport::attach(route, &request, socket.as_deref(), terminal));
        let error = match attached {
            Ok(mut command) => {
                let program = command.get_program().to_string_lossy().into_owned();
                let source = command.exec();
                TransportError::Start { program, source }
            }
            Err(error) => error,
        };
        Err(visit.explain(&error.into()))
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
            collect: None,
        })
    }
}

/// The copy of the checkout on the box, as a word for a shell there.
fn folder(visit: &Visit) -> String {
    let name = workspace_name(&visit.claim.repository);
    let name = String::from_utf8_lossy(&name);
    transport::folder_word(&Path::new(&visit.endpoint.work_root).join(&*name))
}

fn block(route: &Route<'_>, claim: &Claim) -> Result<String, CommandError> {
    let Transport::Ssh(to) = route.transport else {
        let message = format!("`{}` isn't reached by ssh: there is no block for it", claim.slug);
        return Err(CommandError::failed(message).hint(to_type(&["ssh", &claim.slug])));
    };
    ssh::editors(route, to, &format!("crabbox-{}", claim.slug)).map_err(|error| unspeakable(&error))
}

fn unspeakable(error: &TransportError) -> CommandError {
    CommandError::failed(error.to_string())
}
