//! `crabbox provider call`

use crate::claims::Claim;
use crate::cli::Shared;
use crate::cli::bounds::{self, Deletion};
use crate::cli::caretaker::look_after;
use crate::cli::config::{checkout_or_folder, warn};
use crate::cli::interrupts::Interrupts;
use crate::cli::list::to_json;
use crate::cli::onlooker::Onlooker;
use crate::cli::provider::request::{Hook, Parts, parse_parts};
use crate::cli::stop::let_go;
use crate::config::{Flags, Settings};
use crate::lease::{self, How, InUse, Leaving, Wanted};
use crate::output::{CommandError, Exit, Typed, to_type};
use crate::places::Places;
use crate::registry::Library;
use clap::Args;
use crabbox_provider_api::payload::{DoctorRequest, ListRequest};
use serde_json::{Value, json};
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
    /// The hook: doctor, list, resolve, lease, release or extend
    #[arg(value_enum, hide_possible_values = true)]
    hook: Hook,
    /// Parts of the request, as JSON; the rest is filled in
    #[arg(long, value_name = "JSON", default_value = "{}", hide_default_value = true)]
    #[arg(value_parser = parse_parts)]
    request: Parts,
    /// The lease that it is about: id, slug, `@last` or `@repo`
    #[arg(long, value_name = "LEASE")]
    id: Option<String>,
    /// Delete without asking
    #[arg(long)]
    yes: bool,
    /// Show what crabbox and the provider say to each other
    #[arg(long)]
    pub(super) trace: bool,
}

/// What came of it: the hook's own answer, or the claim where the host acts on that.
enum Came {
    Answer(Value),
    Lease(Box<Claim>),
}

