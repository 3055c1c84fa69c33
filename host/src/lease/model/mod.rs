//! The promises, held against any order of commands, crashes, lost answers, strangers and clocks.
//!
//! Each sequence runs the real [`Desk`] on a real store; the [`provider`] is a model of one that
//! misbehaves as its [`mood`] is, in a [`world`] that knows what must never be asked. A crash is at any point of [`crate::fault`], before and after each durable write
//! and each call. What is ordered is in [`orders`],
//! what must hold after each step and at the end in [`promises`], and what went wrong once in [`scenes`].
//! `CRABBOX_TEST_SCALE=1000` plays a million sequences. A failing one is shrunk and printed; `CRABBOX_TEST_SEED`, which is
//! printed, too, repeats it.

mod mood;
mod orders;
mod promises;
mod provider;
mod scenes;
mod world;

pub(super) use provider::Shared;

use crate::claims::skew;
use crate::fault::in_tests::crash_after;
use crate::lease::random_bits;
use mood::{MOODS, Mood};
use orders::{Order, obey, order};
use promises::{check, settle};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use world::World;

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

fn step() -> impl Strategy<Value = Step> {
    let mood = prop_oneof![3 => Just(Mood::Well), 1 => select(MOODS.to_vec())];
    let crash = prop_oneof![2 => Just(None), 1 => (0..24_usize).prop_map(Some)];
    let moods = [mood.clone(), mood.clone(), mood];
    (order(), moods, prop::option::weighted(0.2, order()), crash)
        .prop_map(|(order, moods, meanwhile, crash)| Step { order, moods, meanwhile, crash })
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
    let (world, store) = (Arc::default(), Arc::default());
    (folder, Shared { world, run: obey, state, store })
}

fn play(ends_boxes: bool, steps: &[Step]) -> Result<BTreeSet<(&'static str, Mood)>, TestCaseError> {
    let (_folder, shared) = begin();
    shared.lock().ends_boxes = ends_boxes;
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

/// `CRABBOX_TEST_SEED`, or any.
#[expect(clippy::print_stdout, reason = "a failure can be had again from the seed")]
fn seed() -> u64 {
    let given = std::env::var("CRABBOX_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(random_bits);
    println!("CRABBOX_TEST_SEED={seed}");
    seed
}

#[test]
fn no_order_of_events_loses_or_touches_what_it_must_not() {
    let scale: u32 =
        std::env::var("CRABBOX_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let config = Config {
        cases: 1000 * scale,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        rng_seed: RngSeed::Fixed(seed()),
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let met = Mutex::new(BTreeSet::new());
    let steps = prop::collection::vec(step(), 1..12);
    proptest!(config, |(ends_boxes in any::<bool>(), steps in steps)| {
        met.lock().expect("nobody panics with it").extend(play(ends_boxes, &steps)?);
    });
    // A mood that no hook meets proves nothing.
    let met = met.into_inner().expect("nobody panics with it");
    for hook in ["lease", "resolve", "release"] {
        let moods = met.iter().filter(|(of, _)| *of == hook).count();
        assert_eq!(moods, MOODS.len() + 1, "{hook}");
    }
    // Nor does one that no box comes of.
    for hook in ["run", "extend", "list"] {
        assert!(met.contains(&(hook, Mood::Well)), "{hook}");
    }
}
