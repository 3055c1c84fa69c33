//! Sequences that went wrong once, each killed at every point of its last step but one.

use super::world::{Mood, Shared};
use super::{Order, begin, check, crash_after, desk, live, obey, run, stop, until_killed, wanted};
use crate::claims::{Claim, State};
use crate::lease::acquire::Wanted;
use crate::output::Exit;
use crabbox_provider_api::payload::{ReleaseAction, Settings};

/// More points than any command passes.
const POINTS: usize = 40;

const RUN: Order = Order::Run { checkout: true, keep: false, fresh: false, delete: false };

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
        let id = Some(claim.id.to_string());
        until_killed(|| {
            run(&shared, &Wanted { id, ..wanted(true, false, false, ReleaseAction::Park) })
        });
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
