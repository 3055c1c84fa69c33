//! Asks what has become of a box, and changes nothing.

use super::acquire::{RESOLVE_DEADLINE, question};
use super::desk::Desk;
use crate::claims::Claim;
use crate::output::{CommandError, Printer};
use crate::provider::{Callbacks, Stop};
use crabbox_provider_api::payload::{Checkpoint, Intent, Resolution, Settings};

impl Desk {
    /// What the provider says of a claim's resource. The claim stays as it is, whatever that is.
    pub fn look(&mut self, claim: &Claim, settings: &Settings) -> Result<Resolution, CommandError> {
        let request = question(claim, Intent::Status, settings)?;
        let mut provider = self.provider(&claim.provider)?;
        let longest = self.working.patience(RESOLVE_DEADLINE);
        let mut onlooker = Onlooker::new(self.printer, self.working.stop());
        Ok(provider.resolve(&request, longest, &mut onlooker)?)
    }
}

/// What a provider may ask of the host while it is only asked itself.
pub(super) struct Onlooker {
    printer: Printer,
    stop: Option<Stop>,
}

impl Onlooker {
    pub(super) fn new(printer: Printer, stop: Option<Stop>) -> Self {
        Self { printer, stop }
    }
}

impl Callbacks for Onlooker {
    fn checkpoint(&mut self, _: &Checkpoint) -> Result<(), String> {
        Err("nothing is recorded by this hook".to_owned())
    }

    fn progress(&mut self, text: &str) {
        self.printer.phase(text);
    }

    fn stop(&self) -> Option<Stop> {
        self.stop.clone()
    }
}