impl Call {
    pub(super) fn changes(&self) -> bool {
        match self.hook {
            Hook::Doctor | Hook::List => false,
            Hook::Resolve => self.request.connects().unwrap_or(false),
            Hook::Lease | Hook::Release | Hook::Extend => true,
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
        if let Some(key) = self.request.0.keys().find(|key| !keys.contains(&key.as_str())) {
            let key = key.escape_debug();
            let takes = keys.first().map_or("nothing".to_owned(), |key| format!("`{key}`"));
            let message = format!("`--request` of `{hook}` takes {takes}, and not `{key}`");
            let error = CommandError::usage(message);
            return Err(if key.to_string() == "settings" {
                error.hint(to_type(&["provider", "options", &self.provider]))
            } else {
                error.note("a resource comes from a lease: `--id LEASE`")
            });
        }
        match (&self.id, self.hook.is_about_a_lease()) {
            (None, true) => Err(CommandError::usage(format!("`{hook}` needs `--id LEASE`"))
                .hint(to_type(&["list"]))),
            (Some(_), false) => {
                Err(CommandError::usage(format!("`{hook}` isn't about a lease that is there")))
            }
            _ => Ok(()),
        }
    }

    fn call(&self, shared: &Shared) -> Result<Came, CommandError> {
        let places = shared.places()?;
        // What the machine enforces is set aside only for what lets go of a box, or just looks at it.
        let connects = self.hook == Hook::Resolve && self.request.connects()?;
        let uses = connects || self.hook == Hook::Extend;
        let of_lease = self.hook.is_about_a_lease() && !uses;
        let flags = Flags { of_lease, ..shared.flags() };
        let claim = self.claim(shared, &places, &flags)?;
        let repository = match &claim {
            Some(claim) => claim.repository.clone(),
            None => checkout_or_folder()?,
        };
        let flags = Flags { provider: Some(self.provider.clone()), ..flags };
        let settings = Settings::for_provider(flags, Some(&repository), &places)?;
        warn(shared.printer, &settings.warnings);
        let handed = &settings.provider_settings.handed;
        let mut desk = shared.desk(&places, &settings)?;
        let library = desk.registry.find(&self.provider)?;
        match self.hook {
            Hook::Doctor | Hook::List => self.ask(shared, &library, &settings),
            Hook::Lease => {
                let wanted = self.wanted(&settings, repository, None);
                let interrupts =
                    Interrupts::listen(shared.printer, desk.working(), to_type(&["list"]))?;
                let got = desk.acquire(&wanted).and_then(|mut held| {
                    desk.let_go(&mut held, &leaving(&settings, true), handed)?;
                    look_after(shared.printer, &places, &settings, &desk.registry, &held.claim);
                    Ok(held.claim)
                });
                let claim = got.map_err(|error| interrupts.explain(error))?;
                Ok(Came::Lease(Box::new(claim)))
            }
            Hook::Resolve | Hook::Release | Hook::Extend => {
                let claim = claim.expect("a hook about a lease has found its claim");
                if claim.provider != library.manifest.name {
                    let (slug, of) = (&claim.slug, &claim.provider);
                    let message =
                        format!("`{slug}` is a lease of `{of}`, not of `{}`", self.provider);
                    return Err(CommandError::new(Exit::Conflict, message));
                }
                if self.hook == Hook::Release {
                    let deletion = Deletion { word: "`delete`", yes: self.yes };
                    let deletion = self.request.deletes(&claim)?.then_some(deletion);
                    let (claim, _) =
                        let_go(shared, &settings, &mut desk, &claim, deletion.as_ref())?;
                    return Ok(Came::Lease(Box::new(claim)));
                }
                if self.hook == Hook::Extend {
                    let time = self.request.time()?;
                    bounds::check_provider(&settings, &claim)?;
                    bounds::check_ttl(&settings, time)?;
                    let again = Typed::here().to_string();
                    let interrupts = Interrupts::listen(shared.printer, desk.working(), again)?;
                    let extended = desk.extend(claim.id.as_str(), time, handed);
                    let claim = extended.map_err(|error| interrupts.explain(error))?;
                    look_after(shared.printer, &places, &settings, &desk.registry, &claim);
                    return Ok(Came::Lease(Box::new(claim)));
                }
                if !connects {
                    let resolution = desk.look(&claim, handed)?;
                    return Ok(Came::Answer(to_value(&resolution)?));
                }
                bounds::check_provider(&settings, &claim)?;
                let id = Some(claim.id.to_string());
                let wanted = self.wanted(&settings, claim.repository.clone(), id);
                let again = to_type(&["stop", &claim.slug]);
                let interrupts = Interrupts::listen(shared.printer, desk.working(), again)?;
                let reached = desk.acquire(&wanted).and_then(|mut held| {
                    if held.how == How::FoundReady {
                        // The claim knew the way, and nobody was asked.
                        held = desk.take_again(held, None, &wanted)?;
                    }
                    // It stays ready for its time, and is kept only if it was before.
                    held.how = How::FoundReady;
                    desk.let_go(&mut held, &leaving(&settings, false), handed)?;
                    look_after(shared.printer, &places, &settings, &desk.registry, &held.claim);
                    Ok(held.claim)
                });
                let claim = reached.map_err(|error| interrupts.explain(error))?;
                Ok(Came::Lease(Box::new(claim)))
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
        settings: &Settings,
    ) -> Result<Came, CommandError> {
        let _asking = shared.printer.progress(format!("asking {}", self.provider));
        let mut provider = lease::open(library, &settings.in_process, shared.printer)?;
        let settings = settings.provider_settings.handed.clone();
        let answer = if self.hook == Hook::Doctor {
            to_value(&provider.doctor(&DoctorRequest { settings }, LONGEST, &mut Onlooker)?)?
        } else {
            let request = ListRequest { settings, cursor: None };
            to_value(&provider.list(&request, LONGEST, &mut Onlooker)?)?
        };
        Ok(Came::Answer(answer))
    }

    fn wanted(&self, settings: &Settings, repository: PathBuf, id: Option<String>) -> Wanted {
        Wanted {
            repository,
            provider: settings.provider.clone(),
            settings: settings.provider_settings.handed.clone(),
            profile: settings.provider_settings.profile.clone(),
            login: settings.provider_settings.login.clone(),
            prefix: settings.provider_settings.prefix.clone(),
            release: settings.release,
            keep: true,
            ttl: settings.ttl,
            asked_ttl: None,
            fresh: self.hook == Hook::Lease,
            slug: None,
            id,
            in_use: InUse::Refuse,
            run: None,
        }
    }
}

/// A box that no run was on.
fn leaving(settings: &Settings, keep: bool) -> Leaving {
    Leaving {
        keep,
        ready: false,
        idle: settings.idle,
        asked_idle: None,
        longest_idle: settings.longest_idle,
        linger: None,
        run_is_over: false,
    }
}

fn to_value(answer: &impl serde::Serialize) -> Result<Value, CommandError> {
    serde_json::to_value(answer)
        .map_err(|error| CommandError::failed("the answer can't be shown").because(error))
}
