//! `crabbox adopt`

use super::Shared;
use super::bounds;
use super::caretaker::look_after;
use super::config::{checkout_or_folder, warn};
use super::confirm::Question;
use super::list::to_json;
use crate::claims::Ending;
use crate::config::{Flags, Settings};
use crate::lease::{Adoption, Owner, Sighted, Slug};
use crate::output::{CommandError, Exit, Typed, to_type};
use clap::{Args, ValueEnum, ValueHint};
use crabbox_provider_api::payload::{ReleaseAction, Scope};
use serde_json::json;
use std::collections::BTreeMap;

/// Make a lease of a box that has none
///
/// What is known of the box is shown, and you are asked. Nothing is done to the box, now or at the end
/// of its lease, unless `--release` says otherwise. The lease is of the checkout that you are in: its
/// next run finds the box.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox adopt my-box --provider NAME
  crabbox adopt my-box --provider NAME --slug mine --release park
  crabbox adopt their-box --provider NAME --owner ann --yes")]
pub(super) struct Adopt {
    /// The box: what its provider calls it, or its immutable id there
    resource: String,
    /// Its provider
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// It belongs to this user or account, and not to you
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Call the lease so
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other)]
    slug: Option<Slug>,
    /// What becomes of it at the end: none, park or delete
    #[arg(long, value_name = "ACTION", value_enum, default_value = "none")]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    release: Release,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Release {
    None,
    Park,
    Delete,
}

impl Adopt {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        let repository = checkout_or_folder()?;
        let flags = Flags { provider: Some(self.provider.clone()), ..shared.flags() };
        let settings = Settings::for_provider(flags, Some(&repository), &places)?;
        warn(shared.printer, &settings.warnings);
        let ending = self.ending();
        if ending.action() == Some(ReleaseAction::Delete) {
            bounds::check_deletion(&settings, "`--release delete`")?;
        }
        let mut desk = shared.desk(&places, &settings)?;
        let provider = settings.provider.clone();
        let asking = shared.printer.progress(format!("asking {provider}"));
        let handed = &settings.provider_settings.handed;
        let sighted = desk.sight(&provider, &self.resource, handed)?;
        drop(asking);
        for line in evidence(&provider, &sighted) {
            shared.printer.phase(&line);
        }
        self.check_owner(&sighted)?;
        let serves = repository.display();
        shared.printer.phase(&format!("runs in `{serves}` would use it from now on"));
        if !self.yes {
            question(&sighted, ending).put(shared)?;
        }
        let adoption = Adoption {
            provider,
            repository,
            profile: settings.provider_settings.profile.clone(),
            ending,
            slug: self.slug.as_deref().map(str::to_owned),
            ttl: settings.ttl,
            idle: settings.idle,
        };
        let claim = desk.adopt(&sighted, &adoption)?;
        look_after(shared.printer, &places, &settings, &desk.registry, &claim);
        if shared.printer.json {
            let document = json!({ "schema_version": 1, "lease": to_json(&claim) });
            return shared.printer.document(&document);
        }
        let (slug, name) = (&claim.slug, &sighted.owned.name);
        shared.printer.phase(&format!("`{name}` is the box of {slug} ({})", claim.id));
        if !shared.printer.is_quiet() {
            shared.printer.hint(&to_type(&["run", "--id", slug, "--", "true"]));
        }
        Ok(())
    }

    fn ending(&self) -> Ending {
        match self.release {
            Release::None => Ending::None,
            Release::Park => Ending::Park,
            Release::Delete => Ending::Delete,
        }
    }

    /// Another's box is taken only by whoever says whose it is.
    fn check_owner(&self, sighted: &Sighted) -> Result<(), CommandError> {
        let name = &sighted.owned.name;
        let refused = |message| CommandError::new(Exit::Conflict, message);
        match (&sighted.owner, &self.owner) {
            (None, None) => Ok(()),
            (None, Some(owner)) => {
                let message = format!("`{name}` belongs to you, and not to `{owner}`");
                Err(refused(message).hint(Typed::here().without("--owner").to_string()))
            }
            (Some(owner), Some(given)) if *given == owner.name => Ok(()),
            (Some(owner), _) if owner.name.is_empty() => {
                if owner.is_another {
                    return Err(refused(format!("`{name}` belongs to somebody else")));
                }
                Ok(())
            }
            (Some(owner), _) => {
                let whose = whose(owner);
                let line = Typed::here().without("--owner").with(&["--owner", &owner.name]);
                Err(refused(format!("`{name}` isn't yours for all that is known: {whose}"))
                    .hint(line.to_string()))
            }
        }
    }
}

/// What is known of a resource, for whoever decides whether it is to be adopted.
fn evidence(provider: &str, sighted: &Sighted) -> Vec<String> {
    let Sighted { owned, state, lease, owner, evidence, .. } = sighted;
    let state = json!(state);
    let state = state.as_str().unwrap_or("unknown");
    let Scope { deployment, account } = &owned.scope;
    let mut lines = vec![
        format!("`{}` of {provider} has the id `{}` and is {state}", owned.name, owned.id),
        format!("it is in `{deployment}`, and its account is `{account}`"),
        owner.as_ref().map_or_else(|| "it belongs to you".to_owned(), whose),
    ];
    if !evidence.is_empty() {
        lines.push(format!("its provider says of it: {}", spoken(evidence)));
    }
    if let Some(lease) = lease {
        lines.push(format!("it names the lease `{lease}`, of which no claim is here"));
    }
    lines
}

/// What speaks for or against a resource's being ours, for people.
pub(super) fn spoken(evidence: &BTreeMap<String, String>) -> String {
    let said: Vec<String> =
        evidence.iter().map(|(what, said)| format!("{what} `{said}`")).collect();
    said.join(", ")
}

fn whose(owner: &Owner) -> String {
    match owner {
        Owner { name, .. } if name.is_empty() => "it isn't known whose it is".to_owned(),
        Owner { name, is_another: true } => format!("it belongs to `{name}`"),
        Owner { name, .. } => format!("it is of `{name}`, and whether that is you isn't known"),
    }
}

fn question(sighted: &Sighted, ending: Ending) -> Question {
    let name = &sighted.owned.name;
    let end = match ending {
        Ending::None => "its end leaves the box as it is",
        Ending::Park => "its end parks the box",
        Ending::Delete => "its end deletes the box with all that is on it",
    };
    Question {
        ask: format!("make a lease of `{name}`? {end} [y/N]"),
        refused: format!("adopting `{name}` must be confirmed"),
        line: Typed::here().with(&["--yes"]).to_string(),
        left: format!("no lease of `{name}` is made"),
    }
}
