//! Asks what has become of a box, and changes nothing.

use super::answer::why_not;
use super::desk::{self, Desk};
use super::names::random_bits;
use super::place::{Asker, Says, in_place};
use super::resolve::{RESOLVE_DEADLINE, question};
use crate::claims::{Claim, LeaseId};
use crate::output::{CommandError, Printer};
use crate::provider::{Callbacks, Stop};
use crate::registry::Library;
use crate::transport::ssh;
use crabbox_provider_api::manifest::Capability;
use crabbox_provider_api::payload::{Checkpoint, Intent, Resolution, ResourceState, Settings};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

impl Desk {
    /// What the provider says of a claim's resource. The claim stays as it is, whatever that is.
    pub fn look(&mut self, claim: &Claim, settings: &Settings) -> Result<Resolution, CommandError> {
        let request = question(claim, Intent::Status, settings)?;
        let mut provider = self.provider(&claim.provider)?;
        let longest = self.working.patience(RESOLVE_DEADLINE);
        let mut onlooker = Onlooker::new(self.printer, self.working.stop());
        let resolved = provider.resolve(&request, longest, &mut onlooker)?;
        if !provider.can(&Capability::SharedBox) {
            return Ok(resolved);
        }
        let declared = || Self::declared(&self.registry, &claim.provider);
        look_in_place(claim, resolved, &self.asker(claim, &declared, longest), self.printer)
    }

    /// What has become of a box that a run was on when its connection ended, where that is why. A provider that
    /// can't be asked takes nothing from what is known already.
    pub fn became(&mut self, claim: &Claim, settings: &Settings) -> Option<String> {
        let resolved = self.look(claim, settings).ok()?;
        let Resolution::Found(found) = &resolved else { return Some(why_not(claim, &resolved)) };
        if !claim.is_about(&found.resource, &found.scope) {
            return Some(why_not(claim, &resolved));
        }
        match found.state {
            ResourceState::Parked => Some("its box was stopped meanwhile".to_owned()),
            ResourceState::Failed => Some("its box has failed meanwhile".to_owned()),
            _ => None,
        }
    }
}

/// The same of a place, without a connection that stays. The lease's own are ridden and never ended: whoever works with
/// the box may make one at any time.
fn look_in_place(
    claim: &Claim,
    resolved: Resolution,
    asker: &Asker<'_>,
    printer: Printer,
) -> Result<Resolution, CommandError> {
    let endpoint = match &resolved {
        Resolution::Found(found) => found.endpoint.clone(),
        _ => None,
    };
    if endpoint.is_some_and(|endpoint| asker.is_connected(&endpoint)) {
        return in_place(claim, Says::Box, resolved, asker, printer);
    }
    let nobodys = LeaseId::from_bits(random_bits());
    let asker = Asker { connection: nobodys.as_str(), stop: asker.stop.clone(), ..*asker };
    let looked = in_place(claim, Says::Box, resolved, &asker, printer);
    ssh::forget(nobodys.as_str(), asker.state);
    looked
}

/// The same for whoever asks about many at once, each in at most so much time.
pub fn look_at(
    library: &Library,
    in_process: &BTreeSet<String>,
    printer: Printer,
    claim: &Claim,
    settings: &Settings,
    state: &Path,
    longest: Duration,
) -> Result<Resolution, CommandError> {
    let request = question(claim, Intent::Status, settings)?;
    let mut provider = desk::open(library, in_process, printer)?;
    let resolved = provider.resolve(&request, longest, &mut Onlooker::new(printer, None))?;
    if !provider.can(&Capability::SharedBox) {
        return Ok(resolved);
    }
    let declared = || library.manifest.environment.keys().cloned().collect();
    let (lease, declared) = (claim.id.as_str(), &declared);
    let asker = Asker { lease, connection: lease, declared, state, stop: None, within: longest };
    look_in_place(claim, resolved, &asker, printer)
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
