//! What is ordered in the model's world, by a user, by somebody else, or by nobody.

use super::mood::Mood;
use super::promises::hand_over;
use super::provider::Shared;
use crate::claims::{Claim, Ending, LeaseId, Moment, State, Store, skew};
use crate::fault::in_tests::Crash;
use crate::lease::adopt::Adoption;
use crate::lease::cleanup::{self, is_long_parked};
use crate::lease::desk::Desk;
use crate::lease::wanted::{InUse, Wanted};
use crate::lease::{End, Leaving, Linger};
use crate::output::{Colour, Manner, Printer};
use crate::registry::{Places, Registry};
use crabbox_provider_api::payload::{ReleaseAction, Settings};
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Runs something in one of two checkouts.
    Run { checkout: bool, by: By, leave: Leave, fresh: bool, delete: bool },
    /// Takes a box, and leaves it ready.
    WarmUp { checkout: bool, by: By },
    /// Lets go of one of the leases.
    Stop { which: usize, delete: bool },
    /// Gives one more time.
    Extend { which: usize },
    /// Cleans up after all of them.
    Cleanup { expired: bool, delete_parked: bool },
    /// Makes a lease of one of the resources.
    Adopt { which: usize, ending: Ending },
    /// Drops the claim of one of the leases.
    Forget { which: usize },
    /// Somebody else deletes a resource, or puts another one in its place.
    Behind { which: usize, replace: bool },
    /// Somebody logs in, to one of two accounts.
    LogIn { other: bool },
    /// Somebody sets the clock on the wall.
    Clock { hours: i64 },
    /// Time passes.
    Time { minutes: i64 },
}

/// Which box is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Any.
    Checkout,
    /// That of one of the leases.
    Id(usize),
    /// That of one of two names.
    Slug(bool),
}

/// How a box is left after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// As was settled.
    Settled,
    /// Ready.
    Keep,
    /// Ready for a while.
    Linger,
    /// The end of the run wasn't seen.
    Unseen,
}

/// For how long a box may be parked.
const PARKED_TTL: Duration = Duration::from_hours(5);

pub(super) fn order() -> impl Strategy<Value = Order> {
    let by = || {
        prop_oneof![
            6 => Just(By::Checkout),
            1 => (0..4_usize).prop_map(By::Id),
            1 => any::<bool>().prop_map(By::Slug),
        ]
    };
    let leave = prop_oneof![
        4 => Just(Leave::Settled),
        4 => Just(Leave::Keep),
        1 => Just(Leave::Linger),
        1 => Just(Leave::Unseen),
    ];
    let run = (any::<bool>(), by(), leave, prop::bool::weighted(0.2), any::<bool>());
    let which = || 0..4_usize;
    let ending = select(vec![Ending::None, Ending::Park, Ending::Delete]);
    prop_oneof![
        10 => run.prop_map(|(checkout, by, leave, fresh, delete)| Order::Run { checkout, by, leave, fresh, delete }),
        2 => (any::<bool>(), by()).prop_map(|(checkout, by)| Order::WarmUp { checkout, by }),
        5 => (which(), any::<bool>()).prop_map(|(which, delete)| Order::Stop { which, delete }),
        2 => which().prop_map(|which| Order::Extend { which }),
        3 => (any::<bool>(), any::<bool>()).prop_map(|(expired, delete_parked)| Order::Cleanup { expired, delete_parked }),
        2 => (which(), ending).prop_map(|(which, ending)| Order::Adopt { which, ending }),
        1 => which().prop_map(|which| Order::Forget { which }),
        2 => (which(), any::<bool>()).prop_map(|(which, replace)| Order::Behind { which, replace }),
        2 => any::<bool>().prop_map(|other| Order::LogIn { other }),
        2 => select(vec![-24, 24]).prop_map(|hours| Order::Clock { hours }),
        2 => select(vec![2, 20, 600]).prop_map(|minutes| Order::Time { minutes }),
    ]
}

pub(super) fn desk(shared: &Shared) -> Desk {
    let store = Store::open(&shared.state).expect("opens");
    let registry = Registry::new(Places::default());
    let heartbeat = Duration::from_hours(1);
    let manner = Manner { quiet: true, json: false, colour: Colour::Never, heartbeat };
    let mut desk = Desk::new(store, registry, Printer::new(manner));
    desk.model = Some(shared.clone());
    desk
}

