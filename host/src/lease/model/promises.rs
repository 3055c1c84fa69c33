//! What must hold in the model's world, whatever was ordered and whatever went wrong.

use super::orders::{desk, live};
use super::provider::{LONGEST, Shared};
use super::world::Thing;
use crate::claims::{Claim, Ending, Moment, State};
use crate::output::Exit;
use crabbox_provider_api::payload::Settings;
use jiff::SignedDuration;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What holds after each step: nothing foreign was asked for, and every resource of ours is named by
/// the claim of its lease, which isn't over.
pub(super) fn check(shared: &Shared) -> Result<(), TestCaseError> {
    let claims: BTreeMap<String, Claim> =
        live(shared).into_iter().map(|claim| (claim.id.to_string(), claim)).collect();
    let mut owned = BTreeSet::new();
    for claim in claims.values() {
        let id = claim.made().and_then(|made| made.id);
        prop_assert!(id.is_none_or(|id| owned.insert(id)), "two leases have {:?}", claim.made());
        let is_on = matches!(claim.state(), State::Ready | State::Busy);
        let is_ours = claim.ending != Ending::None;
        prop_assert!(!(is_on && is_ours) || claim.deadline.is_some(), "it has no end: {claim:?}");
        let left = claim.deadline.as_ref().and_then(Moment::left);
        prop_assert!(left.is_none_or(|left| left <= LONGEST), "it has no end: {claim:?}");
    }
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
pub(super) fn settle(shared: &Shared) -> Result<(), TestCaseError> {
    shared.pass(SignedDuration::from_hours(1));
    let mut unclear = BTreeSet::new();
    for claim in live(shared) {
        shared.lock().to_delete.insert(claim.id.to_string());
        // Only from where it was made can it be let go of.
        shared.lock().log_in_to(claim.made().and_then(|made| made.scope).as_ref());
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
    let is_left = |thing: &&Thing| thing.lease.is_some() && !unclear.contains(&thing.name);
    let ours: Vec<_> = world.things.iter().filter(is_left).collect();
    prop_assert!(ours.is_empty(), "left: {ours:?}");
    Ok(())
}

/// What has become whose: a resource that was adopted is a lease's, and one whose lease was forgotten, or
/// has let go of it, is nobody's.
pub(super) fn hand_over(shared: &Shared) {
    let (claims, _) = shared.store().as_ref().expect("it is open").all(true).expect("reads");
    let mut world = shared.lock();
    let is_over = |claim: &Claim| claim.state() == State::Released && claim.ending == Ending::None;
    let let_go: BTreeSet<String> =
        claims.iter().filter(|claim| is_over(claim)).map(|claim| claim.id.to_string()).collect();
    let known: BTreeSet<String> = claims.iter().map(|claim| claim.id.to_string()).collect();
    let forgotten = world.forgotten.iter().filter(|lease| !known.contains(*lease)).cloned();
    let without: BTreeSet<String> = forgotten.chain(let_go).collect();
    world.let_go_of(&without);
    for claim in claims.iter().filter(|claim| !claim.state().is_final()) {
        if let Some(id) = claim.made().and_then(|made| made.id) {
            world.adopt(&id, claim.id.as_str(), claim.ending.action());
        }
    }
}
