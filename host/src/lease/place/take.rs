//! Takes a place for a new lease: on the first box of those that the provider names, one after the other, that can be
//! reached and has room.
//!
//! The box is asked before anything is recorded, so that one which can't be used leaves no trace: at most, an empty work
//! root was made on it. Then the claim says which place it will be, and then it is taken: whatever breaks off in between, it is found again, and taking it
//! twice is taking it once.

use super::super::answer::why_not;
use super::super::desk::Desk;
use super::super::make::NotLeased;
use super::super::names::random_bits;
use super::ask::{Asker, explain};
use super::id::{of_claim, to_text};
use super::proof::endpoint_of;
use crate::claims::{Claim, Event, Made};
use crate::output::{CommandError, Exit, human, to_type};
use crate::provider::Provider;
use crate::transport::Answers;
use crate::visit::VisitError;
use crabbox_provider_api::payload::{
    Endpoint, Found, Intent, LeaseRequest, Leased, Proof, Resolution, ResourceState,
};
use crabbox_wire::place::{Place, PlaceAnswer, PlaceOrder, Survey};
use std::time::Duration;

/// How long a box may take to answer, with the connection.
const PATIENCE: Duration = Duration::from_mins(2);

/// Why a box isn't used.
struct Refusal {
    host: String,
    why: CommandError,
    /// There is no room on it.
    full: bool,
}

/// What came of a box.
enum Tried {
    Taken(Place),
    Refused { why: CommandError, full: bool },
}

impl Desk {
    /// Has the provider name boxes until a place is taken on one.
    pub(in super::super) fn lease_place(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        request: &LeaseRequest,
    ) -> Result<Leased, NotLeased> {
        if let Some(leased) = self.take_over(provider, claim, request)? {
            return Ok(leased);
        }
        // Its members are no resources of leases.
        let mut request = LeaseRequest { exclude: Vec::new(), ..request.clone() };
        let mut refusals: Vec<Refusal> = Vec::new();
        loop {
            let leased = match self.call_lease(provider, claim, &request) {
                Ok(leased) => leased,
                Err(NotLeased { error, .. })
                    if !refusals.is_empty() && error.kind() == Exit::Quota =>
                {
                    return Err(NotLeased::before(none_left(refusals)));
                }
                // Without a place on one of them, there is nothing.
                Err(error) if claim.made().is_none() => return Err(error.without_effect()),
                Err(error) => return Err(error),
            };
            // Why the last one isn't used, the error says.
            if let Some(Refusal { host, why, full }) = refusals.last() {
                self.say_refused(host, why, *full);
            }
            let host = leased.resource.name.clone();
            let Some(endpoint) = leased.endpoint.clone() else {
                return Err(NotLeased::before(unusable(claim, "it names no way to the box")));
            };
            if request.exclude.contains(&host) {
                return Err(NotLeased::before(unusable(claim, "it names a box that is excluded")));
            }
            match self.try_box(claim, &leased, &endpoint)? {
                Tried::Taken(place) => return Ok(as_leased(&place, claim, leased, &endpoint)),
                Tried::Refused { .. } if self.working.is_interrupted() => {
                    let why = CommandError::failed("no other box is looked for");
                    return Err(NotLeased::before(why));
                }
                Tried::Refused { why, full } => {
                    request.exclude.push(host.clone());
                    refusals.push(Refusal { host, why, full });
                }
            }
        }
    }

    /// That there is no room is nothing to worry about; what keeps a box from being reached may be.
    fn say_refused(&self, host: &str, why: &CommandError, full: bool) {
        let said = format!("`{host}` isn't used: {why}");
        if full {
            self.printer.phase(&said);
        } else {
            self.printer.warning(&said);
        }
    }

    /// What a command took, or was about to take, that was killed.
    fn take_over(
        &mut self,
        provider: &mut Provider,
        claim: &mut Claim,
        request: &LeaseRequest,
    ) -> Result<Option<Leased>, NotLeased> {
        let Some(place) = of_claim(claim) else { return Ok(None) };
        let found = self.resolve(provider, claim, Intent::Status, &request.settings);
        match found.map_err(NotLeased::maybe)? {
            Resolution::Found(found) if found.state != ResourceState::Failed => {
                let Found { resource, scope, endpoint, attributes, owner, .. } = found;
                let default = Leased::default();
                let leased = Leased { resource, scope, endpoint, attributes, owner, ..default };
                self.record(claim, &place, &leased, true).map_err(NotLeased::maybe)?;
                Ok(Some(leased))
            }
            Resolution::Missing { proof: Proof::Deleted } => Ok(None),
            other => {
                Err(NotLeased::maybe(CommandError::new(Exit::Conflict, why_not(claim, &other))))
            }
        }
    }

