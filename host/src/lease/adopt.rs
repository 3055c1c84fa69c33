//! Makes a lease of a resource that has no claim: somebody made it, or its claim was lost. Nothing is
//! done to the resource itself.

use super::audit::Action;
use super::desk::Desk;
use super::look::Onlooker;
use super::names::{random_bits, slug};
use crate::claims::{Adopted, Claim, Claimant, Ending, LeaseId, Moment, Owned};
use crate::output::{CommandError, Exit, Typed, to_type};
use crabbox_provider_api::payload::{ListRequest, Listed, ResourceState, Settings};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How long a provider may take to list its resources.
const LIST_DEADLINE: Duration = Duration::from_mins(10);

/// How many names to try before giving up on a store that takes none.
const NAMES: usize = 10;

/// How many candidates an error names.
const CANDIDATES: usize = 10;

/// A resource that its provider lists and no claim names, with all that is known of it.
#[derive(Clone, Debug)]
pub struct Sighted {
    /// As it is recorded.
    pub owned: Owned,
    /// What it is doing.
    pub state: ResourceState,
    /// The lease that it names itself.
    pub lease: Option<String>,
    /// Whose it is. `None`: of this login.
    pub owner: Option<Owner>,
    /// What else speaks for or against its being ours, by what that is.
    pub evidence: BTreeMap<String, String>,
    provider_version: String,
}

/// Whose a resource is that isn't known to be this login's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Name or account; empty: the provider doesn't say.
    pub name: String,
    /// The provider says that it isn't this login's.
    pub is_another: bool,
}

/// How a resource is adopted.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// The provider's name.
    pub provider: String,
    /// The checkout that it is to serve.
    pub repository: PathBuf,
    /// Digest of the settings that shape a resource, if they are known.
    pub profile: Option<String>,
    /// What becomes of it at the end.
    pub ending: Ending,
    /// The lease's name for people. `None`: any.
    pub slug: Option<String>,
    /// How long it may stay, where it is to end.
    pub ttl: Duration,
    /// The same, without use.
    pub idle: Duration,
}

impl Desk {
    /// Looks for a resource by its name or its immutable id among all that a provider lists.
    pub fn sight(
        &mut self,
        provider: &str,
        reference: &str,
        settings: &Settings,
    ) -> Result<Sighted, CommandError> {
        let request = ListRequest { settings: settings.clone(), cursor: None };
        let mut onlooker = Onlooker::new(self.printer, None);
        let mut open = self.provider(provider)?;
        let all = open.list(&request, LIST_DEADLINE, &mut onlooker)?.resources;
        let is_id = |listed: &&Listed| listed.resource.id.as_deref() == Some(reference);
        let mut found: Vec<_> = all.iter().filter(is_id).collect();
        if found.is_empty() {
            found = all.iter().filter(|listed| is_called(listed, reference)).collect();
        }
        let listed = match found[..] {
            [listed] => listed,
            [] => return Err(not_listed(provider, reference)),
            _ => return Err(ambiguous(provider, reference, &found)),
        };
        let Some(owned) = owned(listed) else {
            let message =
                format!("`{reference}` can't be adopted: `{provider}` names no immutable id of it");
            return Err(CommandError::failed(message).code("provider"));
        };
        if let Some(claimant) = self.store.claimant(provider, &owned)? {
            return Err(claimed(&owned, &claimant));
        }
        let provider_version = open.version().to_owned();
        let (lease, evidence) = (listed.lease.clone(), listed.evidence.clone());
        let (state, whose) = (listed.state, owner(listed));
        Ok(Sighted { owned, state, lease, owner: whose, evidence, provider_version })
    }

