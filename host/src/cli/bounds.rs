//! What stands against something that is asked for of a lease: the machine's own file, or that nobody
//! has agreed to it.

use super::Shared;
use super::confirm::Question;
use crate::claims::Claim;
use crate::config::{Enforcement, Setting, Settings};
use crate::output::{CommandError, to_type};
use std::time::Duration;

/// A lease may be from before the machine's own file forbade its provider.
pub(super) fn check_provider(settings: &Settings, claim: &Claim) -> Result<(), CommandError> {
    let Some(enforcement) = &settings.providers else {
        return Ok(());
    };
    if enforcement.bound.admits(&Setting::Text(claim.provider.clone())) {
        return Ok(());
    }
    let (slug, provider) = (&claim.slug, &claim.provider);
    let message = format!("`{slug}` can't be used: it is from `{provider}`, {enforcement}");
    Err(CommandError::usage(message).code("enforced").hint(to_type(&["stop", slug])))
}

/// Nobody may give a box more time than the machine's own file lets it have.
pub(super) fn check_ttl(settings: &Settings, time: Duration) -> Result<(), CommandError> {
    let objects = |one: &&Enforcement| !one.bound.admits(&Setting::Duration(time));
    let Some(enforcement) = settings.longest_ttl.as_ref().filter(objects) else {
        return Ok(());
    };
    let message = format!("the box can't stay for so long: for `lease.ttl`, {enforcement}");
    Err(CommandError::usage(message).code("enforced"))
}

/// The machine's own file may forbid that boxes are deleted. `word`: how that is asked for.
pub(super) fn check_deletion(settings: &Settings, word: &str) -> Result<(), CommandError> {
    let Some(enforcement) = &settings.no_deletion else {
        return Ok(());
    };
    let message = format!("{word} can't be: for `lease.release`, {enforcement}");
    Err(CommandError::usage(message).code("enforced"))
}

/// A deletion that somebody asks for now. One that was settled when the box was leased is neither
/// objected to nor asked about: else nobody could let go of it.
pub(super) struct Deletion {
    /// How it is asked for.
    pub(super) word: &'static str,
    /// It is agreed to already.
    pub(super) yes: bool,
}

impl Deletion {
    /// Errors if the machine doesn't allow it, or nobody agrees to it.
    pub(super) fn agree(
        &self,
        shared: &Shared,
        settings: &Settings,
        claim: &Claim,
    ) -> Result<(), CommandError> {
        let slug = &claim.slug;
        check_deletion(settings, self.word)
            .map_err(|error| error.hint(to_type(&["stop", slug])))?;
        if self.yes {
            return Ok(());
        }
        Question {
            ask: format!("delete the box of `{slug}` with all that is on it? [y/N]"),
            refused: format!("deleting `{slug}` must be confirmed"),
            line: to_type(&["stop", slug, "--delete", "--yes"]),
            left: format!("`{slug}` is left as it is"),
        }
        .put(shared)
    }
}
