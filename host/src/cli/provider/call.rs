//! `crabbox provider call`

use crate::claims::Claim;
use crate::cli::Shared;
use crate::cli::bounds;
use crate::cli::config::warn;
use crate::cli::confirm::Question;
use crate::cli::list::to_json;
use crate::config::{Flags, REPOSITORY_FILE, Settings};
use crate::lease::{How, Wanted, random_bits};
use crate::output::{CommandError, Exit};
use crate::places::Places;
use crate::provider::{self, Callbacks};
use crate::registry::Library;
use clap::{Args, ValueEnum};
use crabbox_provider_api::payload::{self, Checkpoint, DoctorRequest, ListRequest, ReleaseAction};
use serde_json::{Map, Value, json};
use std::env;
use std::path::PathBuf;
use std::time::Duration;

/// How long a hook that changes nothing may take.
const LONGEST: Duration = Duration::from_mins(10);

/// Call one hook of a provider, for whoever writes it
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox provider call NAME doctor --trace
  crabbox provider call NAME lease
  crabbox provider call NAME resolve --id amber-crab
  crabbox provider call NAME release --id amber-crab")]
pub(in crate::cli) struct Call {
    /// The provider
    #[arg(value_name = "NAME")]
    provider: String,
    /// The hook: doctor, list, resolve, lease or release
    #[arg(value_enum, hide_possible_values = true)]
    hook: Hook,
    /// Parts of the request, as JSON; the rest is filled in
    #[arg(long, value_name = "JSON", default_value = "{}", hide_default_value = true)]
    #[arg(value_parser = parse_object)]
    request: Map<String, Value>,
    /// The lease whose box it is about: its id or slug
    #[arg(long, value_name = "LEASE")]
    id: Option<String>,
    /// Delete without asking
    #[arg(long)]
    yes: bool,
    /// Show what crabbox and the provider say to each other
    #[arg(long)]
    pub(super) trace: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Hook {
    Doctor,
    List,
    Resolve,
    Lease,
    Release,
}

/// What came of it: the hook's own answer, or the claim where the host acts on that.
enum Came {
    Answer(Value),
    Lease(Box<Claim>),
}

impl Hook {
    fn name(self) -> &'static str {
        match self {
            Self::Doctor => "doctor",
            Self::List => "list",
            Self::Resolve => "resolve",
            Self::Lease => "lease",
            Self::Release => "release",
        }
    }

    /// What may be asked for. A resource is never among it: that comes from a claim alone. Settings
    /// that nobody has checked are only for hooks that change nothing.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Doctor | Self::List => &["settings"],
            Self::Lease => &[],
            Self::Resolve => &["intent"],
            Self::Release => &["action"],
        }
    }

    fn is_about_a_lease(self) -> bool {
        matches!(self, Self::Resolve | Self::Release)
    }
}

impl Call {
    pub(super) fn changes(&self) -> bool {
        match self.hook {
            Hook::Doctor | Hook::List => false,
            Hook::Resolve => self.connects().unwrap_or(false),
            Hook::Lease | Hook::Release => true,
        }
    }

    pub(super) fn execute(&self, shared: &Shared) -> Result<(), CommandError> {
        self.check()?;
        let came = self.call(shared)?;
        if shared.printer.json {
            let (answer, lease) = match came {
                Came::Answer(answer) => (answer, Value::Null),
                Came::Lease(claim) => (Value::Null, to_json(&claim)),
            };
            return shared.printer.document(&json!({
                "schema_version": 1,
                "provider": self.provider,
                "hook": self.hook.name(),
                "answer": answer,
                "lease": lease,
            }));
        }
        let shown = match came {
            Came::Answer(answer) => answer,
            Came::Lease(claim) => to_json(&claim),
        };
        shared.printer.data(&format!("{shown:#}\n"))
    }

