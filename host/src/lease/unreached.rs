//! Whoever stops a lease whose machine isn't reached is told so, and may ask again: an outage is no reason to drop a claim.

use super::at_stop::AtStop;
use super::desk::Desk;
use super::release::End;
use crate::claims::Claim;
use crate::output::{CommandError, to_type};
use crabbox_provider_api::payload::ReleaseAction;

impl Desk {
    /// Of a machine that can't be asked nothing is known but what its claim says.
    pub(super) fn stop_unreached(
        &mut self,
        mut claim: Claim,
        action: ReleaseAction,
        delete: bool,
        error: CommandError,
    ) -> Result<(Claim, End), CommandError> {
        if AtStop::by(&claim, Some(action)) == AtStop::Nothing {
            self.printer.phase(&format!("{} couldn't be asked: {error}", claim.slug));
            return Ok((claim, End::WasParked));
        }
        self.note_unreached(&mut claim, &error.to_string())?;
        let slug = &claim.slug;
        let message = format!("`{slug}` is left alone: {error}");
        let more: &[&str] = if delete { &["--delete", "--yes"] } else { &[] };
        let again = to_type(&[&["stop", slug], more].concat());
        Err(error.reworded(message).note("the same line works once it is reached").hint(again))
    }
}
