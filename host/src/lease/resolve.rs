//! Asks a provider about the box of a claim, by what the claim says of it and by nothing else.

use super::audit::Action;
use super::desk::Desk;
use super::look::Onlooker;
use super::place::{Says, in_place};
use crate::claims::Claim;
use crate::output::{CommandError, Exit};
use crate::provider::Provider;
use crabbox_provider_api::manifest::Capability;
use crabbox_provider_api::payload::{Intent, Resolution, ResolveRequest, Settings};
use std::time::Duration;

/// How long a provider may take to start and find a resource.
pub(super) const RESOLVE_DEADLINE: Duration = Duration::from_mins(10);

/// How long a box may take to say what is on it, with the connection.
const LOOK_DEADLINE: Duration = Duration::from_mins(2);

impl Desk {
    /// Calls `resolve` for a claim.
    pub(super) fn resolve(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        intent: Intent,
        settings: &Settings,
    ) -> Result<Resolution, CommandError> {
        let request = question(claim, intent, settings)?;
        let longest = self.working.patience(RESOLVE_DEADLINE);
        // Whoever only asks does nothing to it.
        let begun = match intent {
            Intent::Connect => Some(self.audit.begin(Action::Start, claim)?),
            Intent::Status => None,
        };
        let mut onlooker = Onlooker::new(self.printer, self.working.stop());
        let resolved = provider.resolve(&request, longest, &mut onlooker);
        if let Some(begun) = begun {
            self.audit.end(&begun, claim, &resolved);
        }
        let resolved = resolved?;
        if provider.can(&Capability::SharedBox) {
            let declared = || Self::declared(&self.registry, &claim.provider);
            let asker = self.asker(claim, &declared, longest.min(LOOK_DEADLINE));
            let is_refused = self.refused.contains(&claim.id);
            let is_used = intent == Intent::Connect && !is_refused;
            let says = if is_used { Says::Session } else { Says::Box };
            return in_place(claim, says, resolved, &asker, self.printer);
        }
        Ok(resolved)
    }
}

/// What `resolve` is asked of a claim: about what it names, and to start only what may be used.
pub(super) fn question(
    claim: &Claim,
    intent: Intent,
    settings: &Settings,
) -> Result<ResolveRequest, CommandError> {
    let made = claim.made().ok_or_else(|| {
        let message = format!("no box of `{}` was ever made", claim.slug);
        CommandError::new(Exit::NotFound, message)
    })?;
    if intent == Intent::Connect && !claim.may_be_started() {
        let message = format!("`{}` is {}: its box isn't started", claim.slug, claim.state());
        return Err(CommandError::new(Exit::Conflict, message));
    }
    Ok(ResolveRequest {
        lease: claim.id.to_string(),
        resource: made.resource(),
        scope: made.scope.clone(),
        attributes: made.attributes,
        intent,
        settings: settings.clone(),
    })
}
