//! Asks what has become of a box, and changes nothing.

use super::acquire::{RESOLVE_DEADLINE, question};
use super::desk::Desk;
use crate::claims::Claim;
use crate::output::{CommandError, Exit, Printer};
use crate::provider::{Callbacks, Stop};
use crabbox_provider_api::payload::{Checkpoint, Intent, Resolution, Settings};

impl Desk {
    /// What the provider says of a claim's resource. The claim stays as it is, whatever that is.
    pub fn look(&mut self, claim: &Claim, settings: &Settings) -> Result<Resolution, CommandError> {
        if claim.resource.name.is_empty() {
            let message = format!("no box of `{}` was ever made", claim.slug);
            return Err(CommandError::new(Exit::NotFound, message));
        }
        let mut provider = self.provider(&claim.provider)?;
        let request = question(claim, Intent::Status, settings);
        let longest = self.working.patience(RESOLVE_DEADLINE);
        let mut onlooker = Onlooker { printer: self.printer, stop: self.working.stop() };
        Ok(provider.resolve(&request, longest, &mut onlooker)?)
    }
}

/// What a provider may ask of the host while it is only asked itself.
struct Onlooker {
    printer: Printer,
    stop: Option<Stop>,
}

impl Callbacks for Onlooker {
    fn checkpoint(&mut self, _: &Checkpoint) -> Result<(), String> {
        Err("nothing is recorded when a box is only looked at".to_owned())
    }

    fn progress(&mut self, text: &str) {
        self.printer.phase(text);
    }

    fn stop(&self) -> Option<Stop> {
        self.stop.clone()
    }
}
