//! `crabbox stop`

use super::Shared;
use super::bounds::Deletion;
use super::config::warn;
use super::interrupts::Interrupts;
use super::list::{to_json, warn_of};
use crate::claims::{Claim, Ending};
use crate::config::{Flags, Settings};
use crate::lease::{Desk, End};
use crate::output::{CommandError, Exit, Printer, to_type};
use crate::places::Places;
use crate::sync::Source;
use clap::{Args, ValueHint};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tracing::info_span;

/// Let go of boxes: park them, or delete them
///
/// Each is told of by itself, and one that can't be let go of is in no other's way. Whoever lets go of the same
/// box already is waited for.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox stop amber-crab
  crabbox stop amber-crab teal-puffin --delete --yes
  crabbox stop --repo .")]
pub(super) struct Stop {
    /// The leases: ids, slugs, `@last` or `@repo`
    #[arg(required_unless_present = "repo")]
    id: Vec<String>,
    /// All leases of the checkout in this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    repo: Option<PathBuf>,
    /// Delete them, whatever was settled when they were leased
    #[arg(long)]
    delete: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// A lease that was asked for, and what came of it.
struct Stopped {
    asked: String,
    came: Result<(Claim, End), CommandError>,
}

/// Lets go of a lease's box for somebody who asks for that now.
pub(super) fn let_go(
    shared: &Shared,
    settings: &Settings,
    desk: &mut Desk,
    claim: &Claim,
    deletion: Option<&Deletion>,
) -> Result<(Claim, End), CommandError> {
    let again = line(&[&claim.slug], deletion.is_some());
    let interrupts = Interrupts::listen(shared.printer, desk.working(), again)?;
    let came = let_go_agreed(shared, settings, desk, claim, deletion);
    came.map_err(|error| interrupts.explain(error))
}

/// The same for whoever listens for signals already.
fn let_go_agreed(
    shared: &Shared,
    settings: &Settings,
    desk: &mut Desk,
    claim: &Claim,
    deletion: Option<&Deletion>,
) -> Result<(Claim, End), CommandError> {
    if let Some(deletion) = deletion.filter(|_| !claim.state().is_final()) {
        // Nobody is asked about what can't be done, or is done by another command already.
        drop(desk.hold_to_stop(claim)?);
        if !desk.find(claim.id.as_str())?.state().is_final() {
            deletion.agree(shared, settings, claim)?;
        }
    }
    let handed = &settings.provider_settings.handed;
    info_span!("release").in_scope(|| desk.stop(claim.id.as_str(), deletion.is_some(), handed))
}

impl Stop {
    pub(super) fn execute(self, shared: &Shared) -> u8 {
        let stopped = match self.all(shared) {
            Ok(stopped) => stopped,
            Err(error) => {
                shared.printer.error(&error);
                return error.exit();
            }
        };
        if shared.printer.json {
            // Nobody is left to tell when standard output is gone.
            let _ = shared.printer.document(&document(&stopped));
        }
        worst(&stopped).map_or(Exit::Ok as u8, CommandError::exit)
    }

    /// Lets go of one after the other, and tells of each.
    fn all(&self, shared: &Shared) -> Result<Vec<Stopped>, CommandError> {
        let places = shared.places()?;
        let flags = Flags { of_lease: true, ..shared.flags() };
        let settings = Settings::load(flags.clone(), None, &places)?;
        if self.repo.is_none() {
            shared.check_state(&places)?;
        }
        let mut desk = shared.desk(&places, &settings)?;
        let found = self.found(shared, &desk, &settings)?;
        if found.is_empty() {
            shared.printer.phase("no lease of this checkout is left");
        }
        let claims = found.iter().filter_map(|(_, claim)| claim.as_ref().ok());
        let slugs: Vec<&str> = claims.map(|claim| &*claim.slug).collect();
        let again = line(&slugs, self.delete);
        let interrupts = Interrupts::listen(shared.printer, desk.working(), again)?;
        let mut all = Vec::new();
        for (asked, claim) in found {
            let came = claim.and_then(|claim| self.one(shared, &places, &flags, &mut desk, &claim));
            let came = came.map_err(|error| interrupts.explain(error));
            match &came {
                Ok((claim, end)) if !shared.printer.json => tell(shared.printer, claim, *end),
                Ok(_) => {}
                Err(error) => shared.printer.explain(error),
            }
            all.push(Stopped { asked, came });
            if desk.working().is_interrupted() {
                break;
            }
        }
        Ok(all)
    }

