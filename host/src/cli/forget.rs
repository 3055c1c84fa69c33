//! `crabbox forget`

use super::confirm::Question;
use super::list::to_json;
use super::{Shared, ago};
use crate::claims::{Claim, Stored};
use crate::config::{Flags, Settings};
use crate::lease::place_folder;
use crate::output::{CommandError, to_type};
use clap::Args;
use serde_json::json;

/// How much of a record that can't be read is shown, in characters.
const SHOWN: usize = 1000;

/// Drop a lease from the records, and leave its box as it is
///
/// Says first what is left behind, and asks. `crabbox stop` is for whoever wants to let go of the box.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox forget amber-crab
  crabbox forget cbx_0123456789ab --yes")]
pub(super) struct Forget {
    /// Its id or slug
    id: String,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

impl Forget {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        let flags = Flags { of_lease: true, ..shared.flags() };
        let settings = Settings::load(flags, None, &places)?;
        shared.check_state(&places)?;
        let mut desk = shared.desk(&places, &settings)?;
        let stored = desk.stored(&self.id)?;
        let claim = stored.claim();
        for line in left_behind(&stored, claim.as_ref()) {
            shared.printer.phase(&line);
        }
        let Stored { id, slug, .. } = &stored;
        if !self.yes {
            question(id, slug).put(shared)?;
        }
        desk.forget(&stored)?;
        if shared.printer.json {
            return shared.printer.document(&json!({
                "schema_version": 1,
                "id": id,
                "slug": slug,
                "lease": claim.as_ref().map(to_json),
            }));
        }
        shared.printer.phase(&format!("{slug} is forgotten"));
        if let Some(claim) = claim.filter(|claim| !claim.state().is_final())
            && !shared.printer.is_quiet()
            && let Some(id) = claim.made().and_then(|made| made.id)
        {
            // Nobody lists places, so that none is adopted.
            match place_folder(&claim) {
                Some(folder) => shared.printer.phase(&stays(&claim, &folder)),
                None => {
                    shared.printer.hint(&to_type(&["adopt", &id, "--provider", &claim.provider]));
                }
            }
        }
        Ok(())
    }
}

/// What nobody leads back to.
fn stays(claim: &Claim, folder: &str) -> String {
    let scope = claim.made().and_then(|made| made.scope).unwrap_or_default();
    format!("`{folder}` stays on `{}`, for you to look at: no lease leads there", scope.deployment)
}

/// What there may be without a claim from then on.
fn left_behind(stored: &Stored, claim: Option<&Claim>) -> Vec<String> {
    let Stored { id, slug, state, provider, record, .. } = stored;
    let Some(claim) = claim else {
        let record = String::from_utf8_lossy(record);
        let shown: String = record.chars().take(SHOWN).collect();
        return vec![
            format!("`{slug}` ({id}) of {provider} was {state}; what it names can't be read"),
            format!("its record: {shown}"),
        ];
    };
    let mut lines = vec![format!("`{slug}` ({id}) became {state} {}", ago(claim.updated))];
    let Some(made) = claim.made() else {
        lines.push("no box of it was ever made".to_owned());
        return lines;
    };
    let its_id = made
        .id
        .map_or_else(|| "whose id isn't known".to_owned(), |id| format!("with the id `{id}`"));
    lines.push(format!("it names `{}` of {provider}, {its_id}", made.name));
    if let Some(scope) = made.scope {
        lines.push(format!("in `{}`, account `{}`", scope.deployment, scope.account));
    }
    if !claim.state().is_final() {
        lines.push("what there is of that stays as it is, and nobody lets go of it".to_owned());
    }
    lines
}

fn question(id: &str, slug: &str) -> Question {
    Question {
        ask: format!("forget `{slug}`? [y/N]"),
        refused: format!("forgetting `{slug}` must be confirmed"),
        line: to_type(&["forget", id, "--yes"]),
        left: format!("`{slug}` isn't forgotten"),
    }
}
