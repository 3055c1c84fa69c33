//! `crabbox claims`

use super::Shared;
use super::list::warn_of;
use super::status::until;
use crate::claims::{Claim, Ending, Stage};
use crate::output::{CommandError, visible, wrap};
use clap::Args;
use crabbox_provider_api::payload::Scope;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Show the records behind the leases, with all that they hold
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox claims
  crabbox claims --all --json")]
pub(super) struct Claims {
    /// Also those that are over
    #[arg(long)]
    all: bool,
}

impl Claims {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let store = shared.look(&shared.places()?)?;
        let (claims, unreadable) = store.all(self.all)?;
        let mut held = Vec::new();
        for claim in claims {
            let holder = store.holder(&claim.id)?;
            held.push((claim, holder));
        }
        let path = store.path().to_string_lossy();
        if shared.printer.json {
            let records = held.iter().map(|(claim, holder)| record(claim, holder.as_deref()));
            let unreadable = unreadable.iter().map(ToString::to_string);
            return shared.printer.document(&json!({
                "schema_version": 1,
                "path": path,
                "claims": records.collect::<Result<Vec<_>, _>>()?,
                "unreadable": unreadable.collect::<Vec<_>>(),
            }));
        }
        warn_of(&unreadable, shared.printer);
        let mut text = format!("{}\n", visible(&path));
        for (claim, holder) in &held {
            text.push('\n');
            text.push_str(&block(claim, holder.as_deref(), shared.printer.columns()));
        }
        shared.printer.data(&text)
    }
}

/// All that is recorded, and who works with the lease now.
pub(super) fn record(claim: &Claim, holder: Option<&str>) -> Result<Value, CommandError> {
    let record = serde_json::to_value(claim)
        .map_err(|error| CommandError::failed("a claim can't be shown").because(error))?;
    Ok(json!({ "record": record, "holder": holder }))
}

/// The same for people.
pub(super) fn block(claim: &Claim, holder: Option<&str>, terminal: Option<usize>) -> String {
    let mut text = format!("{} ({})\n", visible(&claim.slug), claim.id);
    let mut line = |name: &str, value: &str| {
        let value = wrap(&visible(value), 15, terminal);
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    line("state", &format!("{}, revision {}", claim.state(), claim.revision));
    line("held by", holder.unwrap_or("nobody"));
    line("provider", &format!("{} {}", claim.provider, claim.provider_version));
    if let Some(made) = claim.made() {
        if let Some(host) = made.host() {
            line("host", host);
        }
        line(
            "resource",
            &format!("{} (id {})", made.name, made.id.as_deref().unwrap_or("unknown")),
        );
        match made.scope {
            Some(Scope { account, deployment }) if account.is_empty() => line("scope", &deployment),
            Some(Scope { account, deployment }) => {
                line("scope", &format!("{account} of {deployment}"));
            }
            None => {}
        }
        if !made.attributes.is_empty() {
            line("attributes", &Value::Object(made.attributes).to_string());
        }
    }
    if let Some(way) = claim.way() {
        line("endpoint", &in_json(&way.endpoint));
        if let Some(identity) = &way.identity {
            line("identity", &in_json(identity));
        }
        if let Some(machine) = &way.machine {
            line("machine", &format!("{}, boot {}", machine.machine_id, machine.boot_id));
        }
        if let Some(marker) = &way.marker {
            line("marker", marker);
        }
    }
    match claim.stage() {
        Stage::Releasing { failed: true, .. } => line("leasing", "failed"),
        Stage::Parked { since, .. } => line("parked", &since.wall.to_string()),
        _ => {}
    }
    line(
        "at the end",
        match claim.ending {
            Ending::None => "it stays as it is",
            Ending::Park => "it is parked",
            Ending::Delete => "it is deleted",
        },
    );
    line("keep", if claim.keep { "yes" } else { "no" });
    for (name, end) in
        [("stays until", claim.deadline.as_ref()), ("idle until", claim.idle_until())]
    {
        if let Some(end) = end {
            line(name, &until(end));
        }
    }
    line("repository", &claim.repository.display().to_string());
    line("profile", &claim.profile);
    line("made", &claim.created.to_string());
    line("used", &claim.used.to_string());
    line("changed", &claim.updated.to_string());
    if let Some(run) = &claim.run {
        line(
            "last run",
            &format!("{}, {}", run.id, if run.over { "over" } else { "its end wasn't seen" }),
        );
    }
    if let Some(trouble) = &claim.trouble {
        line("trouble", trouble);
    }
    text
}

fn in_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