    /// The leases that are meant, by what was typed for each.
    #[expect(clippy::type_complexity, reason = "each was found or not")]
    fn found(
        &self,
        shared: &Shared,
        desk: &Desk,
        settings: &Settings,
    ) -> Result<Vec<(String, Result<Claim, CommandError>)>, CommandError> {
        let by_name = |id: &String| (id.clone(), find(desk, id, &settings.provider));
        let mut found: Vec<_> = self.id.iter().map(by_name).collect();
        if let Some(repo) = &self.repo {
            let root = root(repo);
            let (claims, unreadable) = desk.store.all(false)?;
            warn_of(&unreadable, shared.printer);
            let mut of_checkout =
                claims.into_iter().filter(|claim| claim.repository == root).peekable();
            if of_checkout.peek().is_none() && !root.exists() {
                let message =
                    format!("there is no folder `{}`, and no lease of it", repo.display());
                return Err(CommandError::new(Exit::NotFound, message).hint(to_type(&["list"])));
            }
            found.extend(of_checkout.map(|claim| (claim.slug.clone(), Ok(claim))));
        }
        // Each is let go of once, whatever it was called.
        let mut seen = BTreeSet::new();
        found.retain(|(asked, claim)| {
            seen.insert(claim.as_ref().map_or(asked.clone(), |claim| claim.id.to_string()))
        });
        Ok(found)
    }

    fn one(
        &self,
        shared: &Shared,
        places: &Places,
        flags: &Flags,
        desk: &mut Desk,
        claim: &Claim,
    ) -> Result<(Claim, End), CommandError> {
        if let Some(owner) = claim.owner.as_ref().filter(|_| self.delete) {
            check_owner(claim, owner)?;
        }
        let flags = Flags { provider: Some(claim.provider.clone()), ..flags.clone() };
        let settings = Settings::for_provider(flags, Some(&claim.repository), places)?;
        warn(shared.printer, &settings.warnings);
        let deletion = self.delete.then_some(Deletion { word: "`--delete`", yes: self.yes });
        let_go_agreed(shared, &settings, desk, claim, deletion.as_ref())
    }
}

/// What is another's is deleted only if that was settled when it was adopted.
fn check_owner(claim: &Claim, owner: &str) -> Result<(), CommandError> {
    if claim.ending != Ending::None {
        return Ok(());
    }
    let slug = &claim.slug;
    let message = format!("`{slug}` is {owner}'s, and was adopted to be left as it is");
    let name = claim.made().map(|made| made.name).unwrap_or_default();
    let adopt = ["adopt", &name, "--provider", &claim.provider, "--owner", owner];
    Err(CommandError::new(Exit::Conflict, message)
        .hint(to_type(&["stop", slug]))
        .note("that closes the lease; only one that is adopted anew to be deleted is")
        .hint(to_type(&[&adopt[..], &["--release", "delete"]].concat())))
}

fn find(desk: &Desk, id: &str, provider: &str) -> Result<Claim, CommandError> {
    desk.find(id).map_err(|error| match error.kind() {
        // It may be the name of a box. Nothing is done to one without a claim.
        Exit::NotFound if !id.trim_start().starts_with('@') => {
            let line = to_type(&["adopt", id.trim(), "--provider", provider]);
            if error.hints().contains(&line) { error } else { error.hint(line) }
        }
        _ => error,
    })
}

/// The checkout that a folder lies in, or the folder: that of a lease may be gone.
fn root(folder: &Path) -> PathBuf {
    let found = Source::checkout(folder).map(|source| source.root);
    let found = found.or_else(|_| folder.canonicalize());
    found.unwrap_or_else(|_| std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()))
}

/// The line that lets go of these.
fn line(slugs: &[&str], delete: bool) -> String {
    let more: &[&str] = if delete { &["--delete", "--yes"] } else { &[] };
    to_type(&[&["stop"], slugs, more].concat())
}

fn tell(printer: Printer, claim: &Claim, end: End) {
    let slug = &claim.slug;
    match end {
        End::Deleted => printer.phase(&format!("{slug} is deleted")),
        End::Closed => printer.phase(&format!("{slug} is closed: no box of it was ever made")),
        End::Parked | End::WasParked | End::Ready | End::Lingers if claim.has_failed() => {
            let never = "a lease that failed is never used again";
            printer.advice(&format!("{slug} is parked; {never}"), &line(&[slug], true));
        }
        End::LetGo => printer.phase(&format!("{slug} is let go of: its box stays as it is")),
        End::WasLetGo => {
            let name = claim.made().map(|made| made.name).unwrap_or_default();
            let line = to_type(&["adopt", &name, "--provider", &claim.provider]);
            printer.advice(&format!("{slug} is over already; its box stayed as it was"), &line);
        }
        End::WasParked => printer.phase(&format!("{slug} is parked already")),
        End::Parked | End::Ready | End::Lingers => printer.phase(&format!("{slug} is parked")),
    }
}

/// The failure that the exit code tells: the one with the highest.
fn worst(stopped: &[Stopped]) -> Option<&CommandError> {
    let failures = stopped.iter().filter_map(|one| one.came.as_ref().err());
    failures.max_by_key(|error| error.exit())
}

fn document(stopped: &[Stopped]) -> Value {
    let leases: Vec<Value> = stopped
        .iter()
        .map(|Stopped { asked, came }| match came {
            Ok((claim, end)) => json!({
                "asked": asked,
                "lease": to_json(claim),
                "end": end.as_str(),
                "error": null,
            }),
            Err(error) => json!({
                "asked": asked,
                "lease": null,
                "end": null,
                "error": error.to_json()["error"],
            }),
        })
        .collect();
    let error = worst(stopped).map(|error| error.to_json()["error"].take());
    json!({ "schema_version": 1, "leases": leases, "error": error })
}