    /// Makes a lease of it, unless somebody else has meanwhile.
    pub fn adopt(&mut self, sighted: &Sighted, adoption: &Adoption) -> Result<Claim, CommandError> {
        for tried in 0..NAMES {
            let chosen = adoption.slug.clone();
            let name = chosen.unwrap_or_else(|| slug(random_bits(), tried));
            let claim = new_claim(name, sighted, adoption);
            let begun = self.audit.begin(Action::Adopt, &claim)?;
            let came = self.store.adopt(&claim, &sighted.owned);
            let noted = match &came {
                Ok(Adopted::Done) => Ok(()),
                Ok(Adopted::Claimed(other)) => Err(format!("it is the box of `{}`", other.slug)),
                Ok(Adopted::NameTaken) => Err("the lease's name is taken".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            self.audit.end(&begun, &claim, &noted);
            match came? {
                Adopted::Done => return Ok(claim),
                Adopted::Claimed(claimant) => return Err(claimed(&sighted.owned, &claimant)),
                Adopted::NameTaken => {}
            }
            if let Some(slug) = &adoption.slug {
                let message = format!("there is a lease `{slug}` already");
                return Err(CommandError::new(Exit::Conflict, message)
                    .hint(Typed::here().without("--slug").to_string())
                    .hint(to_type(&["status", slug])));
            }
        }
        Err(CommandError::failed("no free name for a new lease was found"))
    }
}

fn new_claim(slug: String, sighted: &Sighted, adoption: &Adoption) -> Claim {
    let id = LeaseId::from_bits(random_bits());
    let owned = sighted.owned.clone();
    let (mut claim, ttl) = match adoption.ending {
        // Nobody ends it, so that nothing is gained by a time.
        Ending::None => (Claim::adopted(id, slug, owned, None), None),
        Ending::Park | Ending::Delete if sighted.state == ResourceState::Parked => {
            (Claim::adopted_parked(id, slug, owned), None)
        }
        Ending::Park | Ending::Delete => {
            let idle = Some(Moment::after(adoption.idle));
            (Claim::adopted(id, slug, owned, idle), Some(Moment::after(adoption.ttl)))
        }
    };
    claim.provider.clone_from(&adoption.provider);
    claim.provider_version.clone_from(&sighted.provider_version);
    claim.repository.clone_from(&adoption.repository);
    claim.profile = adoption.profile.clone().unwrap_or_default();
    claim.ending = adoption.ending;
    claim.owner =
        sighted.owner.as_ref().filter(|owner| owner.is_another).map(|one| one.name.clone());
    claim.deadline = ttl;
    claim
}

/// By its name, or by its owner's before that.
fn is_called(listed: &Listed, reference: &str) -> bool {
    let Listed { resource, owner, .. } = listed;
    let with_owner = owner.as_ref().map(|owner| format!("{owner}/{}", resource.name));
    resource.name == reference || with_owner.as_deref() == Some(reference)
}

/// What isn't known to be this login's counts as another's: its owner must be repeated.
fn owner(listed: &Listed) -> Option<Owner> {
    let is_another = match listed.mine {
        Some(true) => return None,
        Some(false) => true,
        None => false,
    };
    let name = listed.owner.clone().unwrap_or_else(|| listed.scope.account.clone());
    Some(Owner { name, is_another })
}

fn owned(listed: &Listed) -> Option<Owned> {
    Some(Owned {
        name: listed.resource.name.clone(),
        id: listed.resource.id.clone().filter(|id| !id.is_empty())?,
        scope: listed.scope.clone(),
        attributes: serde_json::Map::new(),
        owner: listed.owner.clone(),
    })
}

fn not_listed(provider: &str, reference: &str) -> CommandError {
    let message = format!("`{provider}` lists nothing called `{reference}`");
    CommandError::new(Exit::NotFound, message)
        .hint(to_type(&["provider", "call", provider, "list"]))
}

fn ambiguous(provider: &str, reference: &str, found: &[&Listed]) -> CommandError {
    let count = found.len();
    let message = format!("`{provider}` lists {count} resources called `{reference}`");
    let ids = found.iter().filter_map(|listed| listed.resource.id.as_deref()).take(CANDIDATES);
    ids.fold(CommandError::new(Exit::Conflict, message), |error, id| {
        error.hint(Typed::here().replaced(reference, id).to_string())
    })
}

fn claimed(owned: &Owned, claimant: &Claimant) -> CommandError {
    let Claimant { id, slug, is_readable } = claimant;
    let name = &owned.name;
    if *is_readable {
        let message = format!("`{name}` is the box of a lease already: `{slug}` ({id})");
        return CommandError::new(Exit::Conflict, message).hint(to_type(&["status", slug]));
    }
    let message = format!("`{name}` may be the box of `{slug}` ({id}), whose claim can't be read");
    CommandError::new(Exit::Conflict, message).hint(to_type(&["forget", id]))
}
