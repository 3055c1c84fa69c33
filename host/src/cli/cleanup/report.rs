//! What is said of a cleanup.

use super::ask::{Answer, lines};
use crate::cli::adopt::spoken;
use crate::cli::list::to_json;
use crate::lease::{Cleaned, Done, End, Verdict};
use crate::output::{CommandError, Printer, Table, human, to_type};
use crabbox_provider_api::payload::ReleaseAction;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) struct Report {
    /// Nothing was done.
    pub(super) dry_run: bool,
    pub(super) answers: Vec<Answer>,
}

impl Report {
    /// Is there something left to try again?
    pub(super) fn again(&self) -> bool {
        self.answers.iter().any(Answer::again)
    }

    pub(super) fn show(&self, printer: Printer) -> Result<(), CommandError> {
        if printer.json {
            return printer.document(&self.to_json());
        }
        let cleaned: Vec<_> = self.answers.iter().flat_map(|answer| &answer.cleaned).collect();
        if !cleaned.is_empty() {
            let done_or_not = if self.dry_run { "PLAN" } else { "DONE" };
            let headings = ["SLUG", "STATE", "PROVIDER", done_or_not, "WHY"];
            let mut table = Table::new(&headings).texts(4);
            for one in &cleaned {
                table.row([
                    one.claim.slug.clone(),
                    one.claim.state().to_string(),
                    one.claim.provider.clone(),
                    done(&one.done).to_owned(),
                    why(one),
                ]);
            }
            printer.table(&table)?;
            // Why stands above, and what goes for several is said once.
            let mut said = BTreeSet::new();
            for line in cleaned.iter().flat_map(|one| lines(one)) {
                if !printer.is_quiet() && said.insert(line.clone()) {
                    printer.hint(&line);
                }
            }
        }
        let mut nothing = cleaned.is_empty();
        for Answer { provider, unclaimed, trouble, .. } in &self.answers {
            for listed in unclaimed.iter().filter(|_| !printer.is_quiet()) {
                nothing = false;
                let name = &listed.resource.name;
                let evidence = &listed.evidence;
                let more = if evidence.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", spoken(evidence))
                };
                printer.phase(&format!(
                    "`{name}` of {provider} looks like crabbox's{more}, and no lease of this state folder names it: \
                     another one's may"
                ));
                printer.hint(&to_type(&["adopt", name, "--provider", provider]));
            }
            if let Some(error) = trouble {
                nothing = false;
                let causes: Vec<_> =
                    std::iter::once(error.to_string()).chain(error.causes()).collect();
                printer.warning(&format!("{provider}: {}", causes.join(": ")));
                for hint in error.hints() {
                    printer.hint(hint);
                }
            }
        }
        if nothing {
            printer.phase("nothing is to be cleaned up");
        }
        if self.dry_run && !cleaned.is_empty() {
            let leases = human::count(cleaned.len() as u64, "lease");
            printer.phase(&format!("{leases} looked at, nothing done"));
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        let leases: Vec<Value> = self
            .answers
            .iter()
            .flat_map(|answer| &answer.cleaned)
            .map(|one| {
                let error = match &one.done {
                    Done::Failed(error) => Some(error.to_string()),
                    _ => None,
                };
                json!({
                    "lease": to_json(&one.claim),
                    "why": one.why.as_str(),
                    "done": word(&one.done),
                    "planned": planned(&one.done),
                    "error": error,
                    "hints": lines(one),
                })
            })
            .collect();
        let unclaimed: Vec<Value> = self
            .answers
            .iter()
            .flat_map(|answer| answer.unclaimed.iter().map(|listed| (&answer.provider, listed)))
            .map(|(provider, listed)| {
                let name = &listed.resource.name;
                json!({
                    "provider": provider,
                    "resource": listed.resource,
                    "scope": listed.scope,
                    "lease": listed.lease,
                    "evidence": listed.evidence,
                    "hints": [to_type(&["adopt", name, "--provider", provider])],
                })
            })
            .collect();
        let troubles: Vec<Value> = self
            .answers
            .iter()
            .filter_map(|answer| Some((&answer.provider, answer.trouble.as_ref()?)))
            .map(|(provider, error)| {
                json!({ "provider": provider, "error": error.to_string(), "hints": error.hints() })
            })
            .collect();
        json!({
            "schema_version": 1,
            "dry_run": self.dry_run,
            "again": self.again(),
            "leases": leases,
            "unclaimed": unclaimed,
            "troubles": troubles,
        })
    }
}

/// For people.
fn done(done: &Done) -> &'static str {
    match done {
        Done::Planned(Verdict::Release(_, ReleaseAction::Park)) => "would be parked",
        Done::Planned(Verdict::Release(_, ReleaseAction::Delete)) => "would be deleted",
        Done::Planned(Verdict::Close(_)) => "would be closed",
        Done::Planned(_) => "would be asked",
        Done::Left => "left",
        Done::Found => "found",
        Done::Ended(End::Closed) => "closed",
        Done::Ended(end) => end.as_str(),
        Done::Failed(_) => "failed",
    }
}

/// For machines.
fn word(done: &Done) -> &'static str {
    match done {
        Done::Planned(_) => "planned",
        Done::Left => "left",
        Done::Found => "found",
        Done::Ended(End::Parked | End::WasParked | End::Ready | End::Lingers) => "parked",
        Done::Ended(End::Deleted) => "deleted",
        Done::Ended(End::Closed | End::LetGo | End::WasLetGo) => "closed",
        Done::Failed(_) => "failed",
    }
}

fn planned(done: &Done) -> Option<&'static str> {
    match done {
        Done::Planned(Verdict::Release(_, ReleaseAction::Park)) => Some("park"),
        Done::Planned(Verdict::Release(_, ReleaseAction::Delete)) => Some("delete"),
        Done::Planned(Verdict::Close(_)) => Some("close"),
        Done::Planned(_) => Some("ask"),
        _ => None,
    }
}

fn why(one: &Cleaned) -> String {
    match &one.done {
        Done::Failed(error) => format!("{}; {error}", one.why.describe()),
        Done::Found => format!("{}; its provider says that it is there", one.why.describe()),
        _ => one.why.describe().to_owned(),
    }
}
