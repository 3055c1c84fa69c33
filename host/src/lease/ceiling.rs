//! The longest time that the machine's own file lets a box have. A provider that gives time in steps, or no
//! less than so much, gives less then, or none; what it answers all the same is recorded, since it is the
//! truth, and told, and the box is let go of in time.

use super::desk::Desk;
use crate::claims::{Claim, Moment};
use crate::output::{CommandError, human};
use crabbox_provider_api::manifest::Deadline;
use std::time::Duration;

impl Desk {
    /// The longest time from now that a box may have which `kept` is left of: nothing makes it end earlier.
    pub(super) fn most(&self, kept: Duration) -> Option<Duration> {
        self.longest.as_ref()?.most().map(|most| most.max(kept))
    }

    /// How long the box of a claim may stay at a time: what was `asked` for just now or once before, else what the
    /// settings say.
    #[must_use]
    pub fn own_ttl(&self, claim: &Claim, asked: Option<Duration>, settings: Duration) -> Duration {
        let own = asked.or(claim.ttl).unwrap_or(settings);
        // That may have been asked for before the machine's file forbade it.
        self.most(Duration::ZERO).map_or(own, |most| most.min(own))
    }

    /// The time that a new box of this provider is given.
    pub(super) fn time_to_create(
        &self,
        provider: &str,
        own: Option<&Deadline>,
        wanted: Duration,
    ) -> Result<Duration, CommandError> {
        let Some(own) = own else { return Ok(wanted) };
        let time = own.to_create(wanted, self.most(Duration::ZERO));
        time.ok_or_else(|| self.none_so_short(provider, own.to_create(wanted, None)))
    }

    /// The time from now that a box of this provider is pushed to.
    pub(super) fn time_to_extend(
        &self,
        provider: &str,
        own: &Deadline,
        wanted: Duration,
        kept: Duration,
    ) -> Result<Duration, CommandError> {
        let time = own.to_extend(wanted, self.most(kept));
        time.ok_or_else(|| self.none_so_short(provider, own.to_extend(wanted, None)))
    }

    fn none_so_short(&self, provider: &str, shortest: Option<Duration>) -> CommandError {
        let shortest = human::duration(shortest.unwrap_or_default());
        let why = self.longest.as_ref().map(ToString::to_string).unwrap_or_default();
        let message =
            format!("`{provider}` gives a box no less than {shortest}, and for `lease.ttl`, {why}");
        CommandError::usage(message).code("enforced")
    }

    /// When we let go of a box that its provider keeps until then. One that keeps it for longer than may be
    /// is told of.
    pub(super) fn bounded(&self, claim: &Claim, theirs: &Moment, kept: Duration) -> Moment {
        let Some(ours) = self.most(kept).map(Moment::after) else {
            return theirs.clone();
        };
        if !ours.until(theirs).is_positive() {
            return theirs.clone();
        }
        let Claim { provider, slug, .. } = claim;
        let until = theirs.wall.strftime("%Y-%m-%d %H:%M:%SZ");
        let why = self.longest.as_ref().map(ToString::to_string).unwrap_or_default();
        self.printer.warning(&format!(
            "`{provider}` keeps the box of `{slug}` until {until}: for `lease.ttl`, {why}"
        ));
        ours
    }
}
