//! The promises, held against any order of commands, crashes, lost answers, strangers and clocks.
//!
//! Each sequence runs the real [`Desk`] on a real store; the provider is a model of one ([`world`]) that
//! misbehaves on demand. A crash is at any point of [`crate::fault`], before and after each durable write
//! and each call. What must hold after each step is in [`check`], and at the end in [`settle`].
//! `CRABBOX_TEST_SCALE=1000` plays a million sequences. A failing one is shrunk and printed, with the seed
//! that repeats it.

mod scenes;
mod world;

pub(super) use world::Shared;

use super::acquire::Wanted;
use super::desk::Desk;
use super::release::{End, Leaving};
use crate::claims::{Claim, State, Store, skew};
use crate::fault::in_tests::{Crash, crash_after};
use crate::output::{Colour, Exit, Manner, Printer};
use crate::registry::{Places, Registry};
use crabbox_provider_api::payload::{ReleaseAction, Settings};
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, FileFailurePersistence};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use world::{Mood, World};

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Runs something in one of two checkouts.
    Run { checkout: bool, keep: bool, fresh: bool, delete: bool },
    /// Lets go of one of the leases.
    Stop { which: usize, delete: bool },
    /// Gives one more time.
    Extend { which: usize },
    /// Somebody else deletes a resource, or puts another one in its place.
    Behind { which: usize, replace: bool },
    /// Somebody sets the clock on the wall.
    Clock { hours: i64 },
    /// Time passes.
    Time { minutes: i64 },
}

/// A command, and what goes wrong with it.
#[derive(Clone, Copy, Debug)]
struct Step {
    order: Order,
    /// How the first calls of the provider go.
    moods: [Mood; 3],
    /// What another command does during the first call, or while the box is used.
    meanwhile: Option<Order>,
    /// It is killed when it has passed so many points.
    crash: Option<usize>,
}

fn order() -> impl Strategy<Value = Order> {
    let run = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2), any::<bool>());
    prop_oneof![
        5 => run.prop_map(|(checkout, keep, fresh, delete)| Order::Run { checkout, keep, fresh, delete }),
        3 => (0..4_usize, any::<bool>()).prop_map(|(which, delete)| Order::Stop { which, delete }),
        1 => (0..4_usize).prop_map(|which| Order::Extend { which }),
        1 => (0..4_usize, any::<bool>()).prop_map(|(which, replace)| Order::Behind { which, replace }),
        1 => select(vec![-24, 24]).prop_map(|hours| Order::Clock { hours }),
        1 => select(vec![2, 20, 600]).prop_map(|minutes| Order::Time { minutes }),
    ]
}

/// All that isn't well.
const MOODS: [Mood; 12] = [
    Mood::Refuses,
    Mood::Breaks,
    Mood::LosesAnswer,
    Mood::IsLate,
    Mood::BreaksAfterMaking,
    Mood::SeesNothing,
    Mood::CallsItForeign,
    Mood::IsUnsure,
    Mood::FindsAnother,
    Mood::KnowsNoWay,
    Mood::IsElsewhere,
    Mood::NamesAnothers,
];

fn step() -> impl Strategy<Value = Step> {
    let mood = prop_oneof![3 => Just(Mood::Well), 1 => select(MOODS.to_vec())];
    let crash = prop_oneof![2 => Just(None), 1 => (0..24_usize).prop_map(Some)];
    let moods = [mood.clone(), mood.clone(), mood];
    (order(), moods, prop::option::weighted(0.2, order()), crash)
        .prop_map(|(order, moods, meanwhile, crash)| Step { order, moods, meanwhile, crash })
}

fn desk(shared: &Shared) -> Desk {
    let store = Store::open(&shared.state).expect("opens");
    let registry = Registry::new(Places::default());
    let heartbeat = Duration::from_hours(1);
    let manner = Manner { quiet: true, json: false, colour: Colour::Never, heartbeat };
    let mut desk = Desk::new(store, registry, Printer::new(manner));
    desk.model = Some(shared.clone());
    desk
}

/// The claims that aren't over, in the order of their making.
fn live(shared: &Shared) -> Vec<Claim> {
    let store = Store::open(&shared.state).expect("opens");
    let (mut claims, unreadable) = store.all(false).expect("reads");
    assert!(unreadable.is_empty());
    claims.sort_by_key(|claim| claim.created);
    claims
}

