//! What goes on in the life of a workspace, and that each of the points is come to there.

use super::prepared::{
    ADOPT, a_run_is_killed, all_is_deleted, all_is_forgotten, one_is_adopted, one_is_parked,
    one_is_ready, one_is_ready_and_out_of_reach, ours_builds, ours_is_of,
};
use super::scene::{Group, NO_CHANGE, Scene, comes_to, done, play, points, with_others};
use crate::state::damage_an_index;
use crabbox::fault::POINTS;
use crabbox_test_coder::{Ending, Transition};
use std::collections::BTreeSet;

const RUN: &str = "run -- cat hello.txt";

const FIRST: Group = Group {
    scenes: &[Scene { prepare: all_is_deleted, line: "run -- true", mend: NO_CHANGE, next: RUN }],
    end: all_is_deleted,
};

#[test]
fn a_kill_in_a_first_run_loses_nothing() {
    comes_to(&play(&FIRST), &["claim.after.checkpoint", "child.after.lease", "claim.after.parked"]);
}

const THERE: Group = Group {
    scenes: &[
        Scene { prepare: one_is_parked, line: "run -- true", mend: NO_CHANGE, next: RUN },
        Scene {
            prepare: |coder| drop(done(coder, "warmup")),
            line: "extend @last 9h",
            mend: NO_CHANGE,
            next: "extend @last 10h",
        },
        Scene {
            prepare: one_is_parked,
            line: "stop @last --delete --yes",
            mend: NO_CHANGE,
            next: "cleanup",
        },
    ],
    end: all_is_deleted,
};

#[test]
fn a_kill_in_what_is_done_with_one_that_is_there_loses_nothing() {
    comes_to(&play(&THERE), &["claim.after.take", "child.after.extend", "claim.after.deleted"]);
}

const KEPT: Group = Group {
    scenes: &[
        Scene { prepare: all_is_deleted, line: "warmup", mend: NO_CHANGE, next: RUN },
        Scene { prepare: one_is_ready, line: "warmup", mend: NO_CHANGE, next: RUN },
        Scene {
            prepare: one_is_ready,
            line: "run --artifact * -- true",
            mend: NO_CHANGE,
            next: RUN,
        },
        Scene { prepare: all_is_deleted, line: "run --keep -- true", mend: NO_CHANGE, next: RUN },
        Scene {
            prepare: |coder| {
                one_is_ready(coder);
                coder.world.write("large", &"much ".repeat(200_000));
            },
            line: "cp large @last:copied",
            mend: NO_CHANGE,
            next: "cp large @last:copied",
        },
    ],
    end: all_is_deleted,
};

#[test]
fn a_kill_in_what_stays_ready_loses_nothing() {
    comes_to(&play(&KEPT), &["claim.after.leased", "run.after.let_go", "copy.block"]);
}

const WRONG: Group = Group {
    scenes: &[
        // Somebody has deleted it.
        Scene {
            prepare: |coder| {
                one_is_parked(coder);
                ours_builds(coder, Transition::Delete, |_| {});
            },
            line: "run -- true",
            mend: NO_CHANGE,
            next: RUN,
        },
        // Its first build fails.
        Scene {
            prepare: |coder| {
                all_is_deleted(coder);
                coder.deployment.change(|state| state.template("demo").over_quota = true);
            },
            line: "warmup",
            mend: NO_CHANGE,
            next: "cleanup",
        },
        // A start fails, and then doesn't.
        Scene {
            prepare: |coder| {
                one_is_parked(coder);
                ours_builds(coder, Transition::Start, |one| one.build.ends = Ending::Fails);
            },
            line: "run -- true",
            mend: NO_CHANGE,
            next: RUN,
        },
        // It is given away, and comes back.
        Scene {
            prepare: |coder| {
                one_is_parked(coder);
                ours_is_of(coder, "bob");
            },
            line: "run --id @last -- true",
            mend: |coder| ours_is_of(coder, "alice"),
            next: RUN,
        },
        // Nothing can be made of that.
        Scene {
            prepare: all_is_deleted,
            line: "warmup --coder-template nope",
            mend: NO_CHANGE,
            next: "cleanup",
        },
        // The way to it fails, though all is well with it.
        Scene {
            prepare: one_is_ready_and_out_of_reach,
            line: "run --id @last -- true",
            mend: |coder| coder.deployment.change(|state| state.trouble.limited = 0),
            next: RUN,
        },
        // A disk was bad.
        Scene {
            prepare: |coder| {
                one_is_parked(coder);
                damage_an_index(&coder.world.root().join("state/crabbox/claims.db"));
                assert_eq!(coder.crabbox(&["run", "--", "true"]).code, 125);
            },
            line: "list",
            mend: NO_CHANGE,
            next: RUN,
        },
    ],
    end: all_is_deleted,
};

#[test]
fn a_kill_where_something_is_wrong_loses_nothing() {
    let wanted =
        ["claim.after.gone", "claim.after.lease_failed", "claim.after.unreached", "salvage.moved"];
    comes_to(&play(&WRONG), &wanted);
}

const BROKEN_OFF: Group = Group {
    scenes: &[
        Scene {
            prepare: |coder| {
                all_is_deleted(coder);
                a_run_is_killed(coder, "claim.after.insert");
            },
            line: "stop broken",
            mend: NO_CHANGE,
            next: "cleanup",
        },
        Scene {
            prepare: |coder| {
                all_is_deleted(coder);
                a_run_is_killed(coder, "claim.after.checkpoint:2");
            },
            line: "cleanup",
            mend: NO_CHANGE,
            next: "cleanup",
        },
        Scene {
            prepare: |coder| {
                one_is_parked(coder);
                a_run_is_killed(coder, "session.started");
            },
            line: "cleanup",
            mend: NO_CHANGE,
            next: "cleanup",
        },
    ],
    end: all_is_deleted,
};

#[test]
fn a_kill_in_a_cleanup_after_a_kill_loses_nothing() {
    comes_to(&play(&BROKEN_OFF), &["call.after.resolve", "claim.after.release"]);
}

const ADOPTED: Group = Group {
    scenes: &[
        Scene { prepare: all_is_forgotten, line: ADOPT, mend: NO_CHANGE, next: "cleanup" },
        Scene {
            prepare: one_is_adopted,
            line: "stop @last --yes",
            mend: NO_CHANGE,
            next: "cleanup",
        },
        Scene {
            prepare: one_is_adopted,
            line: "forget @last --yes",
            mend: NO_CHANGE,
            next: "cleanup",
        },
    ],
    end: all_is_forgotten,
};

#[test]
fn a_kill_in_an_adoption_loses_nothing() {
    let wanted = ["claim.after.insert", "child.after.list", "claim.after.let_go"];
    comes_to(&play(&ADOPTED), &wanted);
}

/// That no scene comes to a point is as bad as that there is none.
#[test]
fn every_point_is_come_to_with_this_provider() {
    let mut met = BTreeSet::new();
    for group in [FIRST, THERE, KEPT, WRONG, BROKEN_OFF, ADOPTED] {
        let coder = with_others();
        met.extend(group.scenes.iter().flat_map(|scene| points(&coder, scene)));
    }
    // No scene keeps a record from being written.
    let points = POINTS.iter().filter(|point| !point.contains("mark"));
    comes_to(&met, &points.copied().collect::<Vec<_>>());
}
