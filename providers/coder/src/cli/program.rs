//! How `coder` is run: by the host, with nothing to read, and never longer than it may take.

use super::build_log;
use super::failure::{Failed, Reason, reinstall};
use super::told::{Login, Preset, PresetRow, Template, TemplateRow, Versions, Workspace, elements};
use super::version::Version;
use crabbox_provider_api::exec::{Command, ExecErrorKind, LARGEST_CAP, Output};
use crabbox_provider_api::payload::{Scope, Settings};
use crabbox_provider_api::{Effect, Error, ErrorCode, ExecError, Host};
use serde::de::DeserializeOwned;
use std::cell::OnceCell;
use std::convert::Infallible;
use std::env;
use std::ops::ControlFlow;
use std::time::Duration;

/// A question. It has no deadline of its own.
const SHORT: Duration = Duration::from_mins(1);

/// A build, which may wait behind others.
pub(crate) const LONG: Duration = Duration::from_mins(18);

/// How much is taken of what one workspace is told with: it may have many scripts.
const ONE: usize = 16 * 1024 * 1024;

/// Stands for a deployment that isn't known yet.
const SOMEWHERE: &str = "?";

/// The program, for one hook.
pub(crate) struct Cli<'a> {
    pub(crate) host: &'a Host,
    pub(crate) program: String,
    /// Which deployment it asks, once that is known.
    deployment: OnceCell<String>,
}

impl<'a> Cli<'a> {
    pub(crate) fn new(settings: &Settings, host: &'a Host) -> Self {
        let program = settings.text("cli").unwrap_or("coder").to_owned();
        Self { host, program, deployment: OnceCell::new() }
    }

    /// For what belongs there, if that is known.
    pub(crate) fn of(settings: &Settings, host: &'a Host, scope: Option<&Scope>) -> Self {
        let deployment = scope.map_or_else(OnceCell::new, |scope| scope.deployment.clone().into());
        Self { deployment, ..Self::new(settings, host) }
    }

    /// Which one it is; nobody is asked for that.
    pub(crate) fn version(&self) -> Result<Version, Error> {
        let output = self.asks(self.command(["version", "-o", "json"]), "coder version")?;
        let text = output.stdout_text();
        let told = text.find('{').and_then(|at| text.get(at..));
        let told = told.and_then(|text| serde_json::from_str::<Versions>(text).ok());
        let version = told.and_then(|told| Version::parse(&told.version));
        version.ok_or_else(|| self.senseless("coder version", &text))
    }

    pub(crate) fn whoami(&self) -> Result<Login, Error> {
        let output = self.asks(self.command(["whoami", "-o", "json"]), "coder whoami")?;
        let mut logins: Vec<Login> = self.read("coder whoami", &output)?;
        let login =
            logins.pop().ok_or_else(|| self.senseless("coder whoami", &output.stdout_text()))?;
        let _ = self.deployment.set(login.deployment().to_owned());
        Ok(login)
    }

    /// The one with this immutable id, whoever owns it.
    pub(crate) fn by_id(&self, id: &str) -> Result<Option<Workspace>, Error> {
        let found = self.search(&format!("id:{id}"))?;
        self.sane(found.into_iter().find(|workspace| workspace.id == id))
    }

    /// The one of this login with this name: what is searched for is a part of it.
    pub(crate) fn by_name(&self, name: &str) -> Result<Option<Workspace>, Error> {
        let found = self.search(&format!("owner:me name:{name}"))?;
        self.sane(found.into_iter().find(|workspace| workspace.name.eq_ignore_ascii_case(name)))
    }

    /// One that something may be done with.
    fn sane(&self, found: Option<Workspace>) -> Result<Option<Workspace>, Error> {
        match found {
            Some(one) if !one.can_be_named() => {
                let names = format!("{} {}/{}", one.id, one.owner_name, one.name);
                Err(self.senseless("coder list", &names))
            }
            found => Ok(found),
        }
    }

    /// Those of this login, or all that it may see.
    pub(crate) fn all(&self, own: bool) -> Result<Vec<Workspace>, Error> {
        let command = self.command(["list", "-o", "json"]);
        let command = if own { command } else { command.arg("--all") };
        self.list(command.cap(LARGEST_CAP))
    }

    fn search(&self, search: &str) -> Result<Vec<Workspace>, Error> {
        self.list(self.command(["list", "-o", "json", "--search", search]).cap(ONE))
    }