    fn try_box(
        &mut self,
        claim: &mut Claim,
        leased: &Leased,
        endpoint: &Endpoint,
    ) -> Result<Tried, NotLeased> {
        let survey = match self.survey(claim, endpoint) {
            Ok(survey) => survey,
            Err(error) => return Ok(refused(explain(&error))),
        };
        if let Some(limit) = leased.limit.filter(|limit| survey.used >= *limit) {
            return Ok(full(survey.used, limit));
        }
        let place = Place {
            machine_id: survey.machine_id,
            root: survey.root.unwrap_or_default(),
            folder: survey.folder,
            nonce: random_number(),
        };
        if to_text(&place).is_none() {
            let why = format!("its folder `{}` can't be recorded", place.folder);
            return Ok(refused(CommandError::failed(why)));
        }
        self.record(claim, &place, leased, false).map_err(NotLeased::before)?;
        let declared = || Self::declared(&self.registry, &claim.provider);
        let order = PlaceOrder::Take { place: place.clone(), limit: leased.limit };
        let answer = self.asker(claim, &declared, PATIENCE).ask(endpoint, order);
        match answer {
            Ok(PlaceAnswer::Here) => {
                self.record(claim, &place, leased, true).map_err(NotLeased::maybe)?;
                Ok(Tried::Taken(place))
            }
            // Somebody else was faster.
            Ok(PlaceAnswer::Full { used }) => Ok(full(used, leased.limit.unwrap_or(used))),
            Ok(PlaceAnswer::Elsewhere { why } | PlaceAnswer::Foreign { why }) => {
                Ok(refused(CommandError::failed(why)))
            }
            Err(error @ VisitError::Box(_)) => Ok(refused(explain(&error))),
            Ok(_) => Err(NotLeased::maybe(unusable(claim, "the box answers nonsense"))),
            Err(error) => Err(NotLeased::maybe(explain(&error))),
        }
    }

    /// What the box says of itself, after `ssh` asked whoever sits there what it needs.
    fn survey(&self, claim: &Claim, endpoint: &Endpoint) -> Result<Survey, VisitError> {
        let declared = || Self::declared(&self.registry, &claim.provider);
        let asker = self.asker(claim, &declared, PATIENCE);
        let order = || PlaceOrder::Survey { root: Some(random_number()) };
        let answers = Answers { can_ask: self.may_ask, printer: self.printer };
        match asker.ask_answered(endpoint, &order, answers)? {
            PlaceAnswer::Surveyed(survey) => Ok(survey),
            _ => Err(VisitError::Order),
        }
    }

    /// Who asks the box of this claim.
    pub(in super::super) fn asker<'a>(
        &'a self,
        claim: &'a Claim,
        declared: &'a dyn Fn() -> Vec<String>,
        within: Duration,
    ) -> Asker<'a> {
        let (lease, state) = (claim.id.as_str(), self.store.folder());
        Asker { lease, connection: lease, declared, state, stop: self.working.stop(), within }
    }

    /// Durable before anything is done by it: which place it will be, and once it is taken, that it is.
    fn record(
        &mut self,
        claim: &mut Claim,
        place: &Place,
        leased: &Leased,
        taken: bool,
    ) -> Result<(), CommandError> {
        let id = to_text(place);
        let made = Made {
            name: claim.id.to_string(),
            id: id.clone().filter(|_| taken),
            scope: Some(leased.scope.clone()).filter(|_| taken),
            attributes: leased.attributes.clone(),
            owner: leased.owner.clone(),
            asked: None,
            planned: id,
        };
        Ok(self.store.transition(claim, &Event::Checkpoint(made))?)
    }
}

/// What the rest of the host takes for the provider's answer.
fn as_leased(place: &Place, claim: &Claim, leased: Leased, endpoint: &Endpoint) -> Leased {
    let resource = claim.made().map(|made| made.resource()).unwrap_or_default();
    Leased { resource, endpoint: Some(endpoint_of(place, endpoint)), identity: None, ..leased }
}

fn refused(why: CommandError) -> Tried {
    Tried::Refused { why, full: false }
}

fn full(used: u32, limit: u32) -> Tried {
    let leases = human::count(u64::from(used), "lease");
    let why = CommandError::new(Exit::Quota, format!("it holds {leases}, and may hold {limit}"));
    Tried::Refused { why, full: true }
}

/// No box is left: one that can't be reached is told of as it is, several are listed.
fn none_left(mut refusals: Vec<Refusal>) -> CommandError {
    let any_full = refusals.iter().any(|refusal| refusal.full);
    if let ([_], false) = (&*refusals, any_full) {
        return refusals.remove(0).why;
    }
    let (kind, message) = if any_full {
        (Exit::Quota, "there is no room for another lease")
    } else {
        (Exit::TryAgain, "no box can be used")
    };
    let error = refusals.iter().fold(CommandError::new(kind, message), |error, refusal| {
        error.note(format!("`{}`: {}", refusal.host, refusal.why))
    });
    let error = if any_full {
        error.hint(to_type(&["list"])).hint(to_type(&["cleanup", "--delete-parked", "--dry-run"]))
    } else {
        error.hint(to_type(&["doctor"]))
    };
    error.code("provider")
}

fn unusable(claim: &Claim, why: &str) -> CommandError {
    let message = format!("the provider `{}` can't lease: {why}", claim.provider);
    CommandError::failed(message).code("provider")
}

/// 128 random bits, hex.
fn random_number() -> String {
    format!("{:016x}{:016x}", random_bits(), random_bits())
}
