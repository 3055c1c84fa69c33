//! What this process does, from the line that was typed to its exit code: which command it is, where it is logged, and how a
//! failure becomes a code.

use super::line::{Command, Common, parse};
use super::shared::Shared;
use super::{bug, caretaker, completions, usage, version};
use crate::log::{self, Keep, Wanted};
use crate::output::{CommandError, Exit, Manner, Printer, Typed};
use crate::provider::exec;
use crate::redact;
use crate::run::{CRABBOX_FAILED, Origin, Outcome};
use std::process::ExitCode;
use tracing::field::Empty;
use tracing::{Span, info_span};

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
        let is_there = || !shared.places().is_ok_and(|places| shared.is_without_state(&places));
        let keeps = match self {
            Self::Run(_) | Self::Warmup(_) | Self::Adopt(_) => true,
            Self::Cp(_) | Self::Extend(_) | Self::Stop(_) | Self::Forget(_) => is_there(),
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
            Self::History(_) => "history",
            Self::Logs(_) => "logs",
            Self::Results(_) => "results",
            Self::Report(_) => "report",
            Self::Artifacts(_) => "artifacts",
            Self::Slow(_) => "slow",
            Self::Bundle(_) => "bundle",
            Self::Verify(_) => "verify",
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
            Self::History(history) => history.execute(shared).map(|()| Exit::Ok),
            Self::Logs(logs) => logs.execute(shared).map(|()| Exit::Ok),
            Self::Results(results) => results.execute(shared).map(|()| Exit::Ok),
            Self::Report(report) => report.execute(shared).map(|()| Exit::Ok),
            Self::Artifacts(artifacts) => artifacts.execute(shared),
            Self::Slow(slow) => slow.execute(shared).map(|()| Exit::Ok),
            Self::Bundle(bundle) => bundle.execute(shared).map(|()| Exit::Ok),
            Self::Verify(verify) => verify.execute(shared),
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