/// The claims that aren't over, in the order of their making.
pub(super) fn live(shared: &Shared) -> Vec<Claim> {
    let store = shared.store();
    let (mut claims, unreadable) = store.as_ref().expect("it is open").all(false).expect("reads");
    assert!(unreadable.is_empty());
    claims.sort_by_key(|claim| claim.created);
    claims
}

/// Runs a command to its end, or to its crash.
pub(super) fn obey(shared: &Shared, order: Order) {
    let one = |which: usize| {
        let claims = live(shared);
        claims.get(which % claims.len().max(1)).cloned()
    };
    until_killed(|| match order {
        Order::Run { checkout, by, leave, fresh, delete } => {
            let release = if delete { ReleaseAction::Delete } else { ReleaseAction::Park };
            let wanted = Wanted { release, fresh, ..wanted(shared, checkout, by) };
            run(shared, &Wanted { keep: leave == Leave::Keep, ..wanted }, leave);
        }
        Order::WarmUp { checkout, by } => warm_up(shared, wanted(shared, checkout, by)),
        Order::Stop { which, delete } => {
            if let Some(claim) = one(which) {
                stop(shared, &claim, delete);
            }
        }
        Order::Extend { which } => {
            if let Some(claim) = one(which) {
                let hour = Duration::from_hours(1);
                let _ = desk(shared).extend(claim.id.as_str(), hour, &Settings::default());
            }
        }
        Order::Cleanup { expired, delete_parked } => clean_up(shared, expired, delete_parked),
        Order::Adopt { which, ending } => adopt(shared, which, ending),
        Order::Forget { which } => {
            if let Some(claim) = one(which) {
                forget(shared, &claim.id);
            }
        }
        Order::Behind { which, replace } => shared.lock().behind_our_back(which, replace),
        Order::LogIn { other } => shared.lock().log_in(other),
        Order::Clock { hours } => skew::set_wall(SignedDuration::from_hours(hours)),
        Order::Time { minutes } => shared.pass(SignedDuration::from_mins(minutes)),
    });
    if matches!(order, Order::Adopt { .. } | Order::Forget { .. } | Order::Stop { .. }) {
        hand_over(shared);
    }
}

pub(super) fn until_killed(command: impl FnOnce()) {
    match catch_unwind(AssertUnwindSafe(command)) {
        Err(panic) if !panic.is::<Crash>() => resume_unwind(panic),
        _ => {}
    }
}

pub(super) fn wanted(shared: &Shared, checkout: bool, by: By) -> Wanted {
    let id = match by {
        By::Id(which) => {
            let claims = live(shared);
            claims.get(which % claims.len().max(1)).map(|claim| claim.id.to_string())
        }
        _ => None,
    };
    let slug = match by {
        By::Slug(first) => {
            let slug = if first { "red-eel" } else { "teal-ray" };
            // Nobody would ever end what is waited for: that is done by this very thread.
            slug.parse().ok().filter(|_| !is_held(shared, slug))
        }
        _ => None,
    };
    Wanted {
        repository: if checkout { "/one" } else { "/other" }.into(),
        provider: "model".to_owned(),
        settings: Settings::default(),
        profile: None,
        login: Some(shared.lock().logins.to_string()),
        prefix: None,
        release: ReleaseAction::Park,
        keep: false,
        ttl: Duration::from_hours(8),
        asked_ttl: None,
        fresh: false,
        slug,
        id,
        in_use: InUse::Refuse,
        run: Some("run_0123456789ab".to_owned()),
    }
}

fn is_held(shared: &Shared, slug: &str) -> bool {
    let named = live(shared).into_iter().find(|claim| claim.slug == slug);
    let store = shared.store();
    let store = store.as_ref().expect("it is open");
    named.is_some_and(|claim| store.holder(&claim.id).expect("looks").is_some())
}

/// In the set while somebody works with it, however that ends.
struct Using<'a>(&'a Shared, String);

impl Drop for Using<'_> {
    fn drop(&mut self) {
        self.0.lock().in_use.remove(&self.1);
    }
}

