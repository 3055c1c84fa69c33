//! What kind of box a command wants.

use super::slug::Slug;
use crate::claims::Claim;
use crabbox_provider_api::payload::{ReleaseAction, Settings};
use std::path::PathBuf;
use std::time::Duration;

/// What kind of box is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The checkout that it serves.
    pub repository: PathBuf,
    /// The provider's name.
    pub provider: String,
    /// The provider's settings.
    pub settings: Settings,
    /// Digest of those that shape a resource; `None`: nobody knows which they are.
    pub profile: Option<String>,
    /// Digest of what the provider's login comes from; `None`: it doesn't say.
    pub login: Option<String>,
    /// What the name of a new resource begins with, where the host makes it.
    pub prefix: Option<String>,
    /// What becomes of a new resource at its end.
    pub release: ReleaseAction,
    /// A new lease stays ready after each run.
    pub keep: bool,
    /// How long a box may stay, from being made or started, unless a run is alive.
    pub ttl: Duration,
    /// The same, if it was asked for just now: then it is the lease's own from now on.
    pub asked_ttl: Option<Duration>,
    /// Never reuse a lease.
    pub fresh: bool,
    /// The name of a new lease, or of the checkout's own that has it already.
    pub slug: Option<Slug>,
    /// Only this lease, by whatever stands for it.
    pub id: Option<String>,
    /// What is done while another command uses the box.
    pub in_use: InUse,
    /// The run that the box is for, if it is for one: in the claim before anything of it starts.
    pub run: Option<String>,
}

impl Wanted {
    /// The login that this claim's provider has here, as far as that is known.
    pub(super) fn login_of(&self, claim: &Claim) -> Option<&str> {
        self.login.as_deref().filter(|_| self.provider == claim.provider)
    }

    /// Did the claim's provider vouch for its box with another login, or nobody knows with which? Then the box may be
    /// another's, or out of sight, by now.
    pub(super) fn has_another_login(&self, claim: &Claim) -> bool {
        let vouched = claim.way().and_then(|way| way.login.as_deref());
        self.login_of(claim).is_some_and(|login| vouched != Some(login))
    }
}

/// What is done while another command uses the box that would be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InUse {
    /// It is waited for.
    Wait,
    /// Another is leased, if the checkout's own would do; one that was asked for by its name is waited for.
    Another,
    /// Nothing: that is an error, if it was asked for by its id.
    Refuse,
}