    /// Many at once are what a deployment is slow with, and what it counts: here they come one after the other.
    fn list(&self, command: Command) -> Result<Vec<Workspace>, Error> {
        let known = self.deployment.get().cloned();
        let given = || env::var("CODER_URL").ok().filter(|url| !url.is_empty());
        let deployment = known.or_else(given).unwrap_or_else(|| SOMEWHERE.to_owned());
        let output = self.asks(command.lock(deployment), "coder list")?;
        self.read("coder list", &output)
    }

    pub(crate) fn templates(&self) -> Result<Vec<Template>, Error> {
        let command = self.command(["templates", "list", "-o", "json"]).cap(ONE);
        let output = self.asks(command, "coder templates list")?;
        let rows: Vec<TemplateRow> = self.read("coder templates list", &output)?;
        Ok(rows.into_iter().map(|row| row.template).collect())
    }

    pub(super) fn presets(
        &self,
        template: &str,
        organization: Option<&str>,
        version: Option<&str>,
    ) -> Result<Vec<Preset>, Error> {
        let mut command = self.command(["templates", "presets", "list", template, "-o", "json"]);
        for (flag, value) in [("--org", organization), ("--template-version", version)] {
            command = command.args(value.into_iter().flat_map(|value| [flag, value]));
        }
        let output = self.asks(command.cap(ONE), "coder templates presets list")?;
        let rows: Vec<PresetRow> = self.read("coder templates presets list", &output)?;
        Ok(rows.into_iter().map(|row| row.preset).collect())
    }

    /// A build of a workspace that is there: followed to its end, or why not.
    pub(crate) fn builds(&self, verb: &str, arguments: &[&str]) -> Result<Option<Failed>, Error> {
        let command = self.command([verb]).args(arguments.iter().copied());
        let follow = |_, line: &str| {
            self.tell_stage(line);
            ControlFlow::Continue::<Infallible>(())
        };
        let ControlFlow::Continue(output) = self
            .host
            .exec_until(command.deadline(LONG).keep_end(), follow)
            .map_err(Self::not_run)?;
        Ok((!output.success()).then(|| Failed::of(&format!("coder {verb}"), &output)))
    }

    /// Says what a build waits for that may take minutes, as it goes by in its log.
    pub(super) fn tell_stage(&self, line: &str) {
        if let Some(why) = build_log::stage(line) {
            self.host.progress(&why);
        }
    }

    /// Something else that changes something, and takes no time.
    pub(crate) fn does(&self, words: &[&str]) -> Result<Option<Failed>, Error> {
        let output = self.runs(self.command(words.iter().copied()))?;
        let what = format!("coder {}", words.iter().take(2).copied().collect::<Vec<_>>().join(" "));
        Ok((!output.success()).then(|| Failed::of(&what, &output)))
    }

    /// What the two versions and a licence are is nobody's business each time.
    pub(super) fn command<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> Command {
        Command::new(&self.program)
            .args(words)
            .env("CODER_NO_VERSION_WARNING", "true")
            .env("CODER_NO_FEATURE_WARNING", "true")
            .deadline(SHORT)
    }

    fn runs(&self, command: Command) -> Result<Output, Error> {
        self.host.exec(command).map_err(Self::not_run)
    }

    fn asks(&self, command: Command, what: &str) -> Result<Output, Error> {
        let output = self.runs(command).map_err(|error| error.effect(Effect::None))?;
        if output.success() {
            return Ok(output);
        }
        let failed = Failed::of(what, &output);
        let error = failed.error().effect(Effect::None);
        Err(match failed.reason {
            Reason::Other => error.hint(what.to_owned()),
            _ => error,
        })
    }

    /// One that isn't there, or says nothing in all its time.
    pub(super) fn not_run(error: ExecError) -> Error {
        let kind = error.kind;
        let error = Error::from(error);
        match kind {
            ExecErrorKind::NotFound => error.code(ErrorCode::InvalidConfig)
                .hint("install `coder`, or set cli to where it is: your deployment has it at `/install.sh`"),
            ExecErrorKind::NotExecutable => error.hint("set cli to a `coder` that can be run here"),
            ExecErrorKind::Deadline => error.retryable().hint("coder whoami"),
            _ => error,
        }
    }

    fn read<T: DeserializeOwned>(&self, what: &str, output: &Output) -> Result<Vec<T>, Error> {
        let text = output.stdout_text();
        elements(&text).map_err(|_| self.senseless(what, &text))
    }

    /// Its first line is enough to see what it is.
    fn senseless(&self, what: &str, text: &str) -> Error {
        let first: String = text.lines().next().unwrap_or_default().chars().take(80).collect();
        let program = &self.program;
        let message = format!("`{what}` (`{program}`) says what makes no sense: `{first}`");
        Error::new(ErrorCode::Internal, message).hint(reinstall()).effect(Effect::None)
    }
}