/// Runs a command to its end, or to its crash.
fn obey(shared: &Shared, order: Order) {
    until_killed(|| match order {
        Order::Run { checkout, keep, fresh, delete } => {
            let release = if delete { ReleaseAction::Delete } else { ReleaseAction::Park };
            run(shared, &wanted(checkout, keep, fresh, release));
        }
        Order::Stop { which, delete } => {
            let claims = live(shared);
            if let Some(claim) = claims.get(which % claims.len().max(1)) {
                stop(shared, claim, delete);
            }
        }
        Order::Extend { which } => {
            let claims = live(shared);
            if let Some(claim) = claims.get(which % claims.len().max(1)) {
                let mut desk = desk(shared);
                let hour = Duration::from_hours(1);
                let _ = desk.extend(claim.id.as_str(), hour, &Settings::default());
            }
        }
        Order::Behind { which, replace } => shared.lock().behind_our_back(which, replace),
        Order::Clock { hours } => skew::set_wall(SignedDuration::from_hours(hours)),
        Order::Time { minutes } => shared.pass(SignedDuration::from_mins(minutes)),
    });
}

fn until_killed(command: impl FnOnce()) {
    match catch_unwind(AssertUnwindSafe(command)) {
        Err(panic) if !panic.is::<Crash>() => resume_unwind(panic),
        _ => {}
    }
}

fn wanted(checkout: bool, keep: bool, fresh: bool, release: ReleaseAction) -> Wanted {
    Wanted {
        repository: if checkout { "/one" } else { "/other" }.into(),
        provider: "model".to_owned(),
        settings: Settings::default(),
        profile: None,
        prefix: None,
        release,
        keep,
        ttl: Duration::from_hours(8),
        fresh,
        slug: None,
        id: None,
        in_use: super::InUse::Refuse,
        run: Some("run_0123456789ab".to_owned()),
    }
}

/// In the set while somebody works with it, however that ends.
struct InUse<'a>(&'a Shared, String);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.lock().in_use.remove(&self.1);
    }
}

fn run(shared: &Shared, wanted: &Wanted) {
    let mut desk = desk(shared);
    let Ok(mut held) = desk.acquire(wanted) else { return };
    let lease = held.claim.id.to_string();
    assert_eq!(held.claim.state(), State::Busy);
    shared.lock().in_use.insert(lease.clone());
    let in_use = InUse(shared, lease);
    let meanwhile = shared.lock().meanwhile.take();
    if let Some(order) = meanwhile {
        obey(shared, order);
    }
    drop(in_use);
    let idle = Duration::from_mins(30);
    let leaving = Leaving {
        keep: wanted.keep,
        ready: false,
        idle,
        asked_idle: None,
        longest_idle: None,
        linger: None,
        run_is_over: true,
    };
    let end = desk.let_go(&mut held, &leaving, &wanted.settings);
    if let (true, Ok(end)) = (wanted.keep, end) {
        assert_eq!(end, End::Ready);
    }
}

fn stop(shared: &Shared, claim: &Claim, delete: bool) {
    if delete {
        shared.lock().to_delete.insert(claim.id.to_string());
    }
    let _ = desk(shared).stop(claim.id.as_str(), delete, &Settings::default());
}

/// What holds after each step: nothing foreign was asked for, and every resource of ours is named by
/// the claim of its lease, which isn't over.
fn check(shared: &Shared) -> Result<(), TestCaseError> {
    let claims: BTreeMap<String, Claim> =
        live(shared).into_iter().map(|claim| (claim.id.to_string(), claim)).collect();
    let mut world = shared.lock();
    prop_assert!(world.wrongs.is_empty(), "{:?}", world.wrongs);
    let knows = |claim: &&Claim| claim.made().is_some_and(|made| made.id.is_some());
    world.recorded.extend(claims.values().filter(knows).map(|claim| claim.id.to_string()));
    for thing in world.things.iter().filter(|thing| thing.lease.is_some()) {
        let lease = thing.lease.as_ref().expect("it is of a lease");
        let claim = claims.get(lease);
        let made = claim.and_then(Claim::made);
        // By its id, or by the name that only this lease gives.
        let is_named = made.as_ref().is_some_and(|made| {
            made.id.as_ref().map_or(made.name == thing.name, |id| *id == thing.id)
        });
        prop_assert!(is_named, "{thing:?} exists, and its claim is {claim:?}");
        // What is parked costs nothing.
        let is_parked = claim.is_some_and(|claim| claim.state() == State::Parked);
        prop_assert!(!(is_parked && thing.is_on), "{thing:?} is on, and its claim is {claim:?}");
        let count = world.things.iter().filter(|other| other.lease.as_ref() == Some(lease)).count();
        prop_assert_eq!(count, 1, "resources for {}", lease);
    }
    Ok(())
}