    fn check(&self) -> Result<(), CommandError> {
        let hook = self.hook.name();
        let keys = self.hook.keys();
        if let Some(key) = self.request.keys().find(|key| !keys.contains(&key.as_str())) {
            let key = key.escape_debug();
            let takes = keys.first().map_or("nothing".to_owned(), |key| format!("`{key}`"));
            let message = format!("`--request` of `{hook}` takes {takes}, and not `{key}`");
            return Err(
                CommandError::usage(message).hint("a resource comes from a lease: `--id LEASE`")
            );
        }
        if self.request.get("settings").is_some_and(|settings| !settings.is_object()) {
            return Err(CommandError::usage("`settings` of `--request` must be an object"));
        }
        match (&self.id, self.hook.is_about_a_lease()) {
            (None, true) => {
                Err(CommandError::usage(format!("`{hook}` needs `--id LEASE`"))
                    .hint("crabbox list"))
            }
            (Some(_), false) => {
                Err(CommandError::usage(format!("`{hook}` isn't about a lease that is there")))
            }
            _ => Ok(()),
        }
    }

    fn call(&self, shared: &Shared) -> Result<Came, CommandError> {
        let places = shared.places()?;
        // What the machine enforces is set aside only for what lets go of a box, or just looks at it.
        let connects = self.hook == Hook::Resolve && self.connects()?;
        let of_lease = self.hook.is_about_a_lease() && !connects;
        let flags = Flags { of_lease, ..shared.flags() };
        let claim = self.claim(shared, &places, &flags)?;
        let repository = match &claim {
            Some(claim) => claim.repository.clone(),
            None => repository()?,
        };
        let flags = Flags { provider: Some(self.provider.clone()), ..flags };
        let settings = Settings::for_provider(flags, Some(&repository), &places)?;
        warn(shared.printer, &settings.warnings);
        let handed = &settings.provider_settings.handed;
        let mut desk = shared.desk(&places, &settings)?;
        let library = desk.registry.find(&self.provider)?;
        match self.hook {
            Hook::Doctor | Hook::List => self.ask(shared, &library, handed.clone()),
            Hook::Lease => {
                let wanted = self.wanted(&settings, repository, None);
                let mut held = desk.acquire(&wanted)?;
                desk.let_go(&mut held, true, settings.idle, handed)?;
                Ok(Came::Lease(Box::new(held.claim)))
            }
            Hook::Resolve | Hook::Release => {
                let claim = claim.expect("a hook about a lease has found its claim");
                if claim.provider != library.manifest.name {
                    let (slug, of) = (&claim.slug, &claim.provider);
                    let message =
                        format!("`{slug}` is a lease of `{of}`, not of `{}`", self.provider);
                    return Err(CommandError::new(Exit::Conflict, message));
                }
                if self.hook == Hook::Release {
                    let delete = self.deletes(&claim)?;
                    if let Some(enforcement) = settings.no_deletion.as_ref().filter(|_| delete) {
                        let message =
                            format!("nothing is deleted: for `lease.release`, {enforcement}");
                        return Err(CommandError::usage(message).code("enforced"));
                    }
                    self.confirm(shared, &claim, delete)?;
                    let id = claim.id.as_str();
                    let (claim, _) = desk.stop(id, delete, handed)?;
                    return Ok(Came::Lease(Box::new(claim)));
                }
                if !connects {
                    let resolution = desk.look(&claim, handed)?;
                    return Ok(Came::Answer(to_value(&resolution)?));
                }
                bounds::check_provider(&settings, &claim)?;
                let id = Some(claim.id.to_string());
                let wanted = self.wanted(&settings, claim.repository.clone(), id);
                let mut held = desk.acquire(&wanted)?;
                if held.how == How::FoundReady {
                    // The claim knew the way, and nobody was asked.
                    held = desk.take_again(held, &wanted)?;
                }
                desk.let_go(&mut held, true, settings.idle, handed)?;
                Ok(Came::Lease(Box::new(held.claim)))
            }
        }
    }

    /// The claim that it is about. It is looked for before the settings are read: those of the
    /// checkout that it was leased for hold.
    fn claim(
        &self,
        shared: &Shared,
        places: &Places,
        flags: &Flags,
    ) -> Result<Option<Claim>, CommandError> {
        let Some(id) = &self.id else { return Ok(None) };
        // The bounds are judged with all that holds for the call itself.
        let flags = Flags { of_lease: true, ..flags.clone() };
        let settings = Settings::load(flags, None, places)?;
        shared.desk(places, &settings)?.find(id).map(Some)
    }

