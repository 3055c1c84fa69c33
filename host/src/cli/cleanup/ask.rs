//! Each provider's claims, one after the other; all providers at once, each with its own time. One that
//! is broken is in nobody's way.

use crate::claims::{Claim, ClaimError};
use crate::cli::Shared;
use crate::cli::onlooker::Onlooker;
use crate::config::{Enforcement, Flags, Setting, Settings};
use crate::lease::{self, Cleaned, Desk, Done, Order, Why, Working};
use crate::output::{CommandError, Exit, to_type};
use crate::places::Places;
use crate::registry::{self, FindError, Registry};
use crabbox_provider_api::ErrorCode;
use crabbox_provider_api::payload::{self, ListRequest, Listed};
use std::thread;
use std::time::Duration;
use tracing::Span;

/// How long all that is asked of one provider may take.
const LONGEST: Duration = Duration::from_mins(15);

/// How long its list may take.
const LIST: Duration = Duration::from_mins(1);

/// What is asked of one provider.
pub(super) struct Group {
    pub(super) provider: String,
    pub(super) claims: Vec<Claim>,
    /// It is asked for what has no claim, too.
    pub(super) lists: bool,
}

/// What came of it.
pub(super) struct Answer {
    pub(super) provider: String,
    pub(super) cleaned: Vec<Cleaned>,
    /// What looks like crabbox's and has no claim here.
    pub(super) unclaimed: Vec<Listed>,
    /// Why nothing is known of that, or not everything was done.
    pub(super) trouble: Option<CommandError>,
}

/// What all of them need.
pub(super) struct Asking<'a> {
    pub(super) shared: &'a Shared,
    pub(super) places: &'a Places,
    pub(super) settings: &'a Settings,
    pub(super) flags: Flags,
    pub(super) order: Order,
    /// Only say what would be done.
    pub(super) dry_run: bool,
}