pub(super) fn run(shared: &Shared, wanted: &Wanted, leave: Leave) {
    let mut desk = desk(shared);
    let Ok(mut held) = desk.acquire(wanted) else { return };
    let id = held.claim.id.to_string();
    assert_eq!(held.claim.state(), State::Busy);
    {
        let mut world = shared.lock();
        let is_as_wanted = wanted.login == Some(world.logins.to_string());
        let made = held.claim.made().and_then(|made| made.id).unwrap_or_default();
        if is_as_wanted && world.is_unseen(&made) {
            world.wrongs.push(format!("uses {made} of {id}, which isn't seen with this login"));
        }
        world.met.insert(("run", Mood::Well));
        world.in_use.insert(id.clone());
    }
    let using = Using(shared, id);
    let meanwhile = shared.lock().meanwhile.take();
    if let Some(order) = meanwhile {
        obey(shared, order);
    }
    drop(using);
    let linger = Linger { time: Duration::from_mins(15), looked_after: true };
    let leaving = Leaving {
        keep: wanted.keep,
        ready: wanted.run.is_none(),
        idle: Duration::from_mins(30),
        asked_idle: None,
        longest_idle: None,
        linger: (leave == Leave::Linger).then_some(linger),
        run_is_over: leave != Leave::Unseen,
    };
    let end = desk.let_go(&mut held, &leaving, &wanted.settings);
    if let (true, Ok(end)) = (leaving.keep || leaving.ready, end) {
        assert_eq!(end, End::Ready);
    }
}

fn warm_up(shared: &Shared, wanted: Wanted) {
    run(shared, &Wanted { run: None, ..wanted }, Leave::Settled);
}

pub(super) fn stop(shared: &Shared, claim: &Claim, delete: bool) {
    if delete {
        shared.lock().to_delete.insert(claim.id.to_string());
    }
    let mut desk = desk(shared);
    // Whoever lets go of it is this very thread: a second stop would wait for that.
    if desk.store.holder(&claim.id).expect("looks").is_none() {
        let _ = desk.stop(claim.id.as_str(), delete, &Settings::default());
    }
}

/// Whatever it does, what stands ready and has time left stays so.
fn clean_up(shared: &Shared, expired: bool, delete_parked: bool) {
    let order = cleanup::Order { expired, delete_parked, parked_ttl: PARKED_TTL };
    let meanwhile = shared.lock().meanwhile;
    // Each has its turn after what passes until then.
    let passes = match meanwhile {
        Some(Order::Time { minutes }) => Duration::from_mins(minutes.unsigned_abs()),
        _ => Duration::ZERO,
    };
    let now = Moment::now().plus(Duration::from_hours(1) + passes);
    let is_alone = meanwhile.is_none();
    let claims = live(shared);
    for claim in claims.iter().filter(|claim| is_long_parked(claim, PARKED_TTL, &now)) {
        if delete_parked {
            shared.lock().to_delete.insert(claim.id.to_string());
        }
    }
    let is_active = |claim: &&Claim| {
        claim.way().is_some()
            && claim.state() == State::Ready
            && claim.ends().is_none_or(|end| now.until(&end).is_positive())
    };
    let active: Vec<&Claim> = claims.iter().filter(is_active).collect();
    let mut desk = desk(shared);
    for claim in &claims {
        let _ = desk.clean(claim, &order, &|_| Ok(Settings::default()));
    }
    let after = live(shared);
    for claim in active {
        if is_alone && !after.contains(claim) {
            shared.lock().wrongs.push(format!("a cleanup has changed {claim:?}"));
        }
    }
}

fn adopt(shared: &Shared, which: usize, ending: Ending) {
    let thing = {
        let world = shared.lock();
        world.things.get(which % world.things.len().max(1)).cloned()
    };
    let Some(thing) = thing else { return };
    let mut desk = desk(shared);
    let Ok(sighted) = desk.sight("model", &thing.id, &Settings::default()) else { return };
    let adoption = Adoption {
        provider: "model".to_owned(),
        repository: "/one".into(),
        profile: None,
        ending,
        slug: None,
        ttl: Duration::from_hours(8),
        idle: Duration::from_mins(30),
    };
    let _ = desk.adopt(&sighted, &adoption);
}

fn forget(shared: &Shared, lease: &LeaseId) {
    let mut desk = desk(shared);
    let Ok(stored) = desk.stored(lease.as_str()) else { return };
    shared.lock().forgotten.insert(lease.to_string());
    let _ = desk.forget(&stored);
}
