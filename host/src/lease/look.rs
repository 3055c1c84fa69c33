//! Asks what has become of a box, and changes nothing.

use super::acquire::{RESOLVE_DEADLINE, question};
use super::answer::why_not;
use super::desk::{self, Desk};
use crate::claims::Claim;
use crate::output::{CommandError, Printer};
use crate::provider::{Callbacks, Stop};
use crate::registry::Library;
use crabbox_provider_api::payload::{Checkpoint, Intent, Resolution, ResourceState, Settings};
use std::collections::BTreeSet;
use std::time::Duration;

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

/// The same for whoever asks about many at once, each in at most so much time.
pub fn look_at(
    library: &Library,
    in_process: &BTreeSet<String>,
    printer: Printer,
    claim: &Claim,
    settings: &Settings,
    longest: Duration,
) -> Result<Resolution, CommandError> {
    let request = question(claim, Intent::Status, settings)?;
    let mut provider = desk::open(library, in_process, printer)?;
    Ok(provider.resolve(&request, longest, &mut Onlooker::new(printer, None))?)
}

/// What a provider's answer says of a claim's box, for people.
#[must_use]
pub fn in_words(claim: &Claim, resolution: &Resolution) -> String {
    let word = match resolution {
        Resolution::Found(found) if claim.is_about(&found.resource, &found.scope) => {
            match found.state {
                ResourceState::Ready => "ready",
                ResourceState::Starting => "starting",
                ResourceState::Parked => "parked",
                ResourceState::Failed => "broken",
                _ => "there, in a state that this crabbox doesn't know",
            }
        }
        other => return why_not(claim, other),
    };
    word.to_owned()
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
