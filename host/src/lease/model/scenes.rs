//! Sequences that went wrong once, each killed at every point of its last step but one.

use super::mood::Mood;
use super::orders::{By, Leave, Order, desk, live, obey, run, stop, until_killed, wanted};
use super::provider::{LONGEST, Shared};
use super::{begin, check, crash_after};
use crate::claims::{Claim, State};
use crate::lease::wanted::Wanted;
use crate::output::Exit;
use crabbox_provider_api::payload::Settings;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// More points than any command passes.
const POINTS: usize = 40;

const RUN: Order = Order::Run {
    checkout: true,
    by: By::Checkout,
    leave: Leave::Settled,
    fresh: false,
    delete: false,
};

/// The only lease, whose `lease` was killed when the id of its resource had just been recorded.
fn killed_with_its_id() -> (tempfile::TempDir, Shared, Claim) {
    let killed = (0..POINTS).find_map(|points| {
        let (folder, shared) = begin();
        crash_after(Some(points));
        obey(&shared, RUN);
        crash_after(None);
        check(&shared).expect("all is well until then");
        let claim = live(&shared).pop()?;
        let knows = claim.made().is_some_and(|made| made.id.is_some());
        (knows && claim.state() == State::Leasing).then_some((folder, shared, claim))
    });
    killed.expect("there is such a point")
}

#[test]
fn what_was_put_under_the_name_of_a_lease_is_never_taken_for_its_own() {
    for points in 0..POINTS {
        let (_folder, shared, claim) = killed_with_its_id();
        shared.lock().behind_our_back(0, true);
        crash_after(Some(points));
        let wanted = wanted(&shared, true, By::Id(0));
        assert_eq!(wanted.id.as_deref(), Some(claim.id.as_str()));
        until_killed(|| run(&shared, &wanted, Leave::Settled));
        crash_after(None);
        shared.lock().moods = [Mood::FindsAnother].into();
        stop(&shared, &claim, true);
        let world = shared.lock();
        assert!(world.wrongs.is_empty(), "after {points} points: {:?}", world.wrongs);
    }
}

#[test]
fn a_box_that_is_found_in_another_place_is_left_alone_and_both_places_are_named() {
    let (_folder, shared) = begin();
    obey(&shared, RUN);
    let claim = live(&shared).pop().expect("one");
    shared.lock().moods = [Mood::IsElsewhere].into();
    let stopped = desk(&shared).stop(claim.id.as_str(), true, &Settings::default());
    let error = stopped.expect_err("it isn't that one");
    assert_eq!(error.kind(), Exit::Conflict);
    let why =
        "it belongs to account `me` of `model`, and what is there now to account `you` of `model`";
    assert!(error.to_string().ends_with(why), "{error}");
    let after = live(&shared).pop().expect("it stays");
    assert_eq!((after.trouble.as_deref(), after.made()), (Some(why), claim.made()));
    assert_eq!(shared.lock().things.len(), 1);
}

#[test]
fn no_answer_takes_a_deadline_away() {
    let (_folder, shared) = begin();
    shared.lock().ends_boxes = true;
    obey(&shared, Order::WarmUp { checkout: true, by: By::Checkout });
    let claim = live(&shared).pop().expect("one");
    for mood in [Mood::Well, Mood::IsUnsure] {
        shared.lock().moods = [mood].into();
        let extended = desk(&shared).extend(claim.id.as_str(), HOUR * 9, &Settings::default());
        let left = extended.expect("extends").deadline.and_then(|end| end.left());
        assert!(left.is_some_and(|left| left > HOUR * 8 && left <= LONGEST), "{left:?}");
    }
    check(&shared).expect("all is well");
}

#[test]
fn nothing_is_made_for_a_claim_that_does_not_permit_it() {
    let (_folder, shared) = begin();
    let wanted = Wanted { keep: true, ..wanted(&shared, true, By::Checkout) };
    run(&shared, &wanted, Leave::Keep);
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