impl Asking<'_> {
    pub(super) fn all(&self, groups: Vec<Group>, workings: &[Working]) -> Vec<Answer> {
        let span = Span::current();
        // Told of on the way.
        drop(self.shared.registry(self.settings));
        thread::scope(|scope| {
            let asked = groups.into_iter().zip(workings).map(|(group, working)| {
                let span = span.clone();
                scope.spawn(move || span.in_scope(|| self.one(group, working)))
            });
            let threads: Vec<_> = asked.collect();
            threads.into_iter().map(|one| one.join().expect("asking doesn't panic")).collect()
        })
    }

    fn one(&self, group: Group, working: &Working) -> Answer {
        let Group { provider, claims, lists } = group;
        let mut answer =
            Answer { provider, cleaned: Vec::new(), unclaimed: Vec::new(), trouble: None };
        let lists = || lists && !working.is_interrupted();
        let result = if self.dry_run {
            self.plan(&claims, &mut answer).and_then(|()| {
                // One that is open already needn't see what others write.
                let after = || self.shared.look(self.places)?.all(false).map_err(Into::into);
                if lists() {
                    self.list(&self.registry(), &claims, after, &mut answer)
                } else {
                    Ok(())
                }
            })
        } else {
            self.desk(working.clone()).and_then(|mut desk| {
                self.clean(&mut desk, &claims, &mut answer)?;
                let after = || desk.store.all(false).map_err(Into::into);
                if lists() {
                    self.list(&desk.registry, &claims, after, &mut answer)
                } else {
                    Ok(())
                }
            })
        };
        answer.trouble = result.err();
        answer
    }

    fn registry(&self) -> Registry {
        Registry::new(registry::Places::discover(self.settings.provider_path.clone()))
    }

    /// Nothing is made or written for it.
    fn plan(&self, claims: &[Claim], answer: &mut Answer) -> Result<(), CommandError> {
        let store = self.shared.look(self.places)?;
        for claim in claims {
            answer.cleaned.extend(lease::plan(&store, claim, &self.order)?);
        }
        Ok(())
    }

    fn desk(&self, working: Working) -> Result<Desk, CommandError> {
        working.end_within(LONGEST);
        let store = self.shared.store(self.places)?;
        let desk = Desk::new(store, self.registry(), self.shared.printer);
        Ok(desk.with_in_process(self.settings.in_process.clone()).with_working(working))
    }

    fn clean(
        &self,
        desk: &mut Desk,
        claims: &[Claim],
        answer: &mut Answer,
    ) -> Result<(), CommandError> {
        let handed = |claim: &Claim| {
            let provider = Some(claim.provider.clone());
            let flags = Flags { provider, ..self.flags.clone() };
            let settings = Settings::for_provider(flags, Some(&claim.repository), self.places)?;
            Ok(settings.provider_settings.handed)
        };
        for claim in claims {
            if desk.working().is_interrupted() {
                break;
            }
            answer.cleaned.extend(desk.clean(claim, &self.order, &handed)?);
        }
        Ok(())
    }

    /// What the provider lists and no claim names: neither one that was there before it was asked,
    /// nor one that came meanwhile.
    fn list(
        &self,
        registry: &Registry,
        before: &[Claim],
        after: impl Fn() -> Result<(Vec<Claim>, Vec<ClaimError>), CommandError>,
        answer: &mut Answer,
    ) -> Result<(), CommandError> {
        let name = &answer.provider;
        let is_allowed =
            |enforcement: &Enforcement| enforcement.bound.admits(&Setting::Text(name.clone()));
        if !self.settings.providers.as_ref().is_none_or(is_allowed) {
            return Ok(());
        }
        let library = match registry.find(name) {
            Ok(library) => library,
            // Told of with its claims, if it has some.
            Err(FindError::Missing { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let flags = Flags { provider: Some(name.clone()), ..self.flags.clone() };
        let settings = Settings::for_provider(flags, None, self.places)?;
        let request =
            ListRequest { cursor: None, settings: settings.provider_settings.handed.clone() };
        let _asking = self.shared.printer.progress(format!("asking {name}"));
        let mut provider = lease::open(&library, &self.settings.in_process, self.shared.printer)?;
        let listed = match provider.list(&request, LIST, &mut Onlooker) {
            Ok(inventory) => inventory.resources,
            Err(error) => match error.answer() {
                Some(answer) if answer.code == ErrorCode::Unsupported => return Ok(()),
                _ => return Err(error.into()),
            },
        };
        let (after, _) = after()?;
        let is_named = |claim: &Claim, one: &payload::Resource| {
            claim.made().is_some_and(|made| match &made.id {
                Some(_) => made.id == one.id,
                None => made.name == one.name,
            })
        };
        let is_claimed =
            |one: &payload::Resource| before.iter().chain(&after).any(|claim| is_named(claim, one));
        let looks_ours =
            |one: &Listed| one.lease.as_ref().is_some_and(|lease| lease.starts_with("cbx_"));
        answer.unclaimed = listed
            .into_iter()
            .filter(|one| looks_ours(one) && !is_claimed(&one.resource))
            .collect();
        Ok(())
    }
}

impl Answer {
    /// Is there something left to try again?
    pub(super) fn again(&self) -> bool {
        self.trouble.is_some() || self.cleaned.iter().any(Cleaned::again)
    }
}

/// What to type about a claim that stays.
pub(super) fn lines(cleaned: &Cleaned) -> Vec<String> {
    let slug = &cleaned.claim.slug;
    let stop = || to_type(&["stop", slug]);
    match (&cleaned.done, cleaned.why) {
        // Its provider doesn't vouch for it, whoever asks.
        (Done::Failed(error), _) if error.hints().is_empty() && error.kind() == Exit::Conflict => {
            vec![to_type(&["inspect", slug])]
        }
        (Done::Failed(error), _) if error.hints().is_empty() => vec![stop()],
        (Done::Failed(error), _) => error.hints().to_vec(),
        (Done::Left, Why::KeptIdle) => vec![stop(), to_type(&["extend", slug, "2h"])],
        (Done::Left, Why::LongParked) => {
            vec![to_type(&["cleanup", "--delete-parked", "--yes"])]
        }
        (Done::Left, Why::Failed) => vec![to_type(&["stop", slug, "--delete", "--yes"])],
        (Done::Left, _) => vec![stop()],
        (Done::Planned(_) | Done::Found | Done::Ended(_), _) => Vec::new(),
    }
}