    /// Calls a hook that changes nothing.
    fn ask(
        &self,
        shared: &Shared,
        library: &Library,
        mut settings: payload::Settings,
    ) -> Result<Came, CommandError> {
        if let Some(Value::Object(more)) = self.request.get("settings") {
            settings.extend(more.clone());
        }
        let _asking = shared.printer.progress(format!("asking {}", self.provider));
        let mut provider = provider::open(library, &provider::Options::default())?;
        let answer = if self.hook == Hook::Doctor {
            to_value(&provider.doctor(&DoctorRequest { settings }, LONGEST, &mut Onlooker)?)?
        } else {
            to_value(&provider.list(
                &ListRequest { settings, cursor: None },
                LONGEST,
                &mut Onlooker,
            )?)?
        };
        Ok(Came::Answer(answer))
    }

    fn wanted(&self, settings: &Settings, repository: PathBuf, id: Option<String>) -> Wanted {
        Wanted {
            repository,
            provider: settings.provider.clone(),
            settings: settings.provider_settings.handed.clone(),
            profile: settings.provider_settings.profile.clone(),
            release: settings.release,
            keep: true,
            fresh: self.hook == Hook::Lease,
            id,
            wait: false,
            run: format!("run_{:012x}", random_bits() & 0xffff_ffff_ffff),
        }
    }

    fn connects(&self) -> Result<bool, CommandError> {
        match self.request.get("intent").map(Value::as_str) {
            None | Some(Some("status")) => Ok(false),
            Some(Some("connect")) => Ok(true),
            Some(_) => Err(CommandError::usage("`intent` must be `status` or `connect`")),
        }
    }

    /// What was settled when it was leased holds, unless deleting is asked for.
    fn deletes(&self, claim: &Claim) -> Result<bool, CommandError> {
        match (self.request.get("action").map(Value::as_str), claim.release) {
            (None, action) => Ok(action == ReleaseAction::Delete),
            (Some(Some("delete")), _) => Ok(true),
            (Some(Some("park")), ReleaseAction::Park) => Ok(false),
            (Some(Some("park")), ReleaseAction::Delete) => {
                let message = format!("`{}` was leased to be deleted at its end", claim.slug);
                Err(CommandError::new(Exit::Conflict, message))
            }
            (Some(_), _) => Err(CommandError::usage("`action` must be `park` or `delete`")),
        }
    }

    fn confirm(&self, shared: &Shared, claim: &Claim, delete: bool) -> Result<(), CommandError> {
        if !delete || self.yes {
            return Ok(());
        }
        let slug = &claim.slug;
        Question {
            ask: format!("delete the box of `{slug}` with all that is on it? [y/N]"),
            refused: format!("deleting `{slug}` must be confirmed"),
            line: format!("crabbox stop {slug} --delete --yes"),
            left: format!("`{slug}` is left as it is"),
        }
        .put(shared)
    }
}

/// A host for which nothing is made.
struct Onlooker;

impl Callbacks for Onlooker {
    fn checkpoint(&mut self, _: &Checkpoint) -> Result<(), String> {
        Err("this hook makes nothing".to_owned())
    }

    fn progress(&mut self, text: &str) {
        tracing::info!("{text}");
    }
}

/// The checkout that this is for, or the folder where there is none.
fn repository() -> Result<PathBuf, CommandError> {
    let here = env::current_dir().and_then(|here| here.canonicalize());
    let here = here.map_err(|error| {
        CommandError::failed(format!("the folder of `{REPOSITORY_FILE}` isn't known"))
            .because(error)
    })?;
    Ok(crate::cli::config::repository().unwrap_or(here))
}

fn to_value(answer: &impl serde::Serialize) -> Result<Value, CommandError> {
    serde_json::to_value(answer)
        .map_err(|error| CommandError::failed("the answer can't be shown").because(error))
}

fn parse_object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(request)) => Ok(request),
        Ok(_) => Err("expected a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
