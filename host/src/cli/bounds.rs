//! What the machine's own file says against something that is asked for of a lease.

use crate::claims::Claim;
use crate::config::{Setting, Settings};
use crate::output::CommandError;

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
    Err(CommandError::usage(message).code("enforced").hint(format!("crabbox stop {slug}")))
}