/// What holds at the end, once nothing goes wrong any more: everything can be let go of, and what can't is
/// somebody else's now.
fn settle(shared: &Shared) -> Result<(), TestCaseError> {
    shared.pass(SignedDuration::from_hours(1));
    let mut unclear = BTreeSet::new();
    for claim in live(shared) {
        shared.lock().to_delete.insert(claim.id.to_string());
        let stop = || desk(shared).stop(claim.id.as_str(), true, &Settings::default());
        let mut stopped = stop();
        // Another test of this process starts a program: for a moment, that holds every lock of it.
        for _ in 0..1000 {
            match &stopped {
                Err(error) if error.to_string().contains("is in use by") => {}
                _ => break,
            }
            std::thread::sleep(Duration::from_millis(1));
            stopped = stop();
        }
        if let Err(error) = stopped {
            prop_assert_eq!(error.kind(), Exit::Conflict, "{}: {:?}", error, claim);
            let made = claim.made().expect("there is something");
            let world = shared.lock();
            let mut named = world.things.iter().filter(|thing| thing.name == made.name);
            prop_assert!(named.any(|thing| thing.lease.is_none()), "{error}: {claim:?}");
            // Whose id was never recorded can't be told from it.
            if made.id.is_none() {
                unclear.insert(made.name);
            }
        }
    }
    check(shared)?;
    let world = shared.lock();
    let is_left = |thing: &&world::Thing| thing.lease.is_some() && !unclear.contains(&thing.name);
    let ours: Vec<_> = world.things.iter().filter(is_left).collect();
    prop_assert!(ours.is_empty(), "left: {ours:?}");
    Ok(())
}

/// An empty world, and the folder that it lasts as long as.
fn begin() -> (tempfile::TempDir, Shared) {
    let folder = tempfile::tempdir_in(if std::path::Path::new("/dev/shm").is_dir() {
        "/dev/shm".into()
    } else {
        std::env::temp_dir()
    })
    .expect("a folder");
    skew::reset();
    let state = Arc::new(folder.path().join("state"));
    (folder, Shared { world: Arc::default(), run: obey, state })
}

fn play(steps: &[Step]) -> Result<BTreeSet<(&'static str, Mood)>, TestCaseError> {
    let (_folder, shared) = begin();
    for step in steps {
        {
            let mut world: std::sync::MutexGuard<'_, World> = shared.lock();
            world.moods = step.moods.into();
            world.meanwhile = step.meanwhile;
        }
        crash_after(step.crash);
        obey(&shared, step.order);
        crash_after(None);
        let mut world = shared.lock();
        world.meanwhile = None;
        world.moods.clear();
        drop(world);
        check(&shared)?;
    }
    settle(&shared)?;
    Ok(shared.lock().met.clone())
}

#[test]
fn no_order_of_events_loses_or_touches_what_it_must_not() {
    let scale: u32 =
        std::env::var("CRABBOX_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let config = Config {
        cases: 1000 * scale,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let met = Mutex::new(BTreeSet::new());
    proptest!(config, |(steps in prop::collection::vec(step(), 1..12))| {
        met.lock().expect("nobody panics with it").extend(play(&steps)?);
    });
    // A mood that no hook meets proves nothing.
    let met = met.into_inner().expect("nobody panics with it");
    for hook in ["lease", "resolve", "release"] {
        let moods = met.iter().filter(|(of, _)| *of == hook).count();
        assert_eq!(moods, MOODS.len() + 1, "{hook}");
    }
}

#[test]
fn nothing_is_made_for_a_claim_that_does_not_permit_it() {
    let folder = tempfile::tempdir().expect("a folder");
    skew::reset();
    let state = Arc::new(folder.path().join("state"));
    let shared = Shared { world: Arc::default(), run: obey, state };
    let wanted = wanted(true, true, false, ReleaseAction::Park);
    run(&shared, &wanted);
    let ready = live(&shared).remove(0);
    stop(&shared, &ready, false);
    let parked = live(&shared).remove(0);
    stop(&shared, &parked, true);
    let (claims, _) = desk(&shared).store.all(true).expect("reads");
    let released = claims.into_iter().next().expect("a claim");
    shared.lock().met.clear();
    for (claim, state) in
        [(ready, State::Ready), (parked, State::Parked), (released, State::Released)]
    {
        assert_eq!(claim.state(), state);
        let mut desk = desk(&shared);
        let holder = desk.store.hold(&claim.id).expect("asks").expect("nobody has it");
        let provider = desk.provider(&claim.provider).expect("starts");
        let refused = desk.make(claim, holder, provider, &wanted).expect_err("it isn't leasing");
        assert_eq!(refused.kind(), Exit::Conflict, "{refused}");
    }
    let world = shared.lock();
    assert!(world.met.is_empty() && world.things.is_empty(), "{:?}", world.met);
}
